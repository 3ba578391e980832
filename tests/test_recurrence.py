"""Networks with cycles, lateral and skip projections and delays, against independent loops."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax.block import unrolling
from erbp_jax.kernels import Exponential
from erbp_jax.learning.base import ErrorSpikes, Given
from erbp_jax.learning.three_factor import Modulation, Modulator, Spike, Term, ThreeFactor, pair_stdp
from erbp_jax.params import Params
from erbp_jax.random import new_key, split
from tests import graph_oracle as oracle

TAU = {"tau_mem": 2.0, "tau_syn": 3.0}
TICKS, BATCH = 24, 2

AX, DEN = "axonal", "dendritic"
GRAPHS = {
    "recurrent": ({"h": 7, "o": 3}, [("x", "h", 0, AX), ("h", "h", 1, AX), ("h", "o", 0, AX)]),
    "lateral": ({"h": 7, "o": 3}, [("x", "h", 0, AX), ("h", "o", 0, AX), ("o", "o", 2, AX)]),
    "skip": (
        {"a": 6, "b": 5, "o": 3},
        [("x", "a", 0, AX), ("a", "b", 0, AX), ("b", "o", 1, AX), ("x", "o", 2, AX), ("a", "o", 0, AX)],
    ),
    "feedback": (
        {"a": 6, "b": 5, "o": 3},
        [("x", "a", 1, AX), ("a", "b", 0, AX), ("b", "a", 3, AX), ("b", "o", 0, AX), ("o", "a", 5, AX)],
    ),
    "dendritic": ({"h": 7, "o": 3}, [("x", "h", 1, DEN), ("h", "h", 1, DEN), ("h", "o", 4, DEN), ("o", "h", 6, AX)]),
    "two cycles": (
        {"a": 5, "b": 5, "o": 3},
        [
            ("x", "a", 0, AX), ("a", "a", 2, AX), ("a", "b", 0, AX), ("b", "b", 4, DEN), ("b", "o", 0, AX),
            ("x", "b", 0, AX),
        ],
    ),
}  # fmt: skip


def network_of(name, neuron=None, gain=6.0):
    populations, projections = GRAPHS[name]
    neuron = neuron or ej.LIF(**TAU, refractory=0)
    sizes = {"x": 8, **populations}
    return ej.Network(
        {n: (neuron, size) for n, size in populations.items()},
        tuple(
            ej.Projection(a, b, ej.Dense(sizes[a], sizes[b], gain), delay, side) for a, b, delay, side in projections
        ),
    )


def params_of(network, key):
    """More excitation than inhibition, so that every population fires."""
    params = network.init(key)
    return params._replace(trained=jax.tree.map(lambda w: w + 1.0, params.trained))


def given_for(key, ticks=TICKS, classes=3):
    spikes = jax.random.bernoulli(jax.random.fold_in(key, 1), 0.3, (ticks, BATCH, 8)).astype(jnp.float32)
    target = jnp.arange(BATCH, dtype=jnp.int32) % classes
    return Given(spikes, target, jnp.arange(ticks, dtype=jnp.int32), split(jax.random.fold_in(key, 2), (ticks, BATCH)))


def reference(name, params, given, sample):
    weights = [np.asarray(p["weight"], np.float64) for p in params.trained.projections]
    return weights, oracle.forward(
        *GRAPHS[name], weights, {"x": np.asarray(given.inputs[:, sample], np.float64)}, **TAU
    )


@pytest.mark.parametrize("name", GRAPHS)
def test_spikes_and_currents_are_those_of_the_loop(key, name):
    network = network_of(name)
    params, given = params_of(network, key), given_for(key)
    _, trace = jax.jit(network.advance)(params, network.init_state(BATCH), given.inputs, key=given.key)
    for sample in range(BATCH):
        _, (spikes, out, arriving) = reference(name, params, given, sample)
        for population, seen in zip(network.names, trace.populations, strict=True):
            assert 0.02 < spikes[population].mean() < 0.99, population
            np.testing.assert_array_equal(seen.spikes[:, sample], spikes[population])
            np.testing.assert_allclose(seen.state.synaptic[:, sample], out["I"][population], rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(seen.current[:, sample], out["c"][population], rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(seen.state.drive[:, sample], out["V"][population] - 1, rtol=1e-4, atol=1e-4)
        for projection, arrived, wanted in zip(network.projections, trace.arrived, arriving, strict=True):
            np.testing.assert_array_equal(projection.connection.signal(arrived)[:, sample], wanted)


@pytest.mark.parametrize("name", ["lateral", "skip", "dendritic", "two cycles"])
def test_gradients_are_those_of_the_loop(key, name):
    network, rule = network_of(name), ej.BackProp(ej.Surrogate("fast_sigmoid", 2.0), ej.SquaredError())
    params, given = params_of(network, key), given_for(key)
    made = jax.jit(rule.block, static_argnums=0)(
        network, params, rule.init(network, key), rule.init_state(network, BATCH), given
    )
    wanted = [np.zeros(p["weight"].shape) for p in params.trained.projections]
    for sample in range(BATCH):
        weights, (spikes, out, _) = reference(name, params, given, sample)
        rates = spikes["o"].mean(0)  # the highest rate is 1: no refractory period
        d_rates = (rates - np.eye(3)[int(given.target[sample])]) / BATCH
        found = oracle.gradient(
            *GRAPHS[name], weights, spikes, out, np.tile(d_rates / TICKS, (TICKS, 1)), "o", **TAU,
            surrogate=lambda x: 0.25 / (1.0 + np.abs(x / 2.0)) ** 2,
        )  # fmt: skip
        wanted = [a + b for a, b in zip(wanted, found, strict=True)]
    assert sum(np.abs(want).max() > 1e-6 for want in wanted) > len(wanted) / 2
    for got, want in zip(made.update.projections, wanted, strict=True):
        np.testing.assert_allclose(got["weight"], want, rtol=2e-3, atol=2e-6 + 1e-4 * np.abs(want).max())


@pytest.mark.parametrize("name", GRAPHS)
def test_erbp_is_that_of_the_loop(key, name):
    network = network_of(name)
    rule = ej.ERBP(ej.LabelNeurons(3, 4), ej.Boxcar(-2.0, 2.0), ej.RandomFeedback(1.0))
    params, given, rule_params = params_of(network, key), given_for(key), rule.init(network, jax.random.fold_in(key, 9))
    made = jax.jit(rule.block, static_argnums=0)(network, params, rule_params, rule.init_state(network, BATCH), given)
    feedback = {n: np.asarray(g, np.float64) for n, g in zip(network.names, rule_params.fixed, strict=True)}
    wanted = [np.zeros(p["weight"].shape) for p in params.trained.projections]
    for sample in range(BATCH):
        _, (spikes, out, arriving) = reference(name, params, given, sample)
        label = np.zeros((TICKS, 3))
        label[::4, int(given.target[sample])] = 1.0
        errors = oracle.error_spikes(label, spikes["o"], weight=0.9, threshold=1.0)
        assert np.abs(errors).sum() > 2
        found = oracle.erbp(*GRAPHS[name], out, arriving, errors, feedback, tau_u=5.0, gate=(-2.0, 2.0))
        wanted = [a + b for a, b in zip(wanted, found, strict=True)]
    assert sum(np.abs(want).max() > 0 for want in wanted) > len(wanted) / 2
    for got, want in zip(made.update.projections, wanted, strict=True):
        np.testing.assert_allclose(-got["weight"], want, rtol=1e-4, atol=1e-4)  # optimisers step against it


@pytest.mark.parametrize("name", ["recurrent", "skip", "dendritic"])
def test_stdp_is_that_of_the_loop(key, name):
    network, kernel = network_of(name), Exponential(5.0, 5.0, 1.0, -0.8, 12)
    rule = ThreeFactor((pair_stdp(kernel),))
    params, given = params_of(network, key), given_for(key)
    made = jax.jit(rule.block, static_argnums=0)(
        network, params, rule.init(network, key), rule.init_state(network, BATCH), given
    )
    wanted = [np.zeros(p["weight"].shape) for p in params.trained.projections]
    for sample in range(BATCH):
        _, (spikes, _, arriving) = reference(name, params, given, sample)
        for j, (_, target, _, _) in enumerate(GRAPHS[name][1]):
            wanted[j] += oracle.pair_stdp(
                arriving[j], spikes[target], lambda dt: float(kernel(jnp.int32(dt))), kernel.window
            )
    for got, want in zip(made.update.projections, wanted, strict=True):
        np.testing.assert_allclose(-got["weight"], want, rtol=1e-4, atol=1e-4)


def dyadic(network, key):
    """Parameters on a coarse grid, so that no order of summation changes a bit."""
    params = params_of(network, key)
    return params._replace(trained=jax.tree.map(lambda w: jnp.round(8 * w) / 8, params.trained))


def through(network, rule, params, rule_params, given, block):
    """The sum of all updates and the spikes of all populations, in blocks."""
    state, total, spikes = rule.init_state(network, BATCH), network.zeros_like(params), []
    step = jax.jit(rule.block, static_argnums=0)
    for first in range(0, TICKS, block):
        part = slice(first, first + block)
        now = Given(given.inputs[part], given.target, given.ticks[part], given.key[part])
        made = step(network, params, rule_params, state, now)
        state, total = made.state, jax.tree.map(jnp.add, total, made.update)
        spikes.append([seen.spikes for seen in made.trace.populations])
    return total, [jnp.concatenate(x) for x in zip(*spikes, strict=True)], state


@pytest.mark.parametrize("name", ["feedback", "dendritic", "two cycles"])
def test_a_block_is_its_ticks(key, name):
    """With dyadic weights and leaks of a half, bit for bit."""
    half = 1.0 / np.log(2.0)
    network = network_of(name, ej.LIF(half, half, refractory=1))
    rule = ej.ERBP(ej.LabelNeurons(3, 4), dendrite=ej.Dendrite(half), error=ej.ErrorNeurons(0.5))
    params, given, rule_params = dyadic(network, key), given_for(key), rule.init(network, key)
    rule_params = rule_params._replace(fixed=jax.tree.map(lambda w: jnp.round(4 * w) / 4, rule_params.fixed))
    alone = through(network, rule, params, rule_params, given, 1)
    assert all(0.02 < x.mean() < 0.9 for x in alone[1])
    for block in (4, 6, 12):
        together = through(network, rule, params, rule_params, given, block)
        for a, b in zip(jax.tree.leaves(alone), jax.tree.leaves(together), strict=True):
            np.testing.assert_array_equal(a, b)


def within_neurons(membrane, d_spikes):
    """The error of currents `[T, N]` from that of spikes, through the neurons' own leaks and resets alone."""
    a_mem, a_syn = np.exp(-1 / TAU["tau_mem"]), np.exp(-1 / TAU["tau_syn"])
    d_current, later_v, later_i = np.zeros_like(membrane), 0.0, 0.0
    for t in reversed(range(TICKS)):
        slope = np.maximum(0.0, 1.0 - np.abs((membrane[t] - 1) / 2.0)) / 2.0
        d_v = d_spikes[t] * slope + later_v * (membrane[t] <= 1.0)
        d_current[t] = (1 - a_mem) * d_v + later_i
        later_v, later_i = a_mem * d_v, a_syn * d_current[t]
    return d_current


