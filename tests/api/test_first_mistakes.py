"""What a person who is new to the package does wrong is answered in one line, and nothing is passed over."""

from dataclasses import dataclass

import jax
import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax.api.sweeping import epoch_printer
from erbp_jax.tasks.base import ERROR

x = np.random.default_rng(0).random((60, 8))
y = np.arange(60) % 3
data = ej.dataset(x, y)
trains = ej.dataset((x[:, None] > 0.5).repeat(20, 1).astype(np.uint8), y, trains=True)
network = ej.mlp(8, 5, 3)


@pytest.fixture(scope="module")
def model():
    return ej.fit(network, ej.ERBP.default, data, epochs=1, steps=10, progress=False)


@ej.local_rule
def hebb(pre, post, error):
    return post.spikes * error


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: ej.dataset(x, y, x, y, test=0.3), "test: a share of x, or x_test and y_test; give one"),
        (lambda m: data.sizes("a"), "sizes: must be whole numbers from 1 on, got 'a'"),
        (lambda m: data.sizes(0), "sizes: must be whole numbers from 1 on, got 0"),
        (lambda m: data.subset(0.5, None), "data.train_size: must be a whole number from 0 on, got 0.5"),
        (
            lambda m: ej.fit(network, ej.ERBP.default, trains, encoder=ej.Poisson(0.2)),
            "and spike trains need no encoder",
        ),
        (
            lambda m: ej.fit(network, ej.ERBP.default, data, on_epoch=lambda metrics: True),
            "on_epoch: must be a function of (metrics, learner)",
        ),
        (
            lambda m: ej.local_rule(lambda pre, post: post.spikes),
            "local_rule: must be a function of (pre, post, error), got",
        ),
        (lambda m: ej.diagnose(network, data), "model: must be"),
        (lambda m: ej.fit(network, hebb, data, model=m), "model: was trained by ERBP, not hebb; go on from the we"),
        (
            lambda m: ej.fit(ej.mlp(8, 6, 3), ej.ERBP.default, data, model=m),
            "model: was trained with another network",
        ),
        (lambda m: m.evaluate(x, 3), "y: 3 for 60 samples in x"),
        (lambda m: m.record(x[0]).plot_curves("abc"), "plot_curves: the target: must be an array of numbers, got str"),
        (lambda m: m.record(x[0]).plot_neuron("output", 1.5), "plot_neuron: output has neurons 0 to 2, got 1.5"),
        (lambda m: ej.dataset([["a", "b"]] * 6, y[:6]), "x: must be an array of numbers, got list"),
        (lambda m: ej.mlp(data.sizes(5)), "a tuple of sizes is given as mlp(*sizes)"),
        (
            lambda m: ej.sweep(network, ej.ERBP.default, data, learning_rate=[1e-3], seed=-1),
            "seed: must be a whole number from 0 on, got -1",
        ),
        (lambda m: ej.fit(network, ej.stdp, data), "rule: stdp makes a rule of its settings; give stdp() itself"),
        (lambda m: ej.fit(network, ej.mstdp, data), "rule: mstdp makes a rule of its settings; give mstdp() itself"),
        (
            lambda m: ej.fit(network, ej.ERBP.default, data, batch_size=49),
            "batch_size: 49 samples, and the data has 48 for training",
        ),
        (
            lambda m: ej.sweep(network, ej.ERBP.default, data, learning_rate=[1e-3], batch_size=49),
            "batch_size: 49 samples, and the data has 48 for training",
        ),
        (lambda m: ej.fit(network, ej.Clopath, data), "got the class Clopath, whose rule is Clopath(...).rule"),
        (lambda m: ej.fit(network, ej.BackProp, data), "got the class BackProp; give BackProp()"),
        (lambda m: ej.fit(network, ej.ERBP, data), "got the class ERBP; give ERBP.default"),
        (
            lambda m: ej.dataset(x, np.arange(60.0)),
            "y: 60 different whole floats among 60: as labels they are y.astype",
        ),
        (
            lambda m: ej.dataset(x, np.arange(60) / 7),
            "and a number to predict for each sample is y[:, None], scaled to",
        ),
        (lambda m: ej.fit(network, ej.Clopath(), data), "rule: Clopath has the parameters of one; give its `.rule`"),
        (lambda m: ej.fit(network, ej.urbanczik_senn(), data), "rule: these are the terms of one; ej.ThreeFactor((te"),
        (lambda m: m.evaluate(x, y[:, None]), "y: labels must be [n], one for each sample, got shape [60, 1]"),
        (
            lambda m: m.evaluate(x, np.eye(3, dtype=int)[y]),
            "y: labels must be [n], one for each sample, got shape [60,",
        ),
        (lambda m: ej.fit(network, ej.ERBP.default, data.subset(0, 5)), "data: the data has no training samples"),
        (lambda m: ej.fit(network, ej.ERBP.default, data.subset(20, 0)), "data: the data has no test samples"),
        (
            lambda m: ej.dataset([np.zeros((8, 8)), np.zeros((9, 9))], [0, 1]),
            "x: must be one array, got samples of diff",
        ),
        (lambda m: ej.dataset([np.full((8, 8), 9, np.uint8)] * 4, [0, 1, 0, 1]), "x: bytes are pixels from 0 to 255"),
        (lambda m: ej.dataset(np.ones((6, 4, 8), bool), y[:6]), "x: truth values [6, 4, 8] may be trains of spikes or"),
    ],
)
def test_one_line_says_what_is_wrong(call, message, model):
    with pytest.raises((ej.UserError, ValueError, TypeError)) as caught:
        call(model)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_events_without_a_polarity_fit_no_sensor_with_two():
    raw = np.array([(5, 1), (9, 0)], [("t", "<i8"), ("x", "<i2")])
    assert ej.from_structured(raw, (1, 2, 1)).p.tolist() == [0, 0]
    with pytest.raises(ej.UserError, match=r"has no field p, .*polarities"):
        ej.from_structured(raw, (1, 2, 2))
    with pytest.raises(ej.UserError, match="has no field y"):
        ej.from_structured(raw, (2, 2, 1))


