"""Training that goes on, networks with outputs of no class, and single curves, as a user meets them."""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import erbp_jax as ej
from erbp_jax.api.prepare import experiment_for
from erbp_jax.data.dataset import Dataset, Samples, named
from erbp_jax.errors import UserError
from erbp_jax.learning.tricks import max_norm
from erbp_jax.tasks.base import Measure
from tests.bare import Threshold

NETWORK = ej.mlp(8, 6, 3)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 80)
    x = np.clip(rng.uniform(0, 0.4, (80, 8)) + 0.6 * np.eye(3, 8)[y], 0, 1)
    return ej.dataset(x[:60], y[:60], x[60:], y[60:])


@pytest.fixture(scope="module")
def twice(data):
    return ej.fit(NETWORK, ej.ERBP.default, data, seed=3, epochs=2, steps=15, progress=False)


@pytest.mark.parametrize("piece", [None, 20])
def test_going_on_has_the_numbers_of_one_training(data, twice, piece):
    """The seed is the model's, in weights, order, tests and reports."""
    given = {"steps": 15, "progress": False, "piece": piece}
    once = ej.fit(NETWORK, ej.ERBP.default, data, seed=3, epochs=1, **given)
    on = ej.fit(NETWORK, ej.ERBP.default, data, model=once, epochs=1, **given)
    jax.tree.map(np.testing.assert_array_equal, on.params, twice.params)
    assert [h["test_error"] for h in on.history] == [h["test_error"] for h in twice.history]
    assert (on.seed, on.evaluate(data)) == (3, twice.evaluate(data))
    with pytest.raises(UserError, match="trained with seed 3 and goes on with it, got 4"):
        ej.fit(NETWORK, ej.ERBP.default, data, model=once, seed=4, epochs=1, **given)


def test_samples_are_counted_on_where_the_next_set_is_smaller(data, twice):
    assert [entry["samples"] for entry in twice.history] == [60, 120]
    few = data.subset(20, None)
    more = ej.fit(NETWORK, ej.ERBP.default, few, seed=3, epochs=2, steps=15, model=twice, progress=False)
    assert [(entry["epoch"], entry["samples"]) for entry in more.history[2:]] == [(3, 140), (4, 160)]


def test_an_output_of_no_class_is_undecided(data):
    model = ej.fit(ej.mlp(8, 6, 5), ej.ERBP.default, data, task=ej.Classification(), epochs=0, steps=15, progress=False)
    assert set(np.unique(model.predict(data.test.x))) <= {-1, 0, 1, 2}
    words = named(np.array(["a", "b"]), np.array([1, 2, -1]))
    assert words.tolist() == ["b", "undecided", "undecided"]


@pytest.fixture(scope="module")
def curve():
    x = np.random.default_rng(1).uniform(0, 1, (40, 8))
    return ej.dataset(x[:30], x[:30, :1] / 2, x[30:], x[30:, :1] / 2)


@ej.local_rule
def product(pre, post, error):
    return error


@pytest.mark.parametrize("rule", [ej.ERBP.default, product])
def test_every_layer_learns_to_follow_a_single_curve(curve, rule):
    network = ej.mlp(8, 6, 1)
    given = {"steps": 20, "update_every": 5, "burn_in": 5, "progress": False}
    before, after = (ej.fit(network, rule, curve, epochs=epochs, **given) for epochs in (0, 1))
    moved = [
        np.abs(a["weight"] - b["weight"]).max()
        for a, b in zip(after.params.trained.projections, before.params.trained.projections, strict=True)
    ]
    assert min(moved) > 1e-5


def test_where_neurons_have_no_derivative_there_is_no_angle_to_the_gradient(data):
    @ej.local_rule
    def rule(pre, post, error):
        return error

    network = ej.mlp(8, 6, 3, neuron=Threshold())
    model = ej.fit(network, rule, data, epochs=1, steps=10, burn_in=0, update_every=5, alignment=True, progress=False)
    assert model.history[-1]["alignment"] is None