def test_direct_feedback_keeps_the_gradient_within_neurons(key):
    """No error through spikes: the gradient of recurrent weights is that of a loop whose spikes pass nothing back."""
    network = network_of("recurrent")
    rule = ej.BackProp(ej.Surrogate("triangular", 2.0), ej.SquaredError(), ej.Direct(ej.RandomFeedback(1.0)))
    params, given, rule_params = params_of(network, key), given_for(key), rule.init(network, key)
    made = rule.block(network, params, rule_params, rule.init_state(network, BATCH), given)
    wanted = np.zeros((7, 7))
    feedback = np.asarray(rule_params.fixed[0], np.float64)
    for sample in range(BATCH):
        _, (spikes, out, arriving) = reference("recurrent", params, given, sample)
        d_rates = (spikes["o"].mean(0) - np.eye(3)[int(given.target[sample])]) / BATCH / TICKS
        d_output = within_neurons(out["V"]["o"], np.tile(d_rates, (TICKS, 1)))
        wanted += arriving[1].T @ within_neurons(out["V"]["h"], d_output @ feedback)
    np.testing.assert_allclose(made.update.projections[1]["weight"], wanted, rtol=2e-3, atol=1e-6)


def test_what_is_not_plastic_stays(key):
    network = ej.Network(
        {"h": ej.LIF(), "o": ej.LIF()},
        (ej.Projection("x", "h", ej.Dense(8, 7, 6.0), plastic=False), ej.Projection("h", "o", ej.Dense(7, 3, 6.0))),
    )
    params, given = network.init(key), given_for(key)
    assert params.trained.projections[0] == {}
    assert params.fixed.projections[0].trained["weight"].shape == (8, 7)
    for rule in (
        ej.ERBP(ej.LabelNeurons(3)),
        ej.BackProp(),
        ThreeFactor((pair_stdp(Exponential(5.0, 5.0, 1.0, -1.0, 12)),)),
    ):
        made = rule.block(network, params, rule.init(network, key), rule.init_state(network, BATCH), given)
        assert jax.tree.structure(made.update) == jax.tree.structure(params.trained)
        assert jax.tree.leaves(made.update)[0].shape == (7, 3)
        if made.events is not None:
            assert not np.asarray(made.events.plasticity.low)[..., 0].any()


