"""What goes on from before goes on as it was: a model, a run, the labels of a run, the sample that is shown."""

import copy
import json
import pickle
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import erbp_jax as ej
from erbp_jax.__main__ import main
from erbp_jax.config import load_config
from erbp_jax.errors import UserError
from erbp_jax.training import run_data
from tests.command_line import call

rng = np.random.default_rng(0)
x = (rng.random((3, 16))[np.arange(90) % 3] * 0.8 + 0.2 * rng.random((90, 16))).astype(np.float32)
y = np.arange(90) % 3
data = ej.dataset(x, y)
network = ej.mlp(16, 8, 3)
QUIET = {"epochs": 1, "progress": False}


def moved(a, b):
    pairs = zip(jax.tree.leaves(a.params.trained), jax.tree.leaves(b.params.trained), strict=True)
    return max(float(np.abs(p - q).max()) for p, q in pairs)


def test_a_fit_that_goes_on_has_the_rate_encoder_and_ticks_of_before():
    """They were the rule's again, and the weights jumped."""
    first = ej.fit(
        network, ej.ERBP.default, data, learning_rate=1e-7, encoder=ej.Regular(0.5), steps=40, burn_in=0,
        batch_size=9, average=1.0, **QUIET,
    )  # fmt: skip
    on = ej.fit(network, ej.ERBP.default, data, model=first, **QUIET)
    was, now = first.fitted, on.fitted
    assert (now.experiment, now.optimizers) == (was.experiment, was.optimizers)
    assert 0 < moved(first, on) < 1e-3
    faster = ej.fit(network, ej.ERBP.default, data, model=first, learning_rate=1e-2, **QUIET)
    assert moved(first, faster) > 1e-2
    unmoved = {"epochs": 0, "progress": False}
    longer = ej.fit(network, ej.ERBP.default, data, model=first, steps=20, **unmoved)
    assert (longer.steps, longer.encoder) == (20, ej.Regular(0.5))
    anew = ej.fit(network, ej.ERBP.default, data, model=replace(first, learner=None), **unmoved)
    assert anew.steps == 60


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, (40, 10, 10)), ({"burn_in": 20}, (40, 20, 10)), ({"burn_in": 4}, (40, 4, 4)),
        ({"update_every": 5}, (40, 10, 5)), ({"update_every": 20}, (40, 0, 20)), ({"steps": 40}, (40, 10, 10)),
        ({"steps": 20}, (20, 5, 5)),
    ],
    ids=str,
)  # fmt: skip
def test_burn_in_and_updates_of_before_stay_where_they_fit(given, wanted):
    """One of the two was kept beside the other that was given, and refused as if it had been given too."""
    rule = ej.ERBP.default(network)
    was = ej.fit(network, rule, data, steps=40, burn_in=10, update_every=10, epochs=0, progress=False)
    now = ej.fit(network, rule, data, model=was, **given, epochs=0, progress=False).fitted.experiment
    assert (now.steps, now.burn_in, now.update_every) == wanted


def test_readouts_go_on_learning_in_presentations_of_another_length():
    """Their steps were of a presentation of so many blocks, and never came in shorter ones."""
    rule = ej.ERBP(ej.LabelNeurons(3), local=(ej.LearnedReadout(),))
    first = ej.fit(network, rule, data, steps=20, burn_in=0, update_every=5, **QUIET)
    shorter = ej.fit(network, rule, data, model=first, steps=10, burn_in=0, update_every=5, **QUIET)
    pairs = zip(*(jax.tree.leaves(m.rule_params.trained) for m in (first, shorter)), strict=True)
    assert all(np.abs(a - b).max() > 1e-4 for a, b in pairs)


def test_a_run_goes_on_in_presentations_of_another_length(run, files):
    model = ej.open_run(run)
    on = ej.fit(model.network, model.rule, ej.data.from_npz(files / "a.npz"), model=model, steps=30, **QUIET)
    assert (on.steps, on.fitted.experiment.blocks) != (model.steps, model.fitted.experiment.blocks)
    assert 0 < moved(model, on) < 1


