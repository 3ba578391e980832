"""Learning with few bits, through a config: the weights stay on their grids, and stretches do not matter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax.config import load_config
from erbp_jax.config.build_precision import quantize_states, weight_grids
from erbp_jax.errors import UserError
from erbp_jax.grid import Grid
from erbp_jax.learning.base import Given
from erbp_jax.neurons import LIF
from erbp_jax.neurons.quantized import QuantizedDendrite, QuantizedNeuron
from erbp_jax.training.session import Session

BITS = 8


@pytest.fixture(scope="module")
def session(root):
    small = ["data.test_size=300", "encoding.steps=20", "network.layers=[64,40,10]"]
    few = [f"precision.weight_bits={BITS}", "precision.state_bits=12", "training.alignment=false", "training.seeds=2"]
    session = Session(load_config(root / "configs" / "digits.yaml", [*small, *few]))
    session.compile(session.start())
    return session


def test_a_config_learns_on_the_grid_in_any_stretches(session):
    learner = session.start()
    whole = session.train(learner, 0, 0, session.batches)
    parts = session.train(session.train(learner, 0, 0, 2), 0, 2, session.batches)
    jax.tree.map(np.testing.assert_array_equal, parts, whole)
    grids = weight_grids(session.config.precision, session.experiment.network)
    for layer, grid, before in zip(whole.params.projections, grids, learner.params.projections, strict=True):
        points = np.asarray(layer["weight"], np.float64) / grid.step
        np.testing.assert_array_equal(points, points.round())
        assert 2 ** (BITS - 2) < len(np.unique(points)) <= 2**BITS
        assert points.min() >= -(2 ** (BITS - 1))
        assert points.max() < 2 ** (BITS - 1)
        assert np.any(points[0] != points[1])  # seeds draw their own
        assert np.abs(np.asarray(layer["weight"] - before["weight"])).max() > 3 * grid.step
    for epoch in range(1, 6):
        whole = session.train(whole, epoch, 0, session.batches)
    error = session.test(whole, 6).scores["error"].mean()
    assert error < 0.12


def test_sums_of_updates_land_on_the_grid_whatever_the_stretches(root):
    small = ["data.train_size=300", "data.test_size=100", "encoding.steps=20", "network.layers=[64,20,10]"]
    few = [f"precision.weight_bits={BITS}", "optimizer.accumulate=3", "training.alignment=false", "training.seeds=2"]
    session = Session(load_config(root / "configs" / "digits.yaml", [*small, *few]))
    session.compile(session.start())
    whole = session.train(session.start(), 0, 0, session.batches)
    parts = session.train(session.train(session.start(), 0, 0, 1), 0, 1, session.batches)
    jax.tree.map(np.testing.assert_array_equal, parts, whole)
    for layer, grid in zip(
        whole.params.projections, weight_grids(session.config.precision, session.experiment.network), strict=True
    ):
        points = np.asarray(layer["weight"], np.float64) / grid.step
        np.testing.assert_array_equal(points, points.round())
        assert len(np.unique(points)) > 2


def test_the_average_has_sixteen_bits_and_follows_the_mean_of_a_loop(session):
    """Stochastic rounding: off by a few points of its grid, in the mean by less than one."""
    learner, mean = session.start(), None
    for batch in range(session.batches):
        learner = session.train(learner, 0, batch, batch + 1)
        new = np.asarray(learner.params.projections[0]["weight"], np.float64)
        mean = new if mean is None else mean + (new - mean) / (batch + 1)
    (step,) = {g.step for g in weight_grids(session.config.precision, session.experiment.network, 16)[:1]}
    points = np.asarray(learner.weights.trained.projections[0]["weight"], np.float64) / step
    np.testing.assert_array_equal(points, points.round())
    off = points - mean / step
    assert 0 < np.abs(off).max() < 30
    assert abs(off.mean()) < 0.2


def test_states_and_dendrites_are_stored_in_bits(session):
    for layer in session.experiment.network.layers:
        assert isinstance(layer.neuron, QuantizedNeuron)
        assert isinstance(layer.neuron.neuron, LIF)
        assert layer.neuron.grid.bits == 12
    assert isinstance(session.experiment.rule.dendrite, QuantizedDendrite)


def test_the_last_layer_may_have_neurons_of_its_own(root):
    neuron = ["kind=lif", "threshold=2", "tau_syn=3", "tau_mem=0", "refractory=0"]
    overrides = [f"network.output_neuron.{item}" for item in neuron]
    first, last = Session(load_config(root / "configs" / "digits.yaml", overrides)).experiment.network.layers
    assert (first.neuron.threshold, last.neuron.threshold, last.neuron.tau_syn) == (1.0, 2.0, 3.0)


@pytest.mark.parametrize(
    ("key", "made"),
    [
        ("network.adaptation.kind=target_rate", "TargetRate"),
        ("network.neuron={kind: parametric_lif, tau_mem: 2}", "ParametricLIF"),
    ],
)
def test_neurons_with_parameters_have_no_states_of_few_bits(root, key, made):
    config = load_config(root / "configs" / "digits.yaml", ["precision.state_bits=12", key])
    with pytest.raises(UserError, match=rf"precision.state_bits: {made} in 'hidden1' has trainable parameters"):
        Session(config)


def test_a_gradient_passes_straight_through_what_is_stored(key):
    """With 16 bits the states are nearly those of floats, and so is the gradient through time: the first layer gets
    none where it is cut at the stored states."""
    network = ej.mlp(4, 6, 3, neuron=LIF(tau_mem=5.0, tau_syn=5.0, refractory=0), gain=3.0)
    spikes = jnp.zeros((8, 2, 4)).at[0].set(1.0)
    given = Given(spikes, jnp.array([0, 1]), jnp.arange(8), jax.random.split(key, (8, 2)))
    rule, found = ej.BackProp(ej.Surrogate("fast_sigmoid", 1.0)), []
    for each in (network, quantize_states(network, Grid.reaching(32.0, 16))):
        params = each.init(key)
        made = rule.block(each, params, rule.init(each, key), rule.init_state(each, 2), given)
        found.append(np.asarray(made.update.projections[0]["weight"]))
    assert np.abs(found[0]).max() > 0.01
    np.testing.assert_allclose(found[1], found[0], atol=0.05 * np.abs(found[0]).max())


def test_beyond_the_range_there_is_no_gradient():
    grid = Grid.reaching(1.0, 4)
    slopes = jax.vmap(jax.grad(grid.stored))(jnp.array([0.3, -0.9, 1.4, -2.0]))
    np.testing.assert_array_equal(slopes, [1, 1, 0, 0])
    np.testing.assert_array_equal(grid.stored(jnp.array([0.3, 1.4])), grid.round(jnp.array([0.3, 1.4])))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["network.neuron.kind=mihalas_niebur"], "precision.state_range: MihalasNiebur in 'hidden1' has a rest"),
        (["network.neuron={kind: lif, threshold: 40}"], "threshold of 40, beyond the largest state of 32"),
        (["rule={kind: bp, form: rate}"], "precision.state_bits: the rate form has no states"),
    ],
)
def test_states_of_few_bits_are_refused_where_they_cannot_be(root, overrides, message):
    config = load_config(root / "configs" / "digits.yaml", ["precision.state_bits=12", *overrides])
    with pytest.raises(UserError, match=message):
        Session(config)