def test_results_go_by_the_order_of_declaration_and_not_by_names(key):
    made = []
    for names in (("h", "o"), ("zebra", "ant")):
        network = ej.Network(
            {names[0]: ej.LIF(), names[1]: ej.LIF()},
            (
                ej.Projection("x", names[0], ej.Dense(8, 7, 6.0, ej.BlankOut(0.5))),
                ej.Projection(names[0], names[0], ej.Dense(7, 7, 3.0), delay=1),
                ej.Projection(names[0], names[1], ej.Dense(7, 3, 6.0)),
            ),
        )
        rule, given = ej.ERBP(ej.LabelNeurons(3)), given_for(key)
        block = rule.block(network, network.init(key), rule.init(network, key), rule.init_state(network, BATCH), given)
        made.append(jax.tree.leaves((block.update, network.output_spikes(block.trace))))
    for a, b in zip(*made, strict=True):
        np.testing.assert_array_equal(a, b)


def test_two_inputs_by_name(key):
    network = ej.Network(
        {"o": ej.LIF()},
        (ej.Projection("left", "o", ej.Dense(4, 3, 6.0)), ej.Projection("right", "o", ej.Dense(4, 3, 6.0))),
    )
    params, given = network.init(key), given_for(key)
    one = {"left": given.inputs[..., :4], "right": given.inputs[..., 4:]}
    turned = dict(reversed(one.items()))
    state = network.init_state(BATCH)
    (_, a), (_, b) = (network.advance(params, state, x, key=given.key) for x in (one, turned))
    assert a.populations[0].spikes.any()
    np.testing.assert_array_equal(a.populations[0].spikes, b.populations[0].spikes)
    assert new_key(0).shape == ()


