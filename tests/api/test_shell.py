"""The same jobs from the shell, and a run folder as an object."""

import csv
import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax.__main__ import main
from erbp_jax.errors import UserError
from tests.command_line import call

FAST = ["training.epochs=2", "training.alignment=false", "encoding.steps=30", "training.batch_size=20"]


@pytest.fixture(scope="module")
def npz(tmp_path_factory):
    """Two kinds of rows of thirty numbers."""
    draw = np.random.default_rng(0)
    y = draw.integers(0, 2, 200)
    x = np.clip(
        0.5 + 0.3 * np.where(y[:, None] == 1, 1, -1) * np.linspace(-1, 1, 30) + draw.normal(0, 0.1, (200, 30)), 0, 1
    )
    path = tmp_path_factory.mktemp("data") / "rows.npz"
    np.savez(path, x=x, y=np.where(y == 1, 7, -3))
    return path


@pytest.fixture(scope="module")
def run(npz, tmp_path_factory, cli_environment):
    """A run of such rows, begun without a config file, by the command itself."""
    out = tmp_path_factory.mktemp("runs") / "rows"
    words = ["train", f"data.path={npz}", "network.layers=[auto,20,auto]", *FAST, "--log", "csv", "--out", str(out)]
    subprocess.run([sys.executable, "-m", "erbp_jax", *words], check=True, env=cli_environment, capture_output=True)
    return out


