"""Counts of spikes at synapses against lists of synapses, for every connection, and beyond 32 bits."""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erbp_jax import simulate
from erbp_jax.config.build import Experiment
from erbp_jax.connections import BlankOut, Conv2d, Dense, GaussianBlankOut, Pool2d, Reliable, SharedBlankOut
from erbp_jax.connections.arrivals import addressed, arrivals, delivered, learns, writes
from erbp_jax.counting import Wide, wide_value
from erbp_jax.encoding import LabelNeurons, Regular
from erbp_jax.evaluation import synops
from erbp_jax.kernels import Exponential
from erbp_jax.learning import ERBP, Boxcar, RandomFeedback
from erbp_jax.learning.three_factor import ForwardTableSTDP, Spike, Term, ThreeFactor
from erbp_jax.network import Layer, Network
from erbp_jax.neurons import LIF
from erbp_jax.training import engine, metrics, testing
from tests.connections import test_conv


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
    np.testing.assert_array_equal(np.broadcast_to(arrivals(connection, spikes), reached.shape), reached)
    got = wide_value(addressed(connection, spikes))
    np.testing.assert_array_equal(got, reached.sum(-1))
    np.testing.assert_array_equal(got, (spikes != 0) @ connection.fan_out())
    np.testing.assert_array_equal(wide_value(delivered(connection, spikes, None)), got)
    has_weights = not isinstance(connection, Pool2d)
    assert learns(connection) == has_weights
    np.testing.assert_array_equal(wide_value(writes(connection, spikes, is_open)), passed * has_weights)
    np.testing.assert_array_equal(wide_value(writes(connection, spikes, None)), got * has_weights)


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
    for count in (addressed(pool, spikes), delivered(pool, spikes, None)):
        np.testing.assert_array_equal(wide_value(count), want)
    for gate in (None, jnp.ones((5, pool.outputs), bool)):
        np.testing.assert_array_equal(wide_value(writes(pool, spikes, gate)), np.zeros(5))


@pytest.mark.parametrize("transmission", [BlankOut(0.5), SharedBlankOut(0.5)])
def test_spikes_that_cross_are_counted_whatever_their_values(key, transmission):
    dense = Dense(20, 30, transmission=transmission)
    keys = jax.random.split(key, 4)
    spikes = jnp.where(jax.random.uniform(key, (4, 20)) < 0.5, -0.3, 0.0)
    units, first = jnp.arange(20), isinstance(transmission, SharedBlankOut)
    xi = np.asarray(BlankOut(0.5).mask(keys[:1, None] if first else keys[:, None], units[None], 30))
    through = (np.asarray(spikes) != 0)[..., None] & np.broadcast_to(xi, (4, 20, 30))
    np.testing.assert_array_equal(wide_value(delivered(dense, spikes, keys)), through.sum((1, 2)))
    gate = jax.random.uniform(key, (4, 30)) < 0.5
    want = (through & np.asarray(gate)[:, None]).sum((1, 2))
    np.testing.assert_array_equal(wide_value(writes(dense, spikes, gate, keys)), want)


@dataclass(frozen=True)
class OneToOne:
    """A user's connection: unit i onto unit i, each spike times `factor`; with weights or without."""

    inputs: int = 6
    factor: float = 0.25
    weights: bool = True
    each: int = 1

    outputs = property(lambda self: self.inputs)
    output_shape = property(lambda self: (self.inputs,))

    def init(self, key):
        return {"weight": jax.random.normal(key, (self.inputs,))} if self.weights else {}

    def __call__(self, params, spikes, *, key=None, backward=None):
        del key, backward
        return self.factor * spikes * (params["weight"].reshape((1,) * (spikes.ndim - 1) + (-1,)) if params else 1.0)

    def transpose(self, params, post):
        return self(params, post)

    def reliable(self):
        return self

    def fan_out(self):
        return np.full(self.inputs, self.each)


def test_a_users_connection_is_counted_by_its_fan_out_and_not_by_its_weights():
    spikes = np.asarray([[1.0, 0, -2.0, 0, 0.5, 1.0], [0, 0, 0, 0, 0, 1.0]], np.float32)
    is_open = np.asarray([[True, True, False, True, True, False]] * 2)
    for factor in (0.25, 1.0, -3.0):
        one = OneToOne(factor=factor)
        np.testing.assert_array_equal(wide_value(addressed(one, spikes)), [4, 1])
        np.testing.assert_array_equal(wide_value(writes(one, spikes, is_open)), [2, 0])
        np.testing.assert_array_equal(arrivals(one, spikes), spikes != 0)
        np.testing.assert_array_equal(wide_value(writes(replace(one, weights=False), spikes, is_open)), [0, 0])
    np.testing.assert_array_equal(arrivals(OneToOne(factor=2.0, each=2), spikes), 2 * (spikes != 0))
    with pytest.raises(ValueError, match="OneToOne: its synapses do not fit its fan-out"):
        arrivals(OneToOne(each=5), spikes)


@dataclass(frozen=True)
class Wired(Dense):
    """As many synapses a spike as a brain has, in a small array."""

    def fan_out(self):
        return 2**33 + np.arange(self.inputs) % 2


