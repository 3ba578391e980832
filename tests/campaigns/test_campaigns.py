"""Short, seeded campaigns, and what tells good outcomes from bad ones. The long ones: `make campaign`."""

import shutil

import numpy as np
import pytest

from tests.campaigns import disk, fuzz, growth, kills
from tests.campaigns.malformed import KINDS, Material, trial
from tests.campaigns.outcome import Outcome, fault


@pytest.fixture(autouse=True)
def cheap_programs(monkeypatch, cli_environment):
    for name in ("JAX_COMPILATION_CACHE_DIR", "JAX_DISABLE_MOST_OPTIMIZATIONS"):
        monkeypatch.setenv(name, cli_environment[name])


def test_a_killed_training_ends_as_the_undisturbed_one(tmp_path, capsys, monkeypatch):
    small = (*kills.VARIANTS["plain"], "training.epochs=2", "training.alignment=false")
    monkeypatch.setitem(kills.VARIANTS, "small", small)
    code = kills.campaign(1, 18, tmp_path, jobs=1, variants=("small",), most=1, twice=False)
    output = capsys.readouterr().out
    assert code == 0, output
    assert "in 1 lives, 1 identical, 0 failed (seed 18" in output


def test_malformed_inputs_end_with_one_message(tmp_path, capsys):
    code = fuzz.campaign(12, 0, tmp_path, alone=12, trains=10**9)
    output = capsys.readouterr().out
    assert code == 0, output
    assert output.startswith("fuzz: 12 inputs of ")


def test_nothing_grows(tmp_path, capsys):
    code = growth.campaign(30, 0, tmp_path)
    output = capsys.readouterr().out
    assert code == 0, output
    assert ", 0 compilations, 0 failed" in output


def test_a_full_disk_is_one_message(tmp_path, capsys):
    code = disk.campaign(1, 0, tmp_path, only=("simulate",), others=False)
    output = capsys.readouterr().out
    assert code == 0, output
    assert "disk: 1 commands on small disks" in output


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome(0, "test error 3 %\n", ""), None),
        (Outcome(2, "", "error: x: unknown key\n  y: more of it\n"), None),
        (Outcome(2, "", "warning: slow\nerror: x\n"), None),
        (Outcome(1, "", "stopped: the weights of input -> hidden1 became NaN\n"), None),
        (Outcome(2, "", "Traceback (most recent call last):\n"), "traceback"),
        (Outcome(2, "", ""), "0 messages"),
        (Outcome(2, "", "error: a\nerror: b\n"), "2 messages"),
        (Outcome(2, "", "error: " + "x" * 10_000), "characters"),
        (Outcome(1, "", "error: a\n"), "without `stopped: `"),
        (Outcome(0, "", "error: a\n"), "exit code 0 with"),
        (Outcome(-11, "", ""), "exit code -11"),
        (Outcome(0, "", "", seconds=21.0), "took 21 s"),
        (Outcome(2, "", "error: a\n", megabytes=3000.0), "3000 MB"),
    ],
)
def test_which_outcomes_are_allowed(outcome, words):
    found = fault(outcome)
    assert (found is None) if words is None else (found is not None and words in found)


@pytest.mark.parametrize(
    ("blow", "outcome", "words"),
    [
        ("SIGKILL", Outcome(-9, "", ""), None),
        ("SIGSTOP, SIGKILL", Outcome(-9, "", ""), None),
        ("SIGTERM", Outcome(-15, "", ""), None),
        ("SIGINT twice", Outcome(130, "interrupted; go on with: x\n", ""), None),
        ("SIGINT", Outcome(0, "quicker than the signal", ""), None),
        ("SIGINT", Outcome(1, "interrupted; go on with: x\n", ""), "exit code 1"),
        ("SIGINT", Outcome(130, "", ""), "0 lines"),
        ("SIGINT", Outcome(130, "interrupted\ninterrupted\n", ""), "2 lines"),
        ("SIGKILL", Outcome(1, "", ""), "wanted -9"),
        ("SIGTERM", Outcome(-15, "", "Traceback (most recent call last)"), "traceback"),
    ],
)
def test_how_a_killed_command_may_end(blow, outcome, words):
    found = kills.wrong_end(blow, outcome)
    assert (found is None) if words is None else (found is not None and words in found)


@pytest.fixture
def two_runs(tmp_path):
    a = tmp_path / "a"
    (a / "checkpoints" / "7").mkdir(parents=True)
    np.savez(a / "weights.npz", layer0_weight=np.arange(3.0))
    (a / "metrics.jsonl").write_text('{"epoch": 1, "test_error": 3.0, "train_seconds": 1.0}\n')
    (a / "summary.json").write_text('{"test_error": 3.0, "samples_per_second": 10.0}\n')
    (a / "raster.png").write_bytes(b"picture")
    return a, shutil.copytree(a, tmp_path / "b")


def test_equal_runs_may_differ_in_their_times_and_locks(two_runs):
    a, b = two_runs
    (b / "metrics.jsonl").write_text('{"epoch": 1, "test_error": 3.0, "train_seconds": 2.0}\n')
    (b / "summary.json").write_text('{"test_error": 3.0, "samples_per_second": 20.0}\n')
    (b / ".lock").touch()
    assert kills.different(a, b) is None


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda b: np.savez(b / "weights.npz", layer0_weight=np.nextafter(np.arange(3.0), 9)), "weights.npz differs"),
        (lambda b: (b / "metrics.jsonl").write_text('{"epoch": 1, "test_error": 3.1}\n'), "metrics.jsonl differs"),
        (lambda b: (b / "summary.json").write_text("{}"), "summary.json differs"),
        (lambda b: (b / "raster.png").unlink(), "only in one of them: raster.png"),
        (lambda b: (b / ".weights.partial.npz").touch(), "only in one of them: .weights.partial.npz"),
        (lambda b: (b / "checkpoints" / ".8.tmp").mkdir(), "left behind: checkpoints/.8.tmp"),
    ],
)
def test_what_a_kill_may_not_change(two_runs, spoil, words):
    a, b = two_runs
    spoil(b)
    assert kills.different(a, b) == words


def test_a_file_outside_of_out_is_found(tmp_path):
    case = tmp_path / "a" / "b"
    case.mkdir(parents=True)
    before = fuzz.everything(tmp_path)
    (case / "out").mkdir()
    (case / "out" / "config.yaml").touch()
    assert fuzz.written_elsewhere(before, tmp_path, ("out",), case) is None
    assert fuzz.written_elsewhere(before, tmp_path, (), case) == str(case / "out")
    (tmp_path / "escaped").touch()
    assert fuzz.written_elsewhere(before, tmp_path, ("out",), case) == str(tmp_path / "escaped")


def test_what_is_tried_follows_from_the_seed(tmp_path, root):
    basis = Material(tmp_path, tmp_path, tuple(sorted((root / "tests" / "golden" / "nsat").glob("*.npz"))[:2]))
    seen = set()
    for number in range(40):
        made = []
        for name in ("first", "second"):
            folder = tmp_path / f"{number}-{name}"
            folder.mkdir()
            try:
                kind, what = trial(3, number, folder, basis)
            except (OSError, IndexError):  # a damaged run, of which there is none here
                made.append(None)
                continue
            seen.add(kind)
            files = {p.name: p.stat().st_size for p in folder.rglob("*") if p.is_file()}
            made.append((kind, what, files))
        assert made[0] == made[1]
    assert len(seen) >= len(KINDS) - 3
