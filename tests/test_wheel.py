"""What is installed from a wheel works by itself, from any folder, with the configs that the docs name."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from erbp_jax.cli.running import named_config
from erbp_jax.config.shipped import names, shipped


def run(*arguments, cwd, **environment):
    """The standard output of a command that has to succeed, in a process that knows nothing of this checkout."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [*map(str, arguments)], cwd=cwd, env={**clean, **environment}, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_shipped_config_is_found_by_its_name(tmp_path, monkeypatch, root, capsys):
    monkeypatch.chdir(tmp_path)
    assert shipped(Path("configs/digits.yaml")) == root / "configs" / "digits.yaml"
    assert named_config(Path("configs/digits.yaml")) == root / "configs" / "digits.yaml"
    assert "configs/digits.yaml is not in this folder" in capsys.readouterr().out
    assert "configs/pi_mnist/784_200_10.yaml" in names()


def test_a_file_of_the_same_name_goes_first(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "digits.yaml").touch()
    assert named_config(Path("configs/digits.yaml")) == Path("configs/digits.yaml")
    assert not capsys.readouterr().out


@pytest.mark.parametrize("name", ["configs/none.yaml", "digits.yaml", "configs/../configs/digits.yaml", "configs"])
def test_no_other_name_leads_to_one(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert shipped(Path(name)) is None


def test_a_wheel_trains_in_another_folder(tmp_path, root):
    run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
        "--disable-pip-version-check", "--wheel-dir", tmp_path, root, cwd=tmp_path,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    assert {f"erbp_jax/{name}" for name in names()} <= inside
    assert "erbp_jax/py.typed" in inside
    assert not [name for name in inside if name.startswith(("tests", "docs", "configs"))]

    fresh = tmp_path / "fresh"
    run(sys.executable, "-m", "venv", "--without-pip", fresh, cwd=tmp_path)
    python = fresh / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index",
        "--disable-pip-version-check", wheel, cwd=tmp_path,
    )  # fmt: skip
    place = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip())
    (place / "dependencies.pth").write_text(sysconfig.get_path("purelib"))  # those of this environment

    shell = python.with_name("erbp-jax")
    assert run(shell, "--version", cwd=tmp_path).strip() == version("erbp-jax")
    assert run(python, "-c", "import erbp_jax; print(erbp_jax.__file__)", cwd=tmp_path).startswith(str(place))
    keys = ("training.epochs=1", "data.train_size=100", "data.test_size=50")
    out = run(
        shell, "train", "configs/digits.yaml", *keys, "--out", "mine", cwd=tmp_path,
        JAX_PLATFORMS="cpu", JAX_DISABLE_MOST_OPTIMIZATIONS="1",
    )  # fmt: skip
    assert (
        f"config: configs/digits.yaml is not in this folder; the one that comes with erbp_jax is used: {place}" in out
    )
    assert (tmp_path / "mine" / "summary.json").is_file()