@dataclass(frozen=True)
class PerNeuron(Modulator):
    """A different value for every neuron and tick."""

    def over(self, network, rule_params, state, trace, given):
        del rule_params, trace
        values = tuple(
            jnp.sin(given.ticks.astype(jnp.float32)[:, None, None] + jnp.arange(p.size, dtype=jnp.float32)[None, None])
            * jnp.ones((1, BATCH, 1))
            for p in network.populations
        )
        return state, Modulation(values, ErrorSpikes.none(len(given.ticks), BATCH))


@pytest.mark.parametrize("make", ["dense", "sparse", "delayed"])
def test_eligibility_under_a_modulator_of_every_neuron(key, make):
    """`z[t] = b z[t-1] + pre[t] post[t] / tau`, `dw = sum_t M_j[t] z_ij[t]`, by a loop over ticks and synapses."""
    connection = {
        "dense": ej.Dense(8, 5, 6.0),
        "sparse": ej.Sparse(8, 5, fan_in=4, gain=6.0),
        "delayed": ej.Delayed(ej.Dense(8, 5, 6.0), (0, 3)),
    }[make]
    network = ej.sequential(connection, ej.LIF(refractory=0))
    rule = ThreeFactor(((Term(Spike(), Spike()),),), PerNeuron(), tau_eligibility=6.0)
    params, given = params_of(network, key), given_for(key)
    state = rule.init_state(network, BATCH)
    total = 0.0
    trains = []
    for first in range(0, TICKS, 8):
        part = slice(first, first + 8)
        now = Given(given.inputs[part], given.target, given.ticks[part], given.key[part])
        made = rule.block(network, params, Params((), ()), state, now)
        state, total = made.state, total - np.asarray(made.update.projections[0]["weight"])
        trains.append(np.asarray(made.trace.populations[0].spikes))
    post, inputs = np.concatenate(trains), np.asarray(given.inputs)
    fixed = network.of_projection(params, 0).fixed
    one = np.zeros_like(total)
    for sample in range(BATCH):
        z = np.zeros_like(total)
        for t in range(TICKS):
            now = np.zeros_like(total)
            for place in np.ndindex(total.shape):
                if make == "dense":
                    i, o, d = *place, 0
                elif make == "delayed":
                    i, o, d = *place, int(connection.ticks(network.of_projection(params, 0))[place])
                else:
                    i, o, d = int(fixed["pre"][place]), int(fixed["post"][place]), 0
                now[place] = (inputs[t - d, sample, i] if t >= d else 0.0) * post[t, sample, o]
                z[place] = np.exp(-1 / 6.0) * z[place] + now[place] / 6.0
                one[place] += np.sin(t + o) * z[place]
    assert np.abs(one).max() > 0.1
    np.testing.assert_allclose(total, one, rtol=1e-3, atol=1e-4)