def test_the_burn_in_that_nobody_gave_fits_the_blocks_that_were_asked_for(data):
    model = ej.fit(NETWORK, ej.ERBP.default, data, epochs=0, steps=20, update_every=4, progress=False)
    assert model.steps == 20
    with pytest.raises(UserError, match="update_every: 4 ticks do not divide burn_in = 5 ticks"):
        ej.fit(NETWORK, ej.ERBP.default, data, epochs=0, steps=20, update_every=4, burn_in=5, progress=False)


def test_the_burn_in_that_nobody_gave_leaves_blocks(data):
    for steps, start, every in ((60, 10, 5), (30, 5, 5), (20, 5, 5), (15, 3, 3), (7, 1, 1)):
        given = {"encoder": None, "task": None, "steps": steps, "burn_in": None, "update_every": None}
        e = experiment_for(NETWORK, ej.ERBP.default(NETWORK), data, **given, batch_size=10, devices=1)
        assert (e.burn_in, e.update_every) == (start, every)


def test_a_mask_over_the_weights_of_the_network_freezes_a_layer(data):
    start = ej.fit(NETWORK, ej.ERBP.default, data, epochs=0, steps=20, progress=False)
    hidden, output = (jax.tree.map(lambda x, n=n: n == 0, p) for n, p in enumerate(start.params.trained.projections))
    mask = start.params.trained._replace(projections=(hidden, output))
    optimizer = optax.chain(optax.masked(optax.set_to_zero(), mask), optax.sgd(1e-3))
    after = ej.fit(NETWORK, ej.ERBP.default, data, epochs=1, steps=20, optimizer=optimizer, progress=False)
    moved = [
        np.abs(a["weight"] - b["weight"]).max() > 0
        for a, b in zip(after.params.trained.projections, start.params.trained.projections, strict=True)
    ]
    assert moved == [False, True]


def test_ticks_that_no_block_divides_are_told(data, capsys):
    given = {"epochs": 1, "progress": False}
    ej.fit(NETWORK, ej.ERBP.default, data, steps=7, **given)
    assert "note: no block of 2 to 5 ticks divides a presentation of 7 with a burn-in of 1" in capsys.readouterr().err
    ej.fit(NETWORK, ej.ERBP.default, data, steps=7, update_every=1, **given)
    assert "note" not in capsys.readouterr().err


def test_a_burn_in_that_leaves_no_block_says_which_numbers_do(data):
    given = {"epochs": 0, "steps": 20, "progress": False}
    with pytest.raises(UserError, match=r"burn_in: 7 of 20 ticks .* update_every=1 .* steps=20, burn_in=5"):
        ej.fit(NETWORK, ej.ERBP.default, data, burn_in=7, **given)
    assert ej.fit(NETWORK, ej.ERBP.default, data, burn_in=7, update_every=1, **given).steps == 20
    assert ej.fit(NETWORK, ej.ERBP.default, data, **{**given, "steps": 7}).steps == 7  # nobody gave a burn-in


def test_samples_of_a_data_set_are_evaluated_with_the_classes_that_they_have():
    """Labels from 1: `data.test.y` counts classes from 0, and the data set's own labels are the user's."""
    x = np.repeat(np.eye(3, 8), 10, 0)
    data = ej.dataset(x, np.repeat([1, 2, 3], 10), x, np.repeat([1, 2, 3], 10))
    model = ej.fit(NETWORK, ej.ERBP.default, data, epochs=1, steps=20, batch_size=5, progress=False)
    assert model.evaluate(data.test) == model.evaluate(data) == model.evaluate(x, np.repeat([1, 2, 3], 10))
    assert model.evaluate(data.train) == model.evaluate(data)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.eye(4, dtype=np.uint8), "the largest here is 1, almost black; x / 1 .*spikes .* with trains=True"),
        (16 * np.eye(4, dtype=np.uint8), "x / 16 for numbers up to 16"),
        (16 * np.eye(4, dtype=np.int64), "x / 255 for pixels up to 255$"),
        (-3 * np.eye(4, dtype=np.int64), r"for a table low, high = x.min"),
        (1680.0 * np.eye(4), r"for a table low, high = x.min\(0\), x.max\(0\) of the training samples"),
        (np.full((4, 3, 3), 255.0), "x / 255 for pixels up to 255$"),
        (np.full((4, 3), np.inf), "leave out or replace what is not finite"),
    ],
)
def test_numbers_of_another_size_are_refused_with_what_scales_them(x, message):
    with pytest.raises(UserError, match=message):
        ej.dataset(x, np.arange(4) % 2, x, np.arange(4) % 2)


