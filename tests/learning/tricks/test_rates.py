"""A rate per neuron, and a step that does not depend on how much input there is."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax.learning.tricks import normalised_step, scale_by_factored_moments, scale_by_neuron_rms
from erbp_jax.trace import Tree
from erbp_jax.training.transforms import besides
from tests.learning.tricks import oracles
from tests.learning.tricks.test_moments import steps_of


def test_rates_of_neurons_are_those_of_a_loop():
    updates = oracles.stream(6)
    got, state = steps_of(scale_by_neuron_rms(0.9), updates)
    *arrays, lists, neurons = (list(x) for x in zip(*map(oracles.arrays, updates), strict=True))
    wanted = [*(oracles.by_neuron(x, 0.9) for x in arrays), oracles.together(lists, 0.9), oracles.alone(neurons, 0.9)]
    for n, step in enumerate(got):
        for x, want in zip(oracles.arrays(step), wanted, strict=True):
            np.testing.assert_allclose(x, want[n], rtol=2e-5, atol=1e-7)
    assert [x.size for x in oracles.arrays(state.post)] == [4, 4, 1, 4]


def test_neurons_take_steps_of_one_size_and_inputs_keep_their_differences():
    rng = np.random.default_rng(0)
    updates = [rng.normal(size=(50, 4)) * [[1.0, 30.0, 1e-4, 8.0]] for _ in range(30)]
    for u in updates:
        u[:25] *= 0.1
    step = steps_of(scale_by_neuron_rms(0.9), [{"weight": jnp.asarray(u, jnp.float32)} for u in updates])[0][-1]
    sizes = np.sqrt(np.mean(np.square(step["weight"]), 0))
    np.testing.assert_allclose(sizes, 1.0, atol=0.4)
    rare, often = (np.sqrt(np.mean(np.square(step["weight"][rows]))) for rows in (slice(25), slice(25, 50)))
    np.testing.assert_allclose(rare / often, 0.1, rtol=0.3)


@pytest.mark.parametrize("scale", [1, 2, 5])
def test_a_step_moves_the_current_by_the_error_however_many_spikes_there_are(scale):
    """`w.n` of a pattern n of spike counts moves by `e |n|^2 / (eps + |n|^2)`."""
    counts = scale * np.array([[0, 3, 1, 4, 0]], np.float32)
    error = np.array([[0.5, -2.0]], np.float32)
    update = Tree(({"weight": jnp.asarray(counts.T @ error)}, {"weight": jnp.ones((2, 3))}), ({"tau": jnp.ones(2)}, {}))
    energy = jnp.float32((counts**2).sum())
    step, _ = normalised_step(1e-3).update(update, (), eligibility=(energy, jnp.float32(3.0)))
    np.testing.assert_allclose(counts @ step.projections[0]["weight"], error, rtol=1e-4)
    np.testing.assert_allclose(step.projections[1]["weight"], 1 / 3.001, rtol=1e-6)
    np.testing.assert_array_equal(step.populations[0]["tau"], 1.0)


@pytest.mark.parametrize("make", [scale_by_neuron_rms, scale_by_factored_moments])
def test_without_history_every_update_is_its_own_average(make):
    steps = steps_of(make(0.0), [{"weight": jnp.full((3, 2), u)} for u in (1e4, 1.0, 1e-3)])[0]
    for step in steps:
        np.testing.assert_allclose(step["weight"], 1.0, rtol=1e-6)


def test_silence_moves_nothing():
    update = Tree(({"weight": jnp.zeros((2, 3))},), ({},))
    step, _ = normalised_step().update(update, (), eligibility=(jnp.float32(0.0),))
    np.testing.assert_array_equal(step.projections[0]["weight"], 0.0)


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="needs eligibility="):
        normalised_step().update(Tree((), ()), ())
    rule = (jnp.ones(3), None)
    assert jax.tree.leaves(normalised_step().update(rule, ())[0])[0] is rule[0]
    with pytest.raises(ValueError, match="eps must be above 0"):
        normalised_step(0.0)
    with pytest.raises(ValueError, match=r"decay in \[0, 1\)"):
        scale_by_neuron_rms(1.0)


@pytest.mark.parametrize(
    "connection",
    [ej.Dense(60, 40), ej.Sparse(60, 40, fan_in=15), ej.Delayed(ej.Dense(60, 40), (1, 4))],
    ids=["dense", "sparse", "delayed"],
)
def test_an_error_of_one_moves_the_current_by_one_whatever_the_connection(connection):
    """Counts n, errors e: the update `e n` over E of the training loop moves every current by e, on average."""
    network = ej.Network({"output": (ej.LIF(), 40)}, [ej.Projection("input", "output", connection)])
    own = network.of_projection(network.init(jax.random.key(0)), 0)
    spikes = jnp.zeros((20, 1, 60)).at[:3].set(2.0)
    _, before, arrived = connection(own, connection.init_state(1), spikes)
    update = connection.plasticity(own, arrived, jnp.ones((20, 1, 40)))
    trace = SimpleNamespace(inputs=[spikes], arrived=(arrived,))
    made = SimpleNamespace(trace=trace, events=None, update=Tree((update,), ({},)))
    energy = besides(network, made)["eligibility"]
    step, _ = normalised_step(1e-6).update(made.update, (), eligibility=energy)
    moved = jax.tree.map(jnp.add, own.trained, step.projections[0])
    _, after, _ = connection(own._replace(trained=moved), connection.init_state(1), spikes)
    np.testing.assert_allclose(np.asarray(after - before).sum(0).mean(), 1.0, rtol=1e-3)