def test_two_epochs_are_an_epoch_and_another():
    given = {"learning_rate": 3e-3, "batch_size": 10, "progress": False}
    both = ej.fit(network, ej.ERBP.default, data, epochs=2, **given)
    first = ej.fit(network, ej.ERBP.default, data, epochs=1, **given)
    assert moved(both, ej.fit(network, ej.ERBP.default, data, model=first, **QUIET)) == 0.0


def test_each_of_two_optimisers_is_kept_without_the_other():
    """The network's rate was the rule's suggestion again as soon as the other optimiser was given."""
    rule = ej.ERBP(ej.LabelNeurons(3), local=(ej.LearnedReadout(),))
    short = {"steps": 10, "burn_in": 0, "update_every": 5, **QUIET}
    slow = ej.fit(network, rule, data, learning_rate=1e-7, rule_optimizer=optax.sgd(1e-2), **short)
    on = ej.fit(network, rule, data, model=slow, rule_optimizer=optax.sgd(1e-2), **QUIET)
    assert 0 < moved(slow, on) < 1e-3
    read = [np.asarray(jax.tree.leaves(m.rule_params.trained)[0]) for m in (slow, on)]
    faster = ej.fit(network, rule, data, model=on, learning_rate=1e-2, **QUIET)
    assert moved(on, faster) > 1e-2
    read.append(np.asarray(jax.tree.leaves(faster.rule_params.trained)[0]))
    steps = [np.abs(b - a).max() for a, b in zip(read, read[1:], strict=False)]
    assert 0.3 < steps[1] / steps[0] < 3  # at 1e-2 of its own, both times


class Dropped:
    """An encoder of given trains that is one's own: every other tick."""

    def init_state(self, sample, key):
        return ()

    def __call__(self, state, sample, ticks, key):
        return state, jnp.swapaxes(sample[:, ticks], 0, 1).astype(jnp.float32) * (ticks % 2)[:, None, None]


def test_an_encoder_of_trains_stays_and_one_of_images_does_not_take_them():
    trains = ej.dataset((rng.random((30, 12, 16)) < 0.3), np.arange(30) % 3, trains=True)
    nothing = {"epochs": 0, "progress": False}
    first = ej.fit(network, ej.ERBP.default, trains, encoder=Dropped(), **nothing)
    assert isinstance(ej.fit(network, ej.ERBP.default, trains, model=first, **nothing).encoder, Dropped)
    images = ej.fit(network, ej.ERBP.default, data, steps=10, burn_in=0, **nothing)
    assert isinstance(ej.fit(network, ej.ERBP.default, trains, model=images, **nothing).encoder, ej.Frames)
    with pytest.raises(UserError, match="has 15 values, and the model was trained on samples of 16"):
        ej.fit(network, ej.ERBP.default, ej.dataset(x[:, :15], y), model=images, **nothing)


def test_a_model_from_a_pickle_goes_on_unless_it_was_given_functions():
    model = ej.fit(network, ej.ERBP.default, data, learning_rate=1e-3, steps=10, burn_in=0, **QUIET)
    back = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(back.predict(x), model.predict(x))
    one, other = (ej.fit(network, ej.ERBP.default, data, model=m, **QUIET) for m in (model, back))
    assert moved(one, other) == 0.0
    assert copy.deepcopy(model).fitted is model.fitted
    given = ej.fit(network, ej.ERBP.default, data, optimizer=optax.sgd(1e-3), epochs=0, progress=False)
    with pytest.raises(UserError, match="has lost how it was trained, as in a pickle"):
        ej.fit(network, ej.ERBP.default, data, model=pickle.loads(pickle.dumps(given)), **QUIET)