def test_own_data_needs_no_config(run, npz):
    summary = json.loads((run / "summary.json").read_text())
    assert summary["network"] == "30-20-2"
    assert summary["test_error"] < 20
    rows = list(csv.DictReader((run / "metrics.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[-1]["test_error"]) == pytest.approx(summary["test_error"])


def test_a_run_folder_is_a_model(run, npz):
    model = ej.open_run(run)
    assert (model.network.sizes, model.labels.tolist()) == ((30, 20, 2), [-3, 7])
    x = np.load(npz)["x"]
    assert set(model.predict(x[:20])) <= {-3, 7, -1}
    assert [entry["epoch"] for entry in model.history] == [1, 2]
    with pytest.raises(UserError, match="seed 5 was not trained"):
        ej.open_run(run, seed=5)


def test_show_and_diagnose(run, tmp_path, monkeypatch, capsys):
    code, out, err = call(monkeypatch, capsys, "show", run, "--sample", 3, "--neuron", 2, "--out", tmp_path)
    assert code == 0, err
    assert "hidden1" in out
    assert {p.name for p in tmp_path.iterdir()} == {"spikes_3.png", "hidden1_2_3.png"}
    code, out, err = call(monkeypatch, capsys, "diagnose", run)
    assert code == 0, err
    assert "hidden1" in out
    assert "open gates" in out
    code, _, err = call(monkeypatch, capsys, "show", run, "--sample", 99)
    assert (code, "test set has samples 0 to 39" in err) == (2, True)


def test_what_is_held_out_is_called_so(npz, tmp_path, monkeypatch, capsys):
    for words, name in (("data.validation_size=20", "held-out"), ("data.test_size=20", "test")):
        out = tmp_path / name
        overrides = [f"data.path={npz}", "network.layers=[auto,20,auto]", *FAST, "training.seeds=2", words]
        code, said, err = call(monkeypatch, capsys, "train", *overrides, "--out", out)
        assert code == 0, err
        assert f"epoch 2/2  {name} error" in said
        (line,) = (line for line in said.splitlines() if line.startswith(f"{name} error"))
        assert re.fullmatch(r"\S+ error \d+\.\d\d \+- \d+\.\d\d % over 2 seeds \(mean of the last 2 epochs\), .*", line)
        code, said, err = call(monkeypatch, capsys, "evaluate", out)
        assert code == 0, err
        assert said.startswith(f"{name} error")
        assert json.loads((out / "summary.json").read_text())["test_name"] == name
        model = ej.open_run(out, seed=0)
        assert f"{name} error" in repr(model)
        assert {line.get_label().split(" ")[0] for line in model.plot().axes[0].lines} >= {name}
        assert f"{name} error" in model.plot().axes[0].get_title(loc="left")
        ej.save(out / "model.npz", model)
        assert repr(ej.load(out / "model.npz")) == repr(model)


def test_a_diagnosis_names_keys(npz, tmp_path, monkeypatch, capsys):
    code, out, err = call(
        monkeypatch, capsys, "train", f"data.path={npz}", "network.layers=[auto,20,auto]", *FAST,
        "network.neuron.threshold=50", "--out", tmp_path / "quiet",
    )  # fmt: skip
    assert code == 0, err
    assert f"erbp-jax diagnose {tmp_path / 'quiet'}" in out
    code, out, err = call(monkeypatch, capsys, "diagnose", tmp_path / "quiet")
    assert code == 0, err
    assert "hidden1: 100 % of its neurons never fire" in out
    assert "lower network.neuron.threshold or rule.rate_penalty, or raise network.init_gain, encoding.max_rate" in out


def test_a_sweep_holds_out_a_fifth_of_the_recordings_whatever_their_copies(tmp_path, monkeypatch, capsys):
    x, y = np.random.default_rng(0).random((50, 30)), np.arange(50) % 2
    made = ej.dataset(x.repeat(5, 0), y.repeat(5), x[:10], y[:10])
    replace(made, copies=4).save(tmp_path / "copies.npz")
    code, _, err = call(
        monkeypatch, capsys, "sweep", "default", f"data.path={tmp_path / 'copies.npz'}", "network.layers=[auto,5,auto]",
        *FAST, "optimizer.learning_rate=1e-3", "training.batch_size=20", "--out", tmp_path / "sweep",
    )  # fmt: skip
    assert code == 0, err
    assert json.loads((tmp_path / "sweep" / "sweep.json").read_text())["held_out"] == 10


def test_a_sweep(npz, tmp_path, monkeypatch, capsys):
    code, out, err = call(
        monkeypatch, capsys, "sweep", "default", f"data.path={npz}", "network.layers=[auto,10,auto]", *FAST,
        "optimizer.learning_rate=1e-5,3e-3", "--seeds", 2, "--out", tmp_path / "sweep",
    )  # fmt: skip
    assert code == 0, err
    assert "learning rate  held-out error %" in out
    assert "best: " in out
    saved = json.loads((tmp_path / "sweep" / "sweep.json").read_text())
    sizes = ("data.train_size=128", "data.test_size=40")  # all that there is, which training takes
    small = ("sweep", "default", f"data.path={npz}", "network.layers=[auto,10,auto]", *FAST, *sizes)
    code, _, err = call(monkeypatch, capsys, *small, "optimizer.learning_rate=1e-3", "--out", tmp_path / "all")
    assert code == 0, err
    assert (len(saved["rows"]), saved["held_out"]) == (2, 32)
    assert f"learning_rate: {saved['rows'][1]['learning_rate']}" in (tmp_path / "sweep" / "best.yaml").read_text()
    code, _, err = call(monkeypatch, capsys, "resume", tmp_path / "sweep")
    assert (code, "Traceback" in err) == (2, False)
    again = ("sweep", "default", "optimizer.learning_rate=1e-3", "--out", tmp_path / "sweep")
    code, _, err = call(monkeypatch, capsys, *again)
    assert (code, "exists and is not an empty folder" in err, "resume" in err) == (2, True, False)
    assert saved == json.loads((tmp_path / "sweep" / "sweep.json").read_text())
    code, _, err = call(monkeypatch, capsys, "sweep", "default")
    assert (code, "which learning rates" in err) == (2, True)


def test_of_several_rules_the_one_that_is_taken_is_named(npz, tmp_path, monkeypatch, capsys):
    config = tmp_path / "two.yaml"
    config.write_text(
        f"data: {{path: {npz}}}\nnetwork: {{layers: [auto, 5, auto]}}\n"
        "rules:\n  ours: {rule: {kind: erbp}}\n  bp: {rule: {kind: bp}}\n"
    )
    short = "training.epochs=1", "encoding.steps=20"
    for more, named in (((), True), (("--rule", "ours"), False), (("rule.kind=rbp",), False)):
        given = ("train", config, *short, *more, "--out", tmp_path / f"run{len(more)}{named}{more[-1:]}")
        code, out, err = call(monkeypatch, capsys, *given)
        assert code == 0, err
        assert ("rule: ours, the first of ours, bp; --rule chooses another" in out) == named


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["data.path=nowhere.npz"], "nowhere.npz: no such file"),
        (["data.path={npz}", "network.layers=[29,5,2]"], "network.layers: the first must be 30"),
        (["data.path={npz}", "network.layers=[auto,5,3]"], "network.layers: the last must be 2, the classes of rows"),
        (["data.path={npz}", "network.layers=[auto,auto,2]"], "only the first and the last may be auto"),
        (
            ["data.path={npz}", "network.layers=[auto,5,auto]", "task.kind=regression"],
            "task.kind: regression does not fit",
        ),
        (
            ["network.layrs=[auto,5,auto]"],
            "overrides (base: configs/digits.yaml):\n  network.layrs: unknown key",
        ),
        (["optimizer.learning_rate=1e-3,1e-4"], "got '1e-3,1e-4'; several values are for erbp-jax sweep"),
        (
            ["training.update_every=null", "encoding.steps=41"],
            "training.update_every: 5 ticks, as it is not given, do not divide encoding.steps = 41 ticks",
        ),
        (["data.name=fashion"], "data.name: 'fashion' is neither digits nor mnist"),
        (["data.path={npz}", "network.layers=[auto,5,auto]", "--log", "wandb"], "--log: unknown: 'wandb'"),
    ],
)
def test_bad_input_ends_with_one_message(npz, overrides, said, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    given = [text.replace("{npz}", str(npz)) for text in overrides]
    code, _, err = call(monkeypatch, capsys, "train", *given)
    assert code == 2
    assert said in err
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """A run that follows curves, on given trains."""
    draw = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("curves")
    curves = (0.05 + 0.3 * draw.random((60, 1, 2))).repeat(40, 1).astype(np.float32)
    spikes = (draw.random((60, 40, 12)) < curves.mean(-1, keepdims=True)).astype(np.uint8)
    np.savez(folder / "curves.npz", spikes=spikes, y=curves)
    words = [
        *("train", f"data.path={folder / 'curves.npz'}", "network.layers=[auto,10,auto]", "encoding.steps=40"),
        *("training.epochs=2", "training.batch_size=10", "rule.burn_in=0", "--out", str(folder / "run")),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["erbp-jax", *words])
        with pytest.raises(SystemExit) as stop:
            main()
    assert not stop.value.code
    return folder / "run"


def test_curves_from_the_shell(followed, monkeypatch, capsys):
    summary = json.loads((followed / "summary.json").read_text())
    assert {"test_nmse", "test_nmse_mean_last5"} <= set(summary)
    assert summary["pictures"] == ["learning_curve.png", "weights.png", "raster.png", "curves.png"]
    code, out, err = call(monkeypatch, capsys, "evaluate", followed)
    assert code == 0, err
    assert out.startswith("test nmse ")
    code, _, err = call(monkeypatch, capsys, "evaluate", followed, "--anytime")
    assert (code, "--anytime: needs a classification, and the run's task is Regression" in err) == (2, True)


def test_a_sweep_of_which_every_rate_diverges_keeps_what_it_saw(npz, tmp_path, monkeypatch, capsys):
    given = ("sweep", "default", f"data.path={npz}", "network.layers=[auto,10,auto]", *FAST)
    code, out, err = call(monkeypatch, capsys, *given, "optimizer.learning_rate=1e37,1e38", "--out", tmp_path / "lost")
    assert (code, "stopped: sweep: every learning rate diverged; there is no best one" in err) == (1, True)
    assert "1e+37          -  (1 diverged)" in out
    assert str(tmp_path / "lost" / "sweep.json") in out
    rows = json.loads((tmp_path / "lost" / "sweep.json").read_text())["rows"]
    assert [row["learning_rate"] for row in rows] == pytest.approx([1e37, 1e38])
    assert not (tmp_path / "lost" / "best.yaml").exists()
