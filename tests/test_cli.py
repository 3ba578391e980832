"""The command line through its real entry point: what it prints, writes and returns."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax import archive
from tests.command_line import call

SMALL = [
    "data.train_size=600", "data.test_size=60", "encoding.steps=20", "training.epochs=3", "network.layers=[64,50,10]",
]  # fmt: skip


# A process that was started in the background may inherit "ignore SIGINT": the command line must hear Ctrl-C here.
ENTRY = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from erbp_jax.__main__ import entry
entry()
"""


def start(environment, *arguments, cwd=None):
    return subprocess.Popen(
        [sys.executable, "-c", ENTRY, *map(str, arguments)],
        env=environment, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run(environment, *arguments, cwd=None):
    process = start(environment, *arguments, cwd=cwd)
    out, err = process.communicate(timeout=400)
    return process.returncode, out, err


@pytest.fixture
def digits(root):
    return root / "configs" / "digits.yaml"


WRONG = {
    "an unknown key": (["trainig.epochs=3"], ["trainig: unknown key", "did you mean 'training'?"]),
    "an unknown key inside": (
        ["network.neuron.tau_men=3"],
        ["network.neuron.tau_men", "did you mean 'tau_mem'?"],
    ),
    "a wrong type": (["training.epochs=many"], ["training.epochs", "integer", "'many'"]),
    "a probability above 1": (
        ["rule.kind=perbp", "network.transmission.p=1.5"],
        ["network.transmission.p", "less than or equal to 1", "1.5"],
    ),
    "a negative time constant": (
        ["network.neuron.tau_mem=-1"],
        ["network.neuron.tau_mem", "greater than or equal to 0"],
    ),
    "a dt of zero": (["encoding.dt=0"], ["encoding.dt", "greater than 0"]),
    "an empty layer": (["network.layers=[64,0,10]"], ["network.layers.1", "greater than or equal to 1"]),
    "no hidden units that fit": (["network.layers=[32,10]"], ["network.layers", "64", "inputs of digits"]),
    "the wrong number of classes": (["network.layers=[64,12,7]"], ["network.layers", "classes", "got 7"]),
    "an unknown rule": (
        ["rule.kind=erpb"],
        ["rule.kind", "'erpb'", "did you mean 'erbp'", "known: erbp, perbp"],
    ),
    "an unknown neuron": (["network.neuron.kind=hodgkin"], ["network.neuron.kind", "known: lif"]),
    "an unknown encoding": (["encoding.kind=morse"], ["encoding.kind", "known: poisson, escape, regular"]),
    "perbp with reliable synapses": (
        ["rule.kind=perbp", "network.transmission.kind=reliable"],
        ["network.transmission.kind", "perbp"],
    ),
    "one bit": (["precision.weight_bits=1"], ["precision.weight_bits", "greater than or equal to 2"]),
    "output neurons of no kind": (["network.output_neuron.threshold=2"], ["network.output_neuron.kind", "missing"]),
    "a range too many": (
        ["precision.weight_bits=8", "precision.weight_range=[1,1,1]"],
        ["precision.weight_range", "2 layers", "got 3"],
    ),
    "a block that does not divide": (["training.update_every=7"], ["training.update_every", "divisors"]),
    "a rate above one per tick": (["encoding.max_rate=1500"], ["encoding.max_rate", "1500"]),
    "a regular spike in every tick": (["encoding.max_rate=1000"], ["encoding.max_rate", "1000 Hz", "poisson takes it"]),
    "a chance that is never drawn": (
        ["network.transmission.kind=blank_out", "network.transmission.p=1e-300"],
        ["transmission probability", "0 or at least 2.33e-10"],
    ),
    "a batch above the data": (["training.batch_size=9999"], ["training.batch_size", "1437"]),
    "more data than there is": (["data.train_size=5000"], ["data.train_size", "5000", "1437"]),
    "a gate upside down": (["rule.gate=[2,-2]"], ["rule", "low must lie below high"]),
    "too many gates": (["rule.gate=[[-1,1],[-1,1],[-1,1]]"], ["rule.gate", "2 layers"]),
    "times off the grid": (
        ["rule.burn_in=10.5"],
        ["rule.burn_in", "10.5 ms", "encoding.dt"],
    ),
    "not an override": (["training.epochs"], ["dotted.key=value"]),
    "two mistakes": (["training.epochs=0", "seed=-1"], ["training.epochs", "seed"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_one_clear_message_and_nothing_written(monkeypatch, capsys, tmp_path, digits, case):
    overrides, words = WRONG[case]
    out = tmp_path / "run"
    code, _, err = call(monkeypatch, capsys, "train", digits, *overrides, "--out", out)
    assert code == 2
    assert err.startswith("error: ")
    assert "Traceback" not in err
    for word in words:
        assert word in err
    assert not out.exists()


def test_missing_and_broken_config_files(monkeypatch, capsys, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("training: [unclosed")
    for path, words in ((tmp_path / "none.yaml", "no such config file"), (broken, "not YAML")):
        code, _, err = call(monkeypatch, capsys, "train", path)
        assert code == 2
        assert words in err


def test_a_dead_time_that_hides_the_label_is_a_warning_with_its_reason(monkeypatch, capsys, tmp_path, digits):
    code, _, err = call(
        monkeypatch,
        capsys,
        "train",
        digits,
        "network.neuron.refractory=4",
        "training.batch_size=9999",
        "--out",
        tmp_path / "r",
    )
    assert code == 2  # the batch size: the warning comes before anything runs
    assert "warning: network.neuron.refractory" in err
    assert "never match its label" in err


def test_missing_data_says_three_ways_to_get_it(monkeypatch, capsys, tmp_path, root):
    monkeypatch.delenv("ERBP_JAX_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    config = root / "configs" / "pi_mnist" / "erbp_784_100_10.yaml"
    code, _, err = call(monkeypatch, capsys, "train", config, "--out", tmp_path / "run")
    assert code == 2
    for word in ("data fetch mnist", "ERBP_JAX_DATA=", "data.dir=", "configs/digits.yaml"):
        assert word in err
    assert not (tmp_path / "run").exists()


def test_an_output_folder_that_cannot_be_written(monkeypatch, capsys, tmp_path, digits):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    code, _, err = call(monkeypatch, capsys, "train", digits, "--out", blocked / "run")
    assert code == 2
    assert "cannot be written" in err


def test_an_output_folder_with_something_in_it(monkeypatch, capsys, tmp_path, digits):
    (tmp_path / "mine.txt").write_text("precious")
    code, _, err = call(monkeypatch, capsys, "train", digits, "--out", tmp_path)
    assert code == 2
    assert "not an empty folder" in err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_resume_and_evaluate_need_a_run_folder(monkeypatch, capsys, tmp_path):
    for command in ("resume", "evaluate"):
        code, _, err = call(monkeypatch, capsys, command, tmp_path)
        assert code == 2
        assert "not a run folder" in err


def test_help_is_quick_because_jax_is_not_imported():
    code = "import sys; import erbp_jax.cli; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("closed", "name", "code"), [(">&-", "digits", 0), ("2>&-", "digits", 0), ("2>&-", "x", 2)])
def test_closed_streams_change_no_exit_code(closed, name, code):
    command = f"{sys.executable} -m erbp_jax data info {name} {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_energy_belongs_to_early_decisions(finished, monkeypatch, capsys):
    code, _, err = call(monkeypatch, capsys, "evaluate", finished[0], "--energy", "talk")
    assert code == 2
    assert "--anytime" in err


def test_data_commands(monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "data", "info", "digits")
    assert code == 0
    assert "1,437 training and 360 test samples of 8 x 8" in out
    assert call(monkeypatch, capsys, "data", "verify", "digits")[1].startswith("digits: ok")
    code, _, err = call(monkeypatch, capsys, "data", "info", "cifar")
    assert code == 2
    assert "neither digits nor mnist" in err


def test_a_set_is_described_with_the_name_of_its_test_set(monkeypatch, capsys, tmp_path):
    ej.dataset(np.eye(10), np.arange(10) % 2).subset(None, None, validation=3).save(tmp_path / "held.npz")
    code, out, err = call(monkeypatch, capsys, "data", "info", tmp_path / "held.npz")
    assert code == 0, err
    assert "held: 5 training and 3 held-out samples of 10, 2 classes (0, 1)" in out


def test_fetch_names_the_extra_that_it_needs(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # as where the extra is not installed
    code, _, err = call(monkeypatch, capsys, "data", "fetch", "mnist", "--dir", tmp_path)
    assert code == 2
    assert "pip install 'erbp-jax[data]'" in err


@pytest.fixture(scope="module")
def finished(tmp_path_factory, cli_environment, root):
    """A small run of two seeds, through a process of its own."""
    out = tmp_path_factory.mktemp("runs") / "finished"
    code, printed, err = run(
        cli_environment, "train", root / "configs" / "digits.yaml", *SMALL, "training.seeds=2",
        "training.alignment=true", "--out", out,
    )  # fmt: skip
    assert code == 0, err
    return out, printed


def test_a_run_folder_holds_what_the_design_promises(finished):
    out, printed = finished
    assert printed.count("epoch ") >= 3
    summary = json.loads((out / "summary.json").read_text())
    for key in (
        "rule", "dataset", "network", "seed", "epochs", "test_error", "test_error_mean_last5", "train_seconds",
        "compile_seconds", "samples_per_second", "synops_per_sample",
    ):  # fmt: skip
        assert key in summary
    assert summary["network"] == "64-50-10"
    assert len(summary["test_error_mean_last5_per_seed"]) == 2
    metrics = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [m["epoch"] for m in metrics] == [1, 2, 3]
    assert summary["test_error_mean_last5"] == pytest.approx(np.mean([m["test_error"] for m in metrics]))
    assert metrics[-1]["test_error"] < 40
    environment = json.loads((out / "environment.json").read_text())
    assert environment["versions"]["jax"]
    assert environment["command"][1] == "train"
    for picture in ("learning_curve.png", "raster.png", "weights.png", "alignment.png"):
        assert (out / picture).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    weights = archive.load(out / "weights.npz")
    assert weights["layer0_weight"].shape == (2, 64, 50)
    assert summary["pictures"] == ["learning_curve.png", "weights.png", "raster.png", "alignment.png"]
    assert not list(out.rglob(".*partial*"))


def test_evaluate_gives_the_error_of_the_last_epoch(finished, monkeypatch, capsys):
    out, _ = finished
    code, printed, err = call(monkeypatch, capsys, "evaluate", out)
    assert code == 0, err
    result = json.loads((out / "evaluation.json").read_text())
    last = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])
    assert result["test_error"] == pytest.approx(last["test_error"])
    assert "SynOps" in printed
    code, _, err = call(monkeypatch, capsys, "evaluate", out, "rule.burn_in=0")
    assert code == 2
    assert "rule.burn_in" in err


def test_a_run_is_tested_by_another_decision(finished, monkeypatch, capsys):
    out, _ = finished
    by = "task={kind: classification, by: current}"
    code, printed, err = call(monkeypatch, capsys, "evaluate", out, by)
    assert (code, "0.00 % undecided" in printed) == (0, True), err
    assert "current" in json.loads((out / "evaluation.json").read_text())["task"]
    code, printed, err = call(monkeypatch, capsys, "evaluate", out, by, "--anytime")
    assert (code, "sum of currents, 20 ticks" in printed) == (0, True), err
    whole = json.loads((out / "anytime.json").read_text())["current"][-1]
    assert whole["error"] == pytest.approx(json.loads((out / "evaluation.json").read_text())["test_error"])
    code, _, err = call(monkeypatch, capsys, "evaluate", out, by, "--weight-bits", 8)
    assert code == 0, err
    rounded = json.loads((out / "quantized.json").read_text())
    assert rounded["before"]["test_error"] == pytest.approx(whole["error"])
    first = "task={kind: classification, by: first}"
    code, _, err = call(monkeypatch, capsys, "evaluate", out, first, "--weight-bits", 8)
    assert (code, "add task.by=count" in err) == (2, True)


def test_early_decisions_and_fewer_bits_of_a_finished_run(finished, monkeypatch, capsys):
    out, _ = finished
    last = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])
    code, printed, err = call(monkeypatch, capsys, "evaluate", out, "--anytime")
    assert code == 0, err
    assert "first output spike" in printed
    result = json.loads((out / "anytime.json").read_text())
    whole = result["spike_count"][-1]
    assert whole["ticks_given"] == result["ticks"] == 20
    assert whole["error"] == pytest.approx(last["test_error"])
    assert whole["synops"] == pytest.approx(last["synops_per_sample"])
    assert whole["microjoules"] == pytest.approx(20e-6 * whole["synops"])
    first = result["majority"][0]
    assert 0 < first["synops"] < whole["synops"]
    assert first["ms"] >= 1
    assert (out / "anytime.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"

    code, printed, err = call(monkeypatch, capsys, "evaluate", out, "--weight-bits", 2, "--state-bits", 8)
    assert code == 0, err
    assert "before" in printed
    bits = json.loads((out / "quantized.json").read_text())
    assert bits["before"]["test_error"] == pytest.approx(last["test_error"])
    assert bits["before"]["rates_hz"] == pytest.approx(last["rates_hz"][1:], abs=1e-3)
    assert bits["after"]["test_error"] > bits["before"]["test_error"]
    assert np.shape(bits["weight_steps"]) == (2, 2)

    for arguments, word in (
        (["--weight-bits", 1], "--weight-bits: must be from 2"),
        (["--state-bits", 4], "--state-bits: must be from 8"),
        (["--anytime", "--energy", "talc"], "'talc'; known: talk"),
    ):
        code, _, err = call(monkeypatch, capsys, "evaluate", out, *arguments)
        assert code == 2
        assert word in err


def test_resume_of_a_finished_run_and_with_another_config(finished, monkeypatch, capsys):
    out, _ = finished
    code, printed, _ = call(monkeypatch, capsys, "resume", out)
    assert code == 0
    assert "finished" in printed
    code, _, err = call(monkeypatch, capsys, "resume", out, "optimizer.learning_rate=0.5", "seed=9")
    assert code == 2
    assert "optimizer.learning_rate: 0.0004 -> 0.5" in err
    assert "seed: 0 -> 9" in err


def _same_run(a: Path, b: Path) -> None:
    wa, wb = (archive.load(x / "weights.npz") for x in (a, b))
    for name in wa:
        np.testing.assert_array_equal(wa[name], wb[name])
    lines = [[json.loads(line) for line in (x / "metrics.jsonl").read_text().splitlines()] for x in (a, b)]
    for one, other in zip(*lines, strict=True):
        assert {**one, "train_seconds": 0} == {**other, "train_seconds": 0}


LONG = [*SMALL, "training.epochs=25", "training.checkpoint_every=0.5", "optimizer.momentum=0.5"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, bare_environment, root):
    """A run that nobody stops."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    code, _, err = run(bare_environment, "train", root / "configs" / "digits.yaml", *LONG, "--out", out)
    assert code == 0, err
    return out


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_at_any_moment_ends_as_if_it_had_not_been(
    tmp_path, bare_environment, digits, whole, blow
):
    arguments, cut = ["train", digits, *LONG], tmp_path / "cut"
    process = start(bare_environment, *arguments, "--out", cut)
    deadline = time.time() + 200
    while time.time() < deadline and not (cut / "metrics.jsonl").exists() and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, blow)
    _, stop_err = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.fail("the run ended before it could be stopped: make it longer")
    assert "Traceback" not in stop_err
    if blow is signal.SIGINT:
        assert process.returncode == 130
    assert not (cut / "summary.json").exists()

    code, _, err = run(bare_environment, "resume", cut)
    assert code == 0, err
    _same_run(whole, cut)


def test_a_live_run_keeps_its_folder(tmp_path, monkeypatch, capsys, digits):
    from erbp_jax.training import run_folder

    with run_folder.lock(tmp_path):
        (tmp_path / "config.yaml").write_text(digits.read_text())
        code, _, err = call(monkeypatch, capsys, "resume", tmp_path)
    assert code == 2
    assert f"in use by a live run (process {os.getpid()})" in err


def test_nan_stops_with_the_tick_the_layer_and_the_last_checkpoint(tmp_path, monkeypatch, capsys, digits):
    out = tmp_path / "run"
    code, _, err = call(monkeypatch, capsys, "train", digits, *SMALL, "optimizer.learning_rate=3e38", "--out", out)
    assert code == 1
    for word in ("stopped: the weights of ", " -> ", "epoch 1, batch", "ticks", "last good checkpoint:"):
        assert word in err
    assert list((out / "checkpoints").iterdir())