def test_as_many_epochs_have_gone_by_where_an_epoch_has_other_batches():
    """The schedule counted forty updates of before as forty of the few updates of an epoch now."""
    short = {"steps": 10, "burn_in": 0, "update_every": 5}
    first = ej.fit(network, ej.ERBP.default, data, batch_size=2, epochs=2, progress=False, **short)
    step = {
        size: moved(first, ej.fit(network, ej.ERBP.default, data, model=first, batch_size=size, **QUIET))
        for size in (2, 36)
    }
    assert step[36] > step[2] / 5
    rate = []
    for model in (first, ej.fit(network, ej.ERBP.default, data, model=first, batch_size=36, **QUIET)):
        counts = [s.count for s in jax.tree.leaves(model.learner.optimizer, is_leaf=is_schedule) if is_schedule(s)]
        rate.append(int(counts[0]))
    assert rate == [2 * 36 * 2, 3 * 2 * 2]  # epochs, batches, blocks
    again = ej.fit(network, ej.ERBP.default, data, model=first, learning_rate=1e-3, epochs=0, progress=False)
    assert not any(
        int(s.count) for s in jax.tree.leaves(again.learner.optimizer, is_leaf=is_schedule) if is_schedule(s)
    )


def is_schedule(state):
    return isinstance(state, optax.ScaleByScheduleState)


def test_another_network_is_refused_and_another_rule_begins_with_the_weights():
    first = ej.fit(network, ej.ERBP.default, data, steps=10, burn_in=0, **QUIET)
    with pytest.raises(UserError, match="model: was trained with another network; go on from the weights alone"):
        ej.fit(ej.mlp(16, 8, 3, neuron=ej.LIF(tau_mem=5.0)), ej.ERBP.default, data, model=first, **QUIET)
    with pytest.raises(UserError, match="model: was trained by ERBP, not BackProp; go on from the weights alone"):
        ej.fit(network, ej.BackProp(), data, model=first, **QUIET)
    alone = replace(first, learner=None)
    with pytest.raises(UserError, match="model: was trained with another network, whose weights do not fit this one"):
        ej.fit(ej.mlp(16, 9, 3), ej.ERBP.default, data, model=alone, **QUIET)
    tuned = ej.fit(network, ej.BackProp(), data, model=alone, epochs=0, progress=False)
    assert moved(first, tuned) == 0.0


def test_only_curves_have_ticks():
    nothing = {"epochs": 0, "progress": False}
    flat = ej.dataset(x, rng.random((90, 4, 2)).astype(np.float32))
    task = ej.tasks.Choice()
    assert ej.fit(ej.mlp(16, 8, 2), ej.ERBP.default, flat, task=task, **nothing).steps == 60
    first = ej.fit(ej.mlp(16, 8, 2), ej.ERBP.default, flat, task=task, steps=100, **nothing)
    assert ej.fit(ej.mlp(16, 8, 2), ej.ERBP.default, flat, model=first, **nothing).steps == 100


def test_a_regression_that_was_asked_for_goes_on():
    rows, nothing = ej.dataset(x, np.eye(2, dtype=np.float32)[y % 2]), {"epochs": 0, "progress": False}
    first = ej.fit(ej.mlp(16, 8, 2), ej.ERBP.default, rows, task=ej.Regression(variance=0.1), **nothing)
    assert ej.fit(ej.mlp(16, 8, 2), ej.ERBP.default, rows, model=first, **nothing).task == ej.Regression(variance=0.1)
    with pytest.raises(UserError, match="network: has 2 outputs, but the data has 3 curves"):
        ej.fit(ej.mlp(16, 8, 2), ej.ERBP.default, ej.dataset(x, x[:, :3]), model=first, **nothing)


def test_tests_are_no_longer_than_the_trains():
    long, short = (ej.dataset(rng.random((30, n, 16)) < 0.3, np.arange(30) % 3, trains=True) for n in (40, 20))
    first = ej.fit(network, ej.ERBP.default, long, steps=20, burn_in=0, epochs=0, progress=False)
    fitted = replace(first.fitted, experiment=replace(first.fitted.experiment, test_steps=40))
    for trains, ticks in ((long, 40), (short, 20)):
        on = ej.fit(network, ej.ERBP.default, trains, model=replace(first, fitted=fitted), epochs=0, progress=False)
        assert on.fitted.experiment.test_steps == ticks