def test_shared_weights_have_no_eligibility_of_single_neurons(key):
    network = ej.sequential(ej.Conv2d((4, 4, 1), 2, 3), ej.LIF())
    rule = ThreeFactor(((Term(Spike(), Spike()),),), PerNeuron(), tau_eligibility=6.0)
    spikes = jnp.zeros((2, BATCH, 16))
    given = Given(spikes, jnp.zeros(BATCH, jnp.int32), jnp.arange(2, dtype=jnp.int32), split(key, (2, BATCH)))
    with pytest.raises(ValueError, match="the projection input -> output, Conv2d, are shared"):
        rule.block(network, network.init(key), Params((), ()), rule.init_state(network, BATCH), given)


def test_loops_within_loops_are_not_all_unrolled():
    """A cycle with a delay of 6 in blocks of 12: the time to compile grows with the product of what is unrolled."""
    assert [unrolling(8), unrolling(9), unrolling(2, 4), unrolling(2, 6), unrolling(1, 6)] == [8, 1, 2, 1, 1]
    network = ej.Network(
        {"h": (ej.LIF(), 5)},
        (ej.Projection("x", "h", ej.Dense(8, 5)), ej.Projection("h", "h", ej.Dense(5, 5), 6)),
    )

    def run(key):
        given = given_for(key, ticks=12)
        state = network.init_state(BATCH)
        return network.advance(network.init(key), state, given.inputs, key=given.key)[1]

    def products(jaxpr, outside=1):
        for equation in jaxpr.eqns:
            here = outside * equation.params["unroll"] if equation.primitive.name == "scan" else outside
            yield here
            for body in (getattr(value, "jaxpr", None) for value in equation.params.values()):
                if body is not None:
                    yield from products(body, here)

    assert 1 < max(products(jax.make_jaxpr(run)(new_key(0)).jaxpr)) <= 8
