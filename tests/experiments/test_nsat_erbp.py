"""`experiments/nsat_erbp.py`: killed at any moment or repeated, it ends with what an undisturbed run ends with."""

import importlib.util
import json

import numpy as np
import pytest

from erbp_jax.__main__ import guarded
from erbp_jax.training import run_folder

OPTIONS = ("--train-size", "4", "--test-size", "2", "--replicas", "2", "--epochs", "2", "--halve-after", "1", "--fresh")


@pytest.fixture(scope="module")
def script(root):
    spec = importlib.util.spec_from_file_location("nsat_erbp", root / "experiments" / "nsat_erbp.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(script, monkeypatch, capsys, mnist):
    assert len(mnist.test.y) == 10_000

    def call(out, *options):
        monkeypatch.setattr("sys.argv", ["nsat_erbp.py", *OPTIONS, *options, "--out", str(out)])
        try:
            guarded(script.main)
        except SystemExit as stop:
            return stop.code, capsys.readouterr().err
        return 0, capsys.readouterr().err

    return call


def content(folder):
    """Numbers and texts of all files but the lock."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".npz":
            with np.load(path) as archive:
                found[path.name] = {name: archive[name].tolist() for name in archive.files}
        elif path.suffix == ".json":
            found[path.name] = json.loads(path.read_text())
        elif path.suffix == ".png":
            found[path.name] = len(path.read_bytes())
    return found


def test_a_run_that_is_repeated_or_killed_late_ends_alike(run, tmp_path, monkeypatch, script):
    out = tmp_path / "out"
    assert run(out)[0] == 0
    whole = content(out)
    assert sorted(whole) == ["learning_curve.png", "program.npz", "state.npz", "summary.json"]
    assert max(whole["program.npz"]["c0_rr_bits"]) == 11  # 10, and one more after the first epoch
    assert [row["rounding_bits"] for row in whole["summary.json"]["epochs"]] == [10, 11]

    def trained_again(*_):
        raise AssertionError("an epoch was trained again")

    monkeypatch.setattr(script, "_epoch", trained_again)
    assert run(out)[0] == 0
    assert content(out) == whole
    for name in ("program.npz", "summary.json", "learning_curve.png"):
        (out / name).unlink()  # killed after the last state
    (out / "summary.json").write_text(json.dumps({"epochs": whole["summary.json"]["epochs"][:1]}))
    assert run(out)[0] == 0
    assert content(out) == whole

    with run_folder.lock(out):
        code, err = run(out)
    assert (code, "in use by a live run" in err) == (2, True)
    code, err = run(out, "--seed", "1")
    assert (code, "holds a run with other options" in err) == (2, True)
    state = (out / "state.npz").read_bytes()
    for damaged in (state[: len(state) // 2], b"", b"no archive", state.replace(b"PK", b"XX")):
        (out / "state.npz").write_bytes(damaged)
        code, err = run(out)
        assert code == 2
        assert f"error: {out / 'state.npz'}: damaged" in err
        assert err.count("\n") == 1