def test_dark_samples_are_answered_if_the_training_had_bright_ones(twice):
    dark = np.full((2, 8), 20, np.uint8)
    assert twice.predict(dark).shape == (2,)
    faint = ej.dataset(0.1 * np.eye(4), np.arange(4) % 2, test=0.5)  # floats say themselves how bright they are
    assert faint.train.x.max() == 26


def test_words_of_a_table_are_labels():
    names = np.array(["a", "b", "a", "b"], dtype=object)
    assert ej.dataset(np.eye(4), names, np.eye(4), names).labels.tolist() == ["a", "b"]


def test_with_another_optimizer_one_goes_on_from_the_weights(data, twice, tmp_path):
    given = {"epochs": 0, "steps": 15, "progress": False, "optimizer": optax.adam(1e-3)}
    with pytest.raises(
        UserError, match=r"another optimizer or average; go on from the weights alone, model=dataclasses"
    ):
        ej.fit(NETWORK, ej.ERBP.default, data, model=twice, **given)
    twice.save(tmp_path / "model.npz")
    for weights in (ej.load(tmp_path / "model.npz"), replace(twice, learner=None)):
        on = ej.fit(NETWORK, ej.ERBP.default, data, model=weights, **given)
        jax.tree.map(np.testing.assert_array_equal, on.params, twice.params)


def test_a_bound_asked_of_learned_readouts_holds_for_them():
    """The rule's optimiser sees the sum of a presentation; in every block a bound would add up its corrections."""
    x = np.random.default_rng(0).random((16, 4))
    small = ej.dataset(x, np.arange(16) % 2)
    rule = lambda network: ej.ERBP.default(network, local=(ej.LearnedReadout(),))  # noqa: E731
    optimizer = optax.chain(optax.sgd(1e-9), max_norm(1.0))
    given = {"steps": 60, "burn_in": 0, "update_every": 5, "batch_size": 12, "progress": False}
    model = ej.fit(ej.mlp(4, 3, 2), rule, small, optimizer=optimizer, epochs=3, **given)
    norms = np.linalg.norm(model.rule_params.trained[0], axis=0)
    assert norms.max() <= 1.0 + 1e-3
    assert norms.min() > 0.5


def test_words_are_evaluated_as_they_are_trained_on():
    x, y = np.random.default_rng(0).random((40, 8)), np.array(["cat", "dog"])[np.arange(40) % 2]
    model = ej.fit(ej.mlp(8, 2), ej.ERBP.default, ej.dataset(x, y, x, y), epochs=1, steps=10, progress=False)
    found = model.evaluate(x, y)
    assert found["error"] == model.test_error
    assert found == model.evaluate(x, y.tolist()) == model.evaluate(x, list(y.astype(object)))


def test_undecided_is_minus_one_among_unsigned_labels():
    x = np.random.default_rng(0).random((16, 4))
    silent = ej.mlp(4, 2, neuron=ej.LIF(threshold=1e6))
    for kind in (np.uint8, np.uint16):
        data = ej.dataset(x, (np.arange(16) % 2).astype(kind))
        model = ej.fit(silent, ej.ERBP.default, data, epochs=0, steps=10, progress=False)
        assert model.predict(data.test.x).tolist() == [-1] * len(data.test)