def test_one_dark_image_is_an_image():
    model = ej.fit(network, ej.ERBP.default, data, epochs=0, progress=False)
    assert model.evaluate((x[:1] * 16).astype(np.uint8), y[:1])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A set, one of the same shape with other labels, and one with other samples."""
    folder = tmp_path_factory.mktemp("files")
    words = np.array(["cat", "dog", "owl"])
    np.savez(folder / "a.npz", x=x, y=words[y])
    np.savez(folder / "b.npz", x=x, y=np.array(["ant", "cat", "dog"])[y])
    np.savez(folder / "c.npz", x=x[::-1].copy(), y=words[y])
    a = ej.data.from_npz(folder / "a.npz")
    replace(a, test=a.test[::-1]).save(folder / "other_test.npz")
    replace(a, labels=np.array(["ant", "cat", "dog"])).save(folder / "other_labels.npz")
    return folder


@pytest.fixture(scope="module")
def trained(root, files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "run"
    words = (
        "train", root / "configs" / "digits.yaml", f"data.path={files / 'a.npz'}", "network.layers=[16,8,3]",
        "training.epochs=1", "training.batch_size=10", "--out", folder,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["erbp-jax", *map(str, words)])
        patch.setitem(sys.modules, "matplotlib", None)  # pictures take as long as the training
        with jax.numpy_dtype_promotion("standard"), pytest.raises(SystemExit) as stop:
            main()
    assert not stop.value.code
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """A run of one's own to change."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_a_run_is_tested_on_its_own_labels(run, files, monkeypatch, capsys):
    """Classes were compared by number: dogs were right where owls had been learned."""
    code, _, err = call(monkeypatch, capsys, "evaluate", run, f"data.path={files / 'b.npz'}")
    assert code == 2
    assert "has learned the labels ['cat', 'dog', 'owl'], and b has ['ant', 'cat', 'dog']" in err
    code, _, err = call(monkeypatch, capsys, "evaluate", run, f"data.path={files / 'c.npz'}")
    assert code == 0, err


def test_a_run_goes_on_with_its_own_samples(run, files, monkeypatch, capsys):
    for name in ("summary.json", "weights.npz"):
        (run / name).unlink()
    for name, said in (
        ("c", "the run began with other training data: SHA-256"),
        ("other_test", "the run began with other test data: SHA-256"),
        ("other_labels", "has learned the labels ['cat', 'dog', 'owl'], and other_labels has ['ant', 'cat', 'dog']"),
    ):
        code, _, err = call(monkeypatch, capsys, "resume", run, f"data.path={files / name}.npz")
        assert code == 2
        assert said in err
    assert "resumed" not in json.loads((run / "environment.json").read_text())
    code, _, err = call(monkeypatch, capsys, "resume", run)
    assert code == 0, err


def test_rules_are_compared_on_the_same_samples(root, files, tmp_path, monkeypatch, capsys):
    given = ("network.layers=[16,8,3]", "training.epochs=1", "training.batch_size=10", "encoding.steps=20")
    for rule, name, code in (("erbp", "a", 0), ("perbp", "c", 2)):
        ended, _, err = call(
            monkeypatch, capsys, "compare", root / "configs" / "digits.yaml", f"data.path={files / name}.npz", *given,
            "--rules", rule, "--seeds", "1", "--out", tmp_path / "both",
        )  # fmt: skip
        assert ended == code, err
    assert "cells/erbp: the run began with other training data" in err


@pytest.mark.parametrize(
    "labels",
    [np.array([b"a", b"b"]), np.array(["2026-01-01", "2026-01-02"], "datetime64[D]"), np.array([False, True])],
    ids=lambda labels: labels.dtype.kind,
)
def test_labels_of_any_type_are_noted(tmp_path, labels):
    made = replace(ej.dataset(x, y % 2), labels=labels)
    run_data.keep(tmp_path, made)
    run_data.check_same(tmp_path, made)
    halves = replace(made, train=replace(made.train, x=jnp.asarray(x[: len(made.train)], jnp.bfloat16)))
    with pytest.raises(UserError, match="the run began with other training data"):
        run_data.check_same(tmp_path, halves)