def test_a_layer_that_is_frozen_is_not_written(key):
    network = Network(tuple(Layer(Dense(i, o, 6.0), LIF(1.0, 1.0)) for i, o in ((8, 6), (6, 3))))
    rule = ThreeFactor(((), (Term(Spike(), Spike()),)))
    spikes = (jax.random.uniform(key, (4, 2, 8)) < 0.6).astype(jnp.float32)
    _, trace = network.advance(network.init(key), network.init_state(2), spikes, key=jax.random.split(key, (4, 2)))
    counts = wide_value(rule.plasticity_events(network, trace))
    np.testing.assert_array_equal(counts[..., 0], 0)
    np.testing.assert_array_equal(counts[..., 1], 3 * np.asarray(trace[1].pre).sum(-1))
    assert counts.sum() > 0


def test_every_count_is_exact_beyond_32_bits(key):
    """One tick of one sample addresses more than 2^32 synapses, in testing, training and recordings alike."""
    layers = (Layer(Wired(6, 5, 6.0), LIF(1.0, 1.0)), Layer(Wired(5, 3, 6.0), LIF(1.0, 1.0)))
    rule = ERBP(LabelNeurons(3, 2), (Boxcar(), Boxcar()), (RandomFeedback(),))
    e = Experiment(Network(layers), Regular(0.6), rule, 8, 8, 2, 2, 2)
    images, labels = jax.random.randint(key, (4, 6), 0, 256).astype(jnp.uint8), jnp.arange(4) % 3
    learner, hold = engine.init(e, optax.set_to_zero(), jnp.uint32(0)), optax.set_to_zero()
    seen = synops.record(e, jnp.uint32(0), learner.params, images, labels, jnp.int32(1))
    assert seen.addressed.dtype == np.int64
    assert seen.addressed[..., 0].max() > 2**33
    np.testing.assert_array_equal(seen.addressed, seen.delivered)
    spikes = seen.addressed // 2**33  # of the layer's inputs; the rest is that of the odd ones
    assert 0 <= (seen.addressed - spikes * 2**33).min() <= (seen.addressed - spikes * 2**33).max() <= 3
    result = jax.jit(lambda p: testing.test(e, jnp.uint32(0), p, images, labels, jnp.int32(1)))(learner.params)
    np.testing.assert_array_equal(wide_value(result.synops), seen.addressed.sum(0))
    assert metrics.synops_per_sample(result) == seen.addressed.sum(0).sum(-1).mean()
    train = jax.jit(lambda l: engine.train(e, hold, l, images, labels, jnp.int32(0), jnp.int32(0), jnp.int32(2)))
    tally = train(learner).tally.values()
    assert tally.samples == 4
    events = tally.events
    assert events.dtype == np.int64
    assert events[0] > 2**37
    assert 0 <= events[0] % 2**33 <= 4 * 8 * 3
    assert events[0] // 2**33 == input_spikes(e, learner, images)


def input_spikes(e, learner, images):
    """Of the four presentations, whose order does not matter."""
    key = engine.sample_keys(learner.seed, engine.Stream.TRAIN, jnp.int32(0), jnp.arange(4))
    kept = simulate.run(
        e.network, e.encoder, learner.params, images, key, steps=e.steps, block=2, record=lambda t: t[0].pre
    )[1]
    return int(np.asarray(kept).sum())


def test_a_tally_counts_beyond_what_floats_can(key):
    """An epoch under way has seen 2^40 samples: one more is one more."""
    layers = (Layer(Dense(6, 3, 6.0), LIF(1.0, 1.0)),)
    e = Experiment(Network(layers), Regular(0.6), ERBP(LabelNeurons(3, 2), (Boxcar(),), ()), 4, 4, 2, 2, 2)
    hold = optax.set_to_zero()
    images, labels = jax.random.randint(key, (4, 6), 0, 256).astype(jnp.uint8), jnp.arange(4) % 3
    learner = engine.init(e, hold, jnp.uint32(0))
    train = jax.jit(lambda l: engine.train(e, hold, l, images, labels, jnp.int32(0), jnp.int32(0), jnp.int32(1)))
    few = train(learner).tally.values()
    late = engine.Tally(
        *(Wide(count.low + jnp.uint32(2**32 - 1), count.high + jnp.uint32(2**8)) for count in learner.tally)
    )
    many = train(replace(learner, tally=late)).tally.values()
    for before, after in zip(few, many, strict=True):
        np.testing.assert_array_equal(after - before, 2**40 + 2**32 - 1)
    assert few.samples == 2
    assert few.events.sum() > 0


def test_rules_say_at_once_what_a_network_lacks(key):
    """Before anything is compiled: masks that could gate learning, a weight matrix whose rows could be walked."""
    cloudy = Network((Layer(Dense(6, 3, transmission=GaussianBlankOut(0.5)), LIF(1.0, 1.0)),))
    gated = ERBP(LabelNeurons(3, 2), (Boxcar(),), (), blank_out_gates_learning=True)
    with pytest.raises(ValueError, match=r"blank_out_gates_learning .* layer 0 .*, GaussianBlankOut, draws no masks"):
        gated.init(cloudy, key)
    maps = Network((Layer(Conv2d((4, 4, 1), 2, 3), LIF(1.0, 1.0)), Layer(Dense(32, 3), LIF(1.0, 1.0))))
    with pytest.raises(ValueError, match=r"layer 0 .*, Conv2d, has none"):
        ForwardTableSTDP(Exponential()).init(maps, key)
