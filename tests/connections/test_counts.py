"""Counts of spikes at synapses against lists of synapses, for every connection, and beyond 32 bits."""

import doctest
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erbp_jax.connections import (
    Arrived,
    BlankOut,
    Conv2d,
    Dense,
    LinearConnection,
    Params,
    Pool2d,
    Reliable,
    SharedBlankOut,
    linear,
)
from erbp_jax.counting import wide_value
from tests.connections import test_conv

NONE = Params({})


def synapses(connection):
    """Every synapse `(input, output)`, from the definition of the layer."""
    if isinstance(connection, Dense):
        return [(i, o) for i in range(connection.inputs) for o in range(connection.outputs)]
    if isinstance(connection, Conv2d):
        return [(i, o) for i, o, _ in test_conv.synapses(connection)]
    maps, stride = connection.input_shape[2], connection.stride or connection.size
    alike = Conv2d(connection.input_shape, maps, connection.size, stride, connection.padding)
    return [(i, o) for i, o, _ in test_conv.synapses(alike) if i % maps == o % maps]


@st.composite
def connections(draw):
    few = st.integers(1, 4)
    kind = draw(st.sampled_from(["dense", "conv", "pool"]))
    if kind == "dense":
        events = draw(st.booleans())
        return Dense(draw(st.integers(1, 40)), draw(st.integers(1, 9)), transmission=Reliable(events))
    shape = (draw(st.integers(4, 7)), draw(st.integers(4, 7)), draw(few))
    stride, padding = draw(st.integers(1, 3)), draw(st.sampled_from(["same", "valid"]))
    if kind == "conv":
        return Conv2d(shape, draw(few), draw(few), stride, padding)
    mode, gain = draw(st.sampled_from(["sum", "average"])), draw(st.sampled_from([0.3, 1.0, 1.2, 2.0]))
    return Pool2d(shape, draw(few), draw(st.sampled_from([None, stride])), padding, mode, gain)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(connections(), st.integers(0, 2**31))
def test_counts_are_those_of_a_list_of_synapses(connection, seed):
    rng = np.random.default_rng(seed)
    spikes = rng.choice([0.0, 0.0, 1.0, 0.3, -2.0], (2, 3, connection.inputs)).astype(np.float32)
    is_open = rng.random((2, 3, connection.outputs)) < 0.5
    reached, of, passed = np.zeros((2, 3, connection.outputs), int), np.zeros(connection.inputs, int), 0
    for i, o in synapses(connection):
        reached[..., o] += spikes[..., i] != 0
        of[i] += 1
        passed = passed + ((spikes[..., i] != 0) & is_open[..., o])
    np.testing.assert_array_equal(connection.fan_out(), of)
    np.testing.assert_array_equal(np.broadcast_to(connection.reached(NONE, Arrived(spikes)), reached.shape), reached)
    got = wide_value(connection.addressed(NONE, Arrived(spikes)))
    np.testing.assert_array_equal(got, reached.sum(-1))
    np.testing.assert_array_equal(got, (spikes != 0) @ connection.fan_out())
    np.testing.assert_array_equal(wide_value(connection.delivered(NONE, Arrived(spikes))), got)
    has_weights = not isinstance(connection, Pool2d)
    assert connection.learns == has_weights
    np.testing.assert_array_equal(wide_value(connection.writes(NONE, Arrived(spikes), is_open)), passed * has_weights)
    np.testing.assert_array_equal(wide_value(connection.writes(NONE, Arrived(spikes), None)), got * has_weights)


@pytest.mark.parametrize(
    ("size", "stride", "padding", "mode", "gain"),
    [
        (2, None, "valid", "average", 1.0),
        (2, None, "valid", "average", 2.0),
        (2, None, "valid", "sum", 1.2),
        (3, 2, "same", "average", 1.0),
        (3, 1, "valid", "sum", 0.5),
    ],
)
def test_pooling_is_counted_whatever_its_weight(size, stride, padding, mode, gain):
    pool = Pool2d((8, 7, 3), size, stride, padding, mode, gain)
    spikes = (np.random.default_rng(0).random((5, pool.inputs)) < 0.3).astype(np.float32)
    want = spikes @ pool.fan_out()
    assert want.min() > 0
    for count in (pool.addressed(NONE, Arrived(spikes)), pool.delivered(NONE, Arrived(spikes))):
        np.testing.assert_array_equal(wide_value(count), want)
    for gate in (None, jnp.ones((5, pool.outputs), bool)):
        np.testing.assert_array_equal(wide_value(pool.writes(NONE, Arrived(spikes), gate)), np.zeros(5))


@pytest.mark.parametrize("transmission", [BlankOut(0.5), SharedBlankOut(0.5)])
def test_spikes_that_cross_are_counted_whatever_their_values(key, transmission):
    dense = Dense(20, 30, transmission=transmission)
    keys = jax.random.split(key, 4)
    spikes = jnp.where(jax.random.uniform(key, (4, 20)) < 0.5, -0.3, 0.0)
    units, first = jnp.arange(20), isinstance(transmission, SharedBlankOut)
    xi = np.asarray(BlankOut(0.5).mask(keys[:1, None] if first else keys[:, None], units[None], 30))
    through = (np.asarray(spikes) != 0)[..., None] & np.broadcast_to(xi, (4, 20, 30))
    np.testing.assert_array_equal(wide_value(dense.delivered(NONE, Arrived(spikes, keys))), through.sum((1, 2)))
    gate = jax.random.uniform(key, (4, 30)) < 0.5
    want = (through & np.asarray(gate)[:, None]).sum((1, 2))
    np.testing.assert_array_equal(wide_value(dense.writes(NONE, Arrived(spikes, keys), gate, gated=True)), want)