def test_a_source_that_is_no_population_is_named_beside_those_there_are():
    lif = ej.LIF()
    misspelt = ej.Network(
        (ej.Population("h", lif, 5), ej.Population("o", lif, 3)),
        (ej.Projection("input", "h", ej.Dense(8, 5)), ej.Projection("hidden", "o", ej.Dense(5, 3))),
    )
    with pytest.raises(ej.UserError, match=r"it has input, hidden .*populations h, o\)"):
        ej.fit(misspelt, ej.BackProp(), data, epochs=1, progress=False)


def test_a_rule_says_which_member_its_neurons_lack():
    post = ej.learning.local_rule.Post(np.zeros((1, 2)), np.zeros((1, 2)), {"v": np.zeros((1, 2))})
    with pytest.raises(ValueError, match=r"reads post\.membrane, and the state of these neurons, dict"):
        _ = post.membrane


@dataclass(frozen=True)
class Leaky:
    """A neuron whose state is a dict."""

    name: str

    def init_state(self, shape, dtype=np.float32):
        return {self.name: jax.numpy.zeros(shape, dtype)}

    def step(self, state, current, *, key):
        value = 0.9 * state[self.name] + current
        return {self.name: value}, (value > 1).astype(current.dtype)


@pytest.mark.parametrize(
    ("rule", "field", "message"),
    [
        (ej.learning.three_factor.MembraneGate(0.5).rule, "membrane", "MembraneGate reads the membrane potential"),
        (ej.learning.three_factor.Clopath().rule, "membrane", "the voltage-based rule reads the membrane potential"),
        (ej.dendritic_prediction(), "synaptic", "PredictionError reads the synaptic current"),
    ],
    ids=["membrane-gated", "clopath", "dendritic prediction"],
)
def test_factors_find_what_they_read_in_states_of_any_kind(rule, field, message):
    """It was said that the rule must be used on the postsynaptic side, where it was."""
    ej.fit(ej.mlp(8, 3, neuron=Leaky(field)), rule, data, epochs=1, steps=10, progress=False)
    with pytest.raises(ej.UserError, match=f"{message}, and the state of these neurons, dict, has no '{field}'"):
        ej.fit(ej.mlp(8, 3, neuron=Leaky("v")), rule, data, epochs=1, steps=10, progress=False)