def test_samples_of_another_data_set_are_checked_as_arrays_are():
    trains = lambda ticks: ej.dataset(np.ones((10, ticks, 4), np.uint8), np.arange(10) % 2, trains=True)  # noqa: E731
    long, short = trains(12), trains(6)
    model = ej.fit(ej.mlp(4, 2), ej.ERBP.default, long, epochs=0, update_every=1, progress=False)
    for call in (model.predict, model.evaluate):
        with pytest.raises(UserError, match="at least 12 ticks long"):
            call(short.test)
    with pytest.raises(UserError, match="at least 12 ticks long"):
        model.evaluate(short)
    with pytest.raises(UserError, match="x: samples must be"):
        model.predict(long.test[:0])


def test_going_on_keeps_the_length_of_a_tick_and_the_labels():
    x = np.random.default_rng(0).random((16, 4))
    one, other = ej.dataset(x, np.arange(16) % 2), ej.dataset(x, np.arange(16) % 2 + 7)
    model = ej.fit(ej.mlp(4, 2), ej.ERBP.default, one, epochs=1, dt=0.5, progress=False)
    assert ej.fit(ej.mlp(4, 2), ej.ERBP.default, one, epochs=1, model=model, progress=False).dt == 0.5
    with pytest.raises(UserError, match=r"the labels \[7, 8\], and the model goes on from the labels \[0, 1\]"):
        ej.fit(ej.mlp(4, 2), ej.ERBP.default, other, epochs=1, model=model, progress=False)
    with pytest.raises(UserError, match="dt must be a finite number of ms above 0"):
        replace(one, dt=0.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"steps": "a"}, "steps: must be a whole number from 1 on, got 'a'"),
        ({"batch_size": 0}, "batch_size: must be a whole number from 1 on, got 0"),
        ({"optimizer": "adam"}, "optimizer: must be an optax transformation"),
        ({"encoder": 3}, "encoder: must be an encoder"),
        ({"seed": 2**40}, r"seed: must be below 2\*\*32"),
    ],
)
def test_a_sweep_checks_what_a_fit_checks(data, given, message):
    with pytest.raises(UserError, match=message):
        ej.sweep(NETWORK, ej.ERBP.default, data, learning_rate=[1e-3], progress=False, **given)
    with pytest.raises(UserError, match=message):
        ej.fit(NETWORK, ej.ERBP.default, data, progress=False, **given)


@dataclass(frozen=True)
class Two:
    """A task of two questions about a sample: whether the first output fires most, and how much all fire."""

    measures = (Measure("wrong", counted=True), Measure("off", counted=False))

    def init_state(self, network, batch):
        return jnp.zeros((batch, network.classes))

    def observe(self, network, state, trace, target, ticks):
        del target, ticks
        return state + network.output_spikes(trace).sum(0)

    def score(self, state, target):
        wrong = (state.argmax(-1) == 0) != target["first"]
        return {"wrong": wrong, "off": jnp.abs(state.sum(-1) - target["all"])}

    def answer(self, state):
        return state.argmax(-1) == 0


def test_targets_that_are_trees_are_evaluated_as_they_are_trained_on(data):
    x, y = data.train.x, {"first": data.train.y == 0, "all": data.train.y.astype(np.float32)}
    some, rest = (Samples(x[part], {k: v[part] for k, v in y.items()}) for part in (slice(40), slice(40, None)))
    both = Dataset("two", some, rest, shape=(8,))
    model = ej.fit(NETWORK, ej.stdp(), both, task=Two(), epochs=1, steps=15, progress=False)
    found = model.evaluate(rest.x, rest.y)
    assert found == model.evaluate(both)
    assert set(found) == {"wrong", "off"}
    with pytest.raises(UserError, match="y: 19 for 20 samples in x"):
        model.evaluate(rest.x, rest.y | {"all": rest.y["all"][1:]})