@dataclass(frozen=True)
class OneToOne(LinearConnection):
    """A user's connection: unit i onto unit i, each spike times `factor`; with weights or without."""

    inputs: int = 6
    factor: float = 0.25
    weights: bool = True
    each: int = 1
    transmission: Reliable | BlankOut = Reliable()

    outputs = property(lambda self: self.inputs)

    def init(self, key):
        return Params({"weight": jax.random.normal(key, (self.inputs,))} if self.weights else {})

    def current(self, params, spikes, keys):
        del keys
        return self.factor * spikes * (params.trained["weight"][None] if self.weights else 1.0)

    def fan_out(self):
        return np.full(self.inputs, self.each)


def test_a_users_connection_is_counted_by_its_fan_out_and_not_by_its_weights():
    spikes = np.asarray([[1.0, 0, -2.0, 0, 0.5, 1.0], [0, 0, 0, 0, 0, 1.0]], np.float32)
    is_open = np.asarray([[True, True, False, True, True, False]] * 2)
    arrived = Arrived(spikes)
    for factor in (0.25, 1.0, -3.0):
        one = OneToOne(factor=factor)
        np.testing.assert_array_equal(wide_value(one.addressed(NONE, arrived)), [4, 1])
        np.testing.assert_array_equal(wide_value(one.writes(NONE, arrived, is_open)), [2, 0])
        np.testing.assert_array_equal(one.reached(NONE, arrived), spikes != 0)
        np.testing.assert_array_equal(wide_value(replace(one, weights=False).writes(NONE, arrived, is_open)), [0, 0])
        assert one.synapses == one.multiplications == 6
    np.testing.assert_array_equal(OneToOne(factor=2.0, each=2).reached(NONE, arrived), 2 * (spikes != 0))
    with pytest.raises(ValueError, match="OneToOne: its synapses do not fit its fan-out"):
        OneToOne(each=5).reached(NONE, arrived)
    unsure = OneToOne(factor=0.25, transmission=BlankOut(0.5))
    with pytest.raises(ValueError, match="OneToOne: with all weights at one a spike does not give"):
        unsure.delivered(NONE, arrived)


def test_a_users_connection_has_all_of_a_connection_from_its_current(key):
    """Update, way back, gradients and random back-propagation of a list of edges in five lines."""
    edges = np.asarray([(0, 1), (2, 1), (2, 0), (4, 2), (0, 2)])

    @dataclass(frozen=True)
    class Edges(LinearConnection):
        inputs: int = 5
        outputs: int = 3

        def init(self, key):
            return Params({"weight": jax.random.normal(key, (len(edges),))})

        def current(self, params, spikes, keys):
            del keys
            each = spikes[:, edges[:, 0]] * params.trained["weight"][None]
            return jnp.zeros((len(spikes), self.outputs)).at[:, edges[:, 1]].add(each)

    wired, (a, b, c, d) = Edges(), jax.random.split(key, 4)
    params, other = wired.init(a), wired.init(b).trained
    spikes = (jax.random.uniform(c, (2, 3, 5)) < 0.5).astype(jnp.float32)
    post = jax.random.normal(d, (2, 3, 3))
    s, w, u, q = (np.asarray(x, np.float64) for x in (spikes, params.trained["weight"], other["weight"], post))
    total, update, back, through_other = np.zeros_like(q), np.zeros(5), np.zeros_like(s), np.zeros_like(s)
    for n, (i, o) in enumerate(edges):
        total[..., o] += w[n] * s[..., i]
        update[n] = (s[..., i] * q[..., o]).sum()
        back[..., i] += w[n] * q[..., o]
        through_other[..., i] += u[n] * q[..., o]
    state, current, arrived = wired(params, wired.init_state(3), spikes)
    np.testing.assert_allclose(current, total, atol=1e-5)
    np.testing.assert_allclose(wired.plasticity(params, arrived, post)["weight"], update, atol=1e-5)
    factor = wired.plasticity(params, arrived, post, factor=0.5 * wired.signal(arrived))
    np.testing.assert_allclose(factor["weight"], 0.5 * update, atol=1e-5)
    np.testing.assert_allclose(wired.transpose(params, post), back, atol=1e-5)
    _, pull = jax.vjp(lambda p, s: wired(p, (), s, backward=other)[1], params, spikes)
    of_params, of_spikes = pull(post)
    np.testing.assert_allclose(of_params.trained["weight"], update, atol=1e-5)
    np.testing.assert_allclose(of_spikes, through_other, atol=1e-5)
    reached = np.stack([sum(s[..., i] for i, x in edges if x == o) for o in range(3)], -1)
    np.testing.assert_array_equal(wired.reached(params, arrived), reached)
    np.testing.assert_array_equal(wide_value(wired.addressed(params, arrived)), reached.sum(-1))
    assert (state, wired.synapses, wired.label, wired.output_shape, wired.signals) == ((), 5, "3", (3,), 5)


def test_synapses_that_are_known_at_run_time_only_are_not_looked_up():
    @dataclass(frozen=True)
    class Drawn(OneToOne):
        def init(self, key):
            return Params(super().init(key).trained, {"place": jnp.arange(6)})

    with pytest.raises(ValueError, match="Drawn: its fixed parameters say where its synapses are"):
        Drawn().reached(NONE, Arrived(jnp.ones((1, 6))))


def test_the_example_of_a_users_connection_runs():
    assert doctest.testmod(linear).failed == 0
