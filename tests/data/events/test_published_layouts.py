"""An epoch by the shipped configs on files in the exact layouts of sets that cannot be had here."""

import json

import numpy as np
import pytest

from erbp_jax.data.events import Events, aedat31, write_hdf5
from tests.command_line import call

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("without_pictures")]
SHORT = ("training.epochs=1", "training.batch_size=4")


def trained(monkeypatch, capsys, config, folder, rule, *overrides):
    out = folder / rule
    code, _, err = call(
        monkeypatch, capsys, "train", config, f"data.path={folder}", "--rule", rule, *SHORT, *overrides, "--out", out
    )
    assert code == 0, err
    return json.loads((out / "summary.json").read_text())


@pytest.mark.parametrize("rule", ["erbp", "bp"])
def test_shd(root, tmp_path, monkeypatch, capsys, rule):
    rng = np.random.default_rng(0)

    def one(label):
        t = np.sort(rng.integers(0, 900_000, 300))
        x = np.clip(35 * label + rng.integers(0, 30, 300), 0, 699)
        return Events(t, x, np.zeros(300, int), np.zeros(300, int), sensor=(1, 700, 1)), label

    pytest.importorskip("h5py")
    for part in ("train", "test"):
        write_hdf5(tmp_path / f"shd_{part}.h5", [one(i % 20) for i in range(20)])
    summary = trained(monkeypatch, capsys, root / "configs/shd/700_256_20.yaml", tmp_path, rule)
    assert summary["network"] == "700-256-20 with 3 projections"
    assert np.isfinite(summary["test_error"])


@pytest.mark.parametrize("rule", ["erbp", "bp"])
def test_dvs_gesture(root, tmp_path, monkeypatch, capsys, rule):
    rng, names = np.random.default_rng(0), {"train": "user01_led", "test": "user02_led"}
    for part, name in names.items():
        t = np.sort(rng.integers(0, 11_000_000, 20_000))
        x, y, p = (rng.integers(0, n, len(t)) for n in (128, 128, 2))
        (tmp_path / f"{name}.aedat").write_bytes(aedat31.encode(Events(t, x, y, p, sensor=(128, 128, 2))))
        table = [f"{label},{(label - 1) * 1_000_000},{label * 1_000_000}" for label in range(1, 12)]
        (tmp_path / f"{name}_labels.csv").write_text("\n".join(["class,startTime_usec,endTime_usec", *table]))
        (tmp_path / f"trials_to_{part}.txt").write_text(f"{name}.aedat\n")
    summary = trained(monkeypatch, capsys, root / "configs/dvs_gesture/maps_11.yaml", tmp_path, rule)
    assert summary["network"].startswith("2048-16c5s2-p2-128-11")
    assert np.isfinite(summary["test_error"])
