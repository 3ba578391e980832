"""Counts of whole networks: exact beyond 32 bits, none where nothing is written."""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from erbp_jax import simulate
from erbp_jax.chain import sequential
from erbp_jax.connections import Conv2d, Dense
from erbp_jax.counting import Wide, wide_value
from erbp_jax.encoding import LabelNeurons, Regular
from erbp_jax.evaluation import synops
from erbp_jax.kernels import Exponential
from erbp_jax.learning import ERBP, Boxcar, RandomFeedback
from erbp_jax.learning.three_factor import ForwardTableSTDP, Spike, Term, ThreeFactor
from erbp_jax.neurons import LIF
from erbp_jax.training import engine, metrics, testing
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.transforms import Optimizers

HOLD = Optimizers(optax.set_to_zero(), optax.set_to_zero())


@dataclass(frozen=True)
class Wired(Dense):
    """As many synapses per spike as a brain has, in a small array."""

    def fan_out(self):
        return 2**33 + np.arange(self.inputs) % 2


def test_a_layer_that_is_frozen_is_not_written(key):
    network = sequential(*((Dense(i, o, 6.0), LIF(1.0, 1.0)) for i, o in ((8, 6), (6, 3))))
    rule = ThreeFactor(((), (Term(Spike(), Spike()),)))
    spikes = (jax.random.uniform(key, (4, 2, 8)) < 0.6).astype(jnp.float32)
    params = network.init(key)
    _, trace = network.advance(params, network.init_state(2), spikes, key=jax.random.split(key, (4, 2)))
    counts = wide_value(rule.plasticity_events(network, params, trace))
    np.testing.assert_array_equal(counts[..., 0], 0)
    np.testing.assert_array_equal(counts[..., 1], 3 * np.asarray(trace.populations[0].spikes).sum(-1))
    assert counts.sum() > 0


def test_every_count_is_exact_beyond_32_bits(key):
    """One tick of one sample addresses more than 2^32 synapses, in testing, training and recordings alike."""
    network = sequential(Wired(6, 5, 6.0), LIF(1.0, 1.0), Wired(5, 3, 6.0), LIF(1.0, 1.0))
    rule = ERBP(LabelNeurons(3, 2), (Boxcar(), Boxcar()), (RandomFeedback(),))
    e = Experiment(network, Regular(0.6), rule, 8, 8, 2, 2, 2)
    images, labels = jax.random.randint(key, (4, 6), 0, 256).astype(jnp.uint8), jnp.arange(4) % 3
    learner = engine.init(e, HOLD, jnp.uint32(0))
    seen = synops.record(e, jnp.uint32(0), learner.weights, images, labels, jnp.int32(1))
    assert seen.addressed.dtype == np.int64
    assert seen.addressed[..., 0].max() > 2**33
    np.testing.assert_array_equal(seen.addressed, seen.delivered)
    spikes = seen.addressed // 2**33  # of the layer's inputs; the rest is that of the odd ones
    assert 0 <= (seen.addressed - spikes * 2**33).min() <= (seen.addressed - spikes * 2**33).max() <= 3
    result = jax.jit(lambda p: testing.test(e, jnp.uint32(0), p, images, labels, jnp.int32(1)))(learner.weights)
    np.testing.assert_array_equal(wide_value(result.synops), seen.addressed.sum(0))
    assert metrics.synops_per_sample(result) == seen.addressed.sum(0).sum(-1).mean()
    train = jax.jit(lambda l: engine.train(e, HOLD, l, images, labels, jnp.int32(0), jnp.int32(0), jnp.int32(2)))
    counters = train(learner).counters.values()
    assert counters.samples == 4
    events = counters.events
    assert events.dtype == np.int64
    assert events[0] > 2**37
    assert 0 <= events[0] % 2**33 <= 4 * 8 * 3
    assert events[0] // 2**33 == input_spikes(e, learner, images)


def input_spikes(e, learner, images):
    """Of the four presentations, whose order does not matter."""
    key = engine.sample_keys(learner.seed, engine.Stream.TRAIN, jnp.int32(0), jnp.arange(4))
    kept = simulate.run(
        e.network, e.encoder, learner.weights, images, key, steps=e.steps, block=2, record=lambda t: t.inputs[0]
    )[1]
    return int(np.asarray(kept).sum())


def test_counters_count_beyond_what_floats_can(key):
    """An epoch under way has seen 2^40 samples: one more is one more."""
    network, rule = sequential(Dense(6, 3, 6.0), LIF(1.0, 1.0)), ERBP(LabelNeurons(3, 2), (Boxcar(),), ())
    e = Experiment(network, Regular(0.6), rule, 4, 4, 2, 2, 2)
    images, labels = jax.random.randint(key, (4, 6), 0, 256).astype(jnp.uint8), jnp.arange(4) % 3
    learner = engine.init(e, HOLD, jnp.uint32(0))
    train = jax.jit(lambda l: engine.train(e, HOLD, l, images, labels, jnp.int32(0), jnp.int32(0), jnp.int32(1)))
    few = train(learner).counters.values()
    late = jax.tree.map(
        lambda count: Wide(count.low + jnp.uint32(2**32 - 1), count.high + jnp.uint32(2**8)),
        learner.counters,
        is_leaf=lambda x: isinstance(x, Wide),
    )
    many = train(replace(learner, counters=late)).counters.values()
    for before, after in zip(jax.tree.leaves(few), jax.tree.leaves(many), strict=True):
        np.testing.assert_array_equal(after - before, 2**40 + 2**32 - 1)
    assert few.samples == 2
    assert few.events.sum() > 0


def test_rules_say_at_once_what_a_network_lacks(key):
    """Before anything is compiled: a weight matrix whose rows could be walked."""
    maps = sequential(Conv2d((4, 4, 1), 2, 3), LIF(1.0, 1.0), Dense(32, 3), LIF(1.0, 1.0))
    with pytest.raises(ValueError, match=r"input -> hidden1, Conv2d, has none"):
        ForwardTableSTDP(Exponential()).init(maps, key)