@pytest.mark.usefixtures("without_pictures")
def test_a_run_whose_rate_has_come_to_nothing_does_not_go_on(root, files, tmp_path, monkeypatch, capsys):
    """It learned nothing, without a word."""
    code, _, err = call(
        monkeypatch, capsys, "train", root / "configs" / "digits.yaml", f"data.path={files / 'a.npz'}",
        "network.layers=[16,8,3]", "training.epochs=1", "training.batch_size=10", "encoding.test_steps=60",
        "optimizer={learning_rate: 1e-3, schedule: linear, final: 0}",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 0, err
    model, own = ej.open_run(tmp_path / "run"), ej.data.from_npz(files / "a.npz")
    with pytest.raises(UserError, match="within 1 epoch, at the end of epoch 1, and this training goes on to epoch 2"):
        ej.fit(model.network, model.rule, own, model=model, **QUIET)
    on = ej.fit(model.network, model.rule, own, model=replace(model, learner=None), epochs=0, progress=False)
    assert on.fitted.falls is None
    faster = ej.fit(model.network, model.rule, own, model=model, learning_rate=1e-2, **QUIET)
    assert moved(model, faster) > 1e-2
    with pytest.raises(UserError, match="at the end of epoch 2, and this training goes on to epoch 3"):
        ej.fit(model.network, model.rule, own, model=faster, **QUIET)
    kept = ej.fit(model.network, model.rule, own, model=model, epochs=0, progress=False)
    assert (kept.steps, kept.fitted.experiment.steps) == (60, 40)


def test_the_answer_is_that_of_the_spikes_that_are_drawn(run, monkeypatch, capsys, tmp_path):
    model = ej.open_run(run)
    shown = ej.dataset(x, np.array(["cat", "dog", "owl"])[y]).test
    for sample in range(5):
        code, out, err = call(monkeypatch, capsys, "show", run, "--sample", sample, "--out", tmp_path / "pictures")
        assert code == 0, err
        counts = model.record(shown.x[sample : sample + 1]).spikes["output"][:, 0].sum(0)
        best = np.flatnonzero(counts == counts.max())
        wanted = model.labels[best[0]] if len(best) == 1 else "undecided"
        assert re.search(r"answer (\w+)", out).group(1) == wanted


@pytest.mark.parametrize(
    ("section", "kind", "rate", "decay"),
    [
        ("", "adam", 4e-3, 0.9),
        ("{learning_rate: 0.01}", "adam", 0.01, 0.9),
        ("{average: 1}", "adam", 4e-3, 0.9),
        ("{decay: 0.5}", "adam", 4e-3, 0.5),
        ("{kind: sgd, learning_rate: 0.1}", "sgd", 0.1, 0.7),
    ],
)
def test_one_key_of_the_optimiser_leaves_the_others_to_the_rule(tmp_path, section, kind, rate, decay):
    """A learning rate alone made SGD of the rule's Adam, and a sweep always gave one."""
    path = tmp_path / "c.yaml"
    path.write_text(
        f"data: {{name: digits}}\nnetwork: {{layers: [64, 10]}}\nrule: {{kind: bp}}\noptimizer: {section}\n"
    )
    made = load_config(path).optimizer
    assert (made.kind, made.learning_rate, made.decay) == (kind, rate, decay)


def test_states_that_are_lost_while_learning_mark_a_sweep():
    bright = ej.dataset(x, y, np.zeros((9, 16)), np.arange(9) % 3)
    huge = ej.mlp(16, 3, gain=1e38)
    with pytest.raises(ej.NonFiniteError):
        ej.fit(huge, ej.ERBP.default, bright, **QUIET)
    table = ej.sweep(huge, ej.ERBP.default, bright, learning_rate=[1e-9], seed=[0, 1], epochs=1, progress=False)
    assert np.isnan(table.cells.test_error[0, 0]).all()  # of the seed by which `fit` found it


def test_curves_say_how_long_a_presentation_is():
    curves = ej.dataset(x, np.zeros((90, 25, 2), np.float32) + rng.random((90, 25, 2)).astype(np.float32))
    nothing = {"epochs": 0, "progress": False}
    first = ej.fit(ej.mlp(16, 8, 2), ej.ERBP.default, curves, **nothing)
    assert first.steps == 25
    longer = ej.dataset(x, rng.random((90, 40, 2)).astype(np.float32))
    assert ej.fit(ej.mlp(16, 8, 2), ej.ERBP.default, longer, model=first, **nothing).steps == 40
    with pytest.raises(UserError, match="as one-hot labels have"):
        ej.fit(ej.mlp(16, 8, 2), ej.ERBP.default, ej.dataset(x, np.eye(2)[y % 2]), model=first, **nothing)


def test_dark_bytes_are_refused_in_tests_too():
    raw = (x * 16).astype(np.uint8)
    with pytest.raises(UserError, match="x_test: bytes are pixels from 0 to 255, and the largest here is"):
        ej.dataset(x, y, raw, y)
    model = ej.fit(network, ej.ERBP.default, data, epochs=0, progress=False)
    with pytest.raises(UserError, match="x: bytes are pixels from 0 to 255, and the largest here is"):
        model.evaluate(raw, y)


def test_data_keys_without_effect_are_refused(root, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("import erbp_jax as ej\ndef made():\n    return ej.data.load('digits')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    from erbp_jax.config.build_data import load_data

    given = ["data={kind: 'mine:made', repair: true}"]
    with pytest.raises(UserError, match=r"data\.repair: has no effect beside data\.kind"):
        load_data(load_config(root / "configs" / "digits.yaml", given))
    (tmp_path / "of_path.py").write_text(
        "import erbp_jax as ej\ndef made(path='x'):\n    assert path == '/y'\n    return ej.data.load('digits')\n"
    )
    load_data(load_config(root / "configs" / "digits.yaml", ["data={kind: 'of_path:made', path: /y}"]))
    with pytest.raises(UserError, match=r"data\.dir: digits comes with scikit-learn"):
        ej.data.load("digits", str(tmp_path))


def test_the_callback_of_a_run_sees_the_learner_of_its_epoch(root, tmp_path):
    from erbp_jax.training.fit import fit
    from erbp_jax.training.session import Session

    config = load_config(root / "configs" / "digits.yaml", ["training.epochs=2", "data.train_size=200"])
    (tmp_path / "run").mkdir()
    seen = []
    last = fit(Session(config), tmp_path / "run", on_epoch=lambda entry, learner: seen.append(learner))
    weights = [np.asarray(one.weights.trained.projections[0]["weight"]) for one in (*seen, last)]
    assert np.abs(weights[0] - weights[1]).max() > 0
    np.testing.assert_array_equal(weights[1], weights[2])


def test_recordings_of_one_row_are_shifted_along_it_alone():
    one = ej.Events(t=np.arange(40), x=np.arange(40) + 20, y=np.zeros(40, int), p=np.zeros(40, int), sensor=(1, 80, 1))
    change, draw = ej.Augment(shift=3), np.random.default_rng(0)
    assert all(len(change(one, draw)) == 40 for _ in range(20))


@pytest.mark.parametrize("dt", [2.007, 0.1, 1.0, 3.3, 0.035])
def test_an_event_on_the_edge_of_a_tick_is_of_that_tick(dt):
    edges = np.arange(20) * round(1000 * dt)
    one = ej.Events(t=edges, x=np.zeros(20, int), y=np.zeros(20, int), p=np.zeros(20, int), sensor=(1, 1, 1))
    made = ej.Bins(steps=20, dt=dt, counts=True)(one)
    assert made.spikes[:, 0].tolist() == [1] * 20


def test_optimisers_that_are_given_are_kept():
    first = ej.fit(network, ej.ERBP.default, data, optimizer=optax.sgd(1e-7), **QUIET)
    assert 0 < moved(first, ej.fit(network, ej.ERBP.default, data, model=first, **QUIET)) < 1e-3