def test_a_rate_of_zero_is_one():
    assert ej.local_rule(learning_rate=0.0)(lambda pre, post, error: error)(network).suggested().learning_rate == 0.0


def test_one_seed_is_enough_for_a_sweep(capsys):
    table = ej.sweep(network, ej.ERBP.default, data, learning_rate=[1e-3], seed=2, epochs=1, steps=10)
    assert table.cells.test_error.shape == (1, 1, 1)
    assert capsys.readouterr().out == f"epoch 1/1  best test error {table.cells.test_error.item():.2f} %\n"


def test_a_sweep_tells_of_the_best_rate_that_has_not_diverged(capsys):
    tell = epoch_printer(ERROR, "held-out", 2)
    tell(1, np.array([[40.0, 60.0], [30.0, 20.0], [np.nan, 1.0]]))
    tell(2, np.full((3, 2), np.nan))
    told = capsys.readouterr().out.splitlines()
    assert told == ["epoch 1/2  best held-out error 25.00 %", "epoch 2/2  every rate diverged"]


def test_a_rule_of_ones_own_has_its_name(model):
    assert "ERBP" in repr(model)
    assert "hebb" in repr(ej.fit(network, hebb, data, epochs=1, steps=10, progress=False))


@pytest.mark.parametrize(
    ("rule", "has"),
    [(ej.ERBP.default, True), (hebb, True), (ej.BackProp(), False), (ej.mstdp(ej.ClassReward()), False)],
)
def test_error_spikes_are_told_of_rules_that_have_error_neurons(rule, has, capsys):
    ej.fit(network, rule, data, epochs=1, steps=10)
    assert ("error spikes per sample" in capsys.readouterr().out) is has


def test_warnings_are_read_where_nothing_else_is_told(capsys):
    dark = ej.dataset(x * 0, y)
    ej.fit(network, ej.ERBP.default, dark, epochs=1, steps=10, progress=False)
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "warning: hidden1 never fired" in seen.err


def test_a_name_that_is_not_in_a_recording_is_answered_with_those_that_are(model):
    seen = model.record(data.test.x[0])
    for part in (seen.spikes, seen.current, seen.state, seen.membrane):
        with pytest.raises(ej.UserError, match=r"recording: no 'hiden1' in this part; it has .*hidden1, output"):
            part["hiden1"]
    means = jax.tree.map(np.mean, seen.spikes)  # still a tree of arrays
    assert set(means) == {"input", "hidden1", "output"}


def test_a_network_is_printed_as_a_table():
    network = ej.Network(
        {"hidden": ej.LIF(), "output": ej.LIF()},
        (
            ej.Projection("input", "hidden", ej.Dense(8, 20)),
            ej.Projection("hidden", "hidden", ej.Dense(20, 20), delay=1, plastic=False),
            ej.Projection("hidden", "output", ej.Dense(20, 3)),
        ),
    )
    lines = str(network).splitlines()
    assert lines[0] == f"Network {network.name}: 620 synapses"
    assert lines[3].split() == ["hidden", "20", "LIF", "input:", "Dense,", "160", "synapses"]
    assert lines[4].strip() == "hidden: Dense, 400 synapses, delay 1, not plastic"
    assert len(lines) == 6
