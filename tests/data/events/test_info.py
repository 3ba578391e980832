"""`erbp-jax data info` on recordings, and training on a folder of them from the shell."""

import json

import numpy as np
import pytest

from erbp_jax.data.events import Events, write_bin, write_npz
from tests.command_line import call
from tests.data.events.test_readers import made


@pytest.fixture
def small(tmp_path):
    """Three recordings of N-MNIST in a folder."""
    for number in (1, 2, 60001):
        write_bin(tmp_path / f"{number}.bs2", made(seed=number))
    (tmp_path / "train1K.txt").write_text("#sample #class\n1\t5\n2\t0\n")
    (tmp_path / "test100.txt").write_text("#sample #class\n60001\t0\n")
    return tmp_path


def test_a_folder_is_described_and_drawn(small, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    code, out, _ = call(monkeypatch, capsys, "data", "info", small, "--picture", tmp_path / "seen.png")
    assert code == 0
    assert "training: 2 recordings, sensor 34 x 34 x 2" in out
    assert "events per recording: 50 (50 to 50)" in out
    assert "labels: 0: 1, 5: 1" in out
    assert (tmp_path / "seen.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_cochlea_is_drawn_too(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    write_npz(tmp_path / "one.npz", [(made((1, 40, 1), seed=s), s) for s in range(3)])
    code, out, _ = call(monkeypatch, capsys, "data", "info", tmp_path / "one.npz", "--picture", tmp_path / "seen.png")
    assert code == 0
    assert "file: 3 recordings, sensor 1 x 40 x 1" in out
    assert (tmp_path / "seen.png").stat().st_size > 5000


def test_faults_are_found_and_the_rest_is_described(small, monkeypatch, capsys):
    (small / "2.bs2").write_bytes(bytes([0, 0, 0, 0, 9, 0, 0, 0, 0, 3]))
    code, out, _ = call(monkeypatch, capsys, "data", "info", small)
    assert code == 1
    assert "fault: " in out
    assert "event 1: at 3 us after one at 9 us" in out
    assert call(monkeypatch, capsys, "data", "info", small, "--repair")[0] == 0


def test_what_others_read_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "sample.aedat4").write_bytes(b"#!AER-DAT4.0\r\n")
    code, _, err = call(monkeypatch, capsys, "data", "info", tmp_path / "sample.aedat4")
    assert code == 2
    assert "docs/guides/events.md" in err
    code, _, err = call(monkeypatch, capsys, "data", "info", tmp_path / "none.bin")
    assert code == 2
    assert "none.bin: no such file or folder" in err


@pytest.mark.usefixtures("without_pictures")
def test_a_folder_is_learned_from_the_shell(tmp_path, monkeypatch, capsys):
    """Left or right half of a small sensor, by back-propagation; the window is cut, and that is said."""
    rng = np.random.default_rng(0)

    def one(label):
        t = np.sort(rng.integers(0, 30_000, 80))
        x = rng.integers(0, 4, 80) + 4 * label
        return Events(t, x, rng.integers(0, 6, 80), rng.integers(0, 2, 80), sensor=(6, 8, 2)), label + 3

    for part, number in (("train", 60), ("test", 20)):
        write_npz(tmp_path / f"{part}.npz", [one(i % 2) for i in range(number)])
    out = tmp_path / "run"
    code, _, err = call(
        monkeypatch, capsys, "train", f"data.path={tmp_path}", "network.layers=[auto,10,auto]", "encoding.steps=10",
        "encoding.dt=2", "data.events={pool: 2}", "rule={kind: bp}", "training.epochs=8",
        "network.neuron={tau_mem: 0, tau_syn: 4, refractory: 0}", "training.batch_size=10",
        "training.alignment=false", "--out", out,
    )  # fmt: skip
    assert code == 0, err
    assert "events lie beyond 10 ticks of 2 ms and are cut off" in err
    summary = json.loads((out / "summary.json").read_text())
    assert summary["network"] == "24-10-2"
    assert summary["test_error"] < 20
    code, _, err = call(
        monkeypatch, capsys, "train", "data.name=digits", "data.events={pool: 2}", "--out", tmp_path / "b"
    )
    assert code == 2
    assert "data.events: is for recordings of events, and digits holds none" in err
