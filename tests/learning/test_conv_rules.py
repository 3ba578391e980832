"""Every rule on shared kernels, against the same layers written as dense ones whose synapses share weights."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax import simulate
from erbp_jax.chain import sequential
from erbp_jax.connections import Arrived, BlankOut, Conv2d, Dense, Pool2d, Reliable
from erbp_jax.counting import wide_value
from erbp_jax.encoding import LabelNeurons, Regular
from erbp_jax.evaluation.alignment import feedback_angles
from erbp_jax.learning import ERBP, BackProp, Boxcar, Direct, Layerwise, LearnedReadout, LocalReadout, RandomFeedback
from erbp_jax.learning.base import Given
from erbp_jax.neurons import LIF, Surrogate
from erbp_jax.params import Params
from erbp_jax.training import engine, testing
from erbp_jax.training.experiment import Experiment
from tests.connections.test_conv import drawn, synapses

TICKS, BATCH = 6, 3
NEURON = LIF(1.0, 2.0, refractory=0)


@dataclass(frozen=True)
class Tied:
    """A convolution as a dense layer: a matrix `[I, O]` with a mask for every row, summed per kernel entry."""

    conv: Conv2d

    def __getattr__(self, name):
        return getattr(self.conv, name)

    def entries(self):
        """The kernel entry of every synapse, `[I, O]`; the number of entries where there is none."""
        table = np.full((self.inputs, self.outputs), self.size)
        for i, o, entry in synapses(self.conv):
            table[i, o] = np.ravel_multi_index(entry, self.shape)
        return table

    @property
    def shape(self):
        return (self.kernel, self.kernel, self.input_shape[2], self.channels)

    @property
    def size(self):
        return int(np.prod(self.shape))

    def matrix(self, weight):
        return jnp.append(weight.ravel(), 0.0)[self.entries()]

    def masks(self, key, rows):
        if key is None or self.transmission == Reliable():
            return jnp.ones((rows, self.inputs, self.outputs))
        xi = drawn(self.conv, key.reshape(-1))  # [R, P, E, C]
        o = np.arange(self.outputs)[None]
        entry = np.minimum(self.entries() // self.channels, xi.shape[2] - 1)
        return xi[:, o // self.channels, entry, o % self.channels]

    def __call__(self, params, state, spikes, *, key=None, backward=None):
        rows = spikes.reshape(-1, self.inputs)
        xi, stop = self.masks(key, len(rows)), jax.lax.stop_gradient
        matrix = self.matrix(params.trained["weight"])
        back = stop(self.matrix((backward or params.trained)["weight"]))
        to_weights = jnp.einsum("rio,ri,io->ro", xi, stop(rows), matrix)
        to_spikes = self.transmission.mean * rows @ back
        current = (to_weights + to_spikes - stop(to_spikes)).reshape(*spikes.shape[:-1], self.outputs)
        return state, current, Arrived(spikes, key)

    def plasticity(self, params, arrived, post, *, factor=None, gated=False):
        del params, factor
        pre, post = arrived.spikes.reshape(-1, self.inputs), post.reshape(-1, self.outputs)
        dense = jnp.einsum("rio,ri,ro->io", self.masks(arrived.key if gated else None, len(pre)), pre, post)
        return {"weight": jnp.zeros(self.size + 1).at[self.entries()].add(dense)[:-1].reshape(self.shape)}

    def reliable(self):
        return Tied(self.conv.reliable())


def network(transmission=None, connect=lambda conv: conv):
    first = Conv2d((6, 6, 1), 4, 3, 2, gain=4.0, transmission=transmission or Reliable())
    second = Conv2d((3, 3, 4), 3, 2, padding="valid", gain=4.0, transmission=transmission or Reliable())
    return sequential(connect(first), NEURON, connect(second), NEURON, Dense(12, 3, 4.0), NEURON)


def erbp(**options):
    feedback = (RandomFeedback(2.0), RandomFeedback(1.0))
    return ERBP(LabelNeurons(3, 1), (Boxcar(-3, 3),) * 3, feedback, **options)


SMOOTH = Surrogate("fast_sigmoid", 1.0)  # never zero, so that every layer gets an error
CASES = {
    "erbp": (erbp(), None, False),
    "erbp, errors of their own": (erbp(local=(LocalReadout(), LocalReadout(2.0, 2))), None, False),
    "erbp, errors of their own in one layer": (erbp(local=(LocalReadout(), None)), None, False),
    "erbp, readouts that learn": (erbp(local=(LearnedReadout(), LearnedReadout(2.0))), None, False),
    "perbp": (erbp(), BlankOut(0.75), False),
    "perbp, gated": (erbp(blank_out_gates_learning=True), BlankOut(0.75), False),
    "bp": (BackProp(SMOOTH), None, False),
    "bp, blank-out": (BackProp(SMOOTH), BlankOut(0.75), False),
    "rbp, direct": (BackProp(SMOOTH, wiring=Direct()), None, False),
    "rbp, layerwise": (BackProp(SMOOTH, wiring=Layerwise()), None, False),
    "bp, rate": (BackProp(), None, True),
    "rbp, direct, rate": (BackProp(wiring=Direct()), None, True),
    "rbp, layerwise, rate": (BackProp(wiring=Layerwise()), None, True),
}


@pytest.mark.parametrize("name", CASES)
def test_a_rule_moves_a_kernel_as_it_moves_tied_dense_weights(key, name):
    rule, transmission, rate = CASES[name]
    spikes = (jax.random.uniform(key, (TICKS, BATCH, 36)) < 0.4).astype(jnp.float32)
    keys = jax.random.split(key, TICKS * BATCH).reshape(TICKS, BATCH)

    @jax.jit
    def both():
        updates = []
        for connect in (lambda conv: conv, Tied):
            net = network(transmission, connect)
            net = net.rate_form(0.5) if rate else net
            given = Given(spikes, jnp.arange(BATCH), jnp.arange(TICKS), keys)
            result = rule.block(net, net.init(key), rule.init(net, key), rule.init_state(net, BATCH), given)
            updates.append(jax.tree.leaves((result.update, result.rule_update)))
        return updates

    for ours, tied in zip(*both(), strict=True):
        want = np.asarray(tied)
        assert np.abs(want).max() > 1e-6
        np.testing.assert_allclose(ours, want, atol=1e-5 * np.abs(want).max(), rtol=1e-4)


def pooled():
    conv, pool = Conv2d((6, 6, 1), 4, 3, gain=4.0), Pool2d((6, 6, 4), 2, gain=4.0)
    return sequential(conv, NEURON, pool, NEURON, Dense(36, 3, 4.0), NEURON)


def test_synops_are_those_of_a_count_over_spikes_and_windows(key):
    net = pooled()
    e = Experiment(net, Regular(0.6), erbp(), 8, 8, 2, 4, 4)
    images = jax.random.randint(key, (4, 36), 0, 256).astype(jnp.uint8)
    params, seed, epoch = net.init(key), jnp.uint32(1), jnp.int32(0)
    result = jax.jit(lambda *a: testing.test(e, seed, params, *a, epoch))(images, jnp.zeros(4, jnp.int32))
    keys = engine.sample_keys(seed, engine.Stream.TEST, epoch, jnp.arange(4))
    record = lambda trace: tuple(arrived.spikes for arrived in trace.arrived)  # noqa: E731
    _, arrived = simulate.run(net, e.encoder, params, images, keys, steps=8, block=e.test_block, record=record)
    count = np.zeros((4, 3), int)
    for layer, (spikes, reached) in enumerate(zip(arrived, (net.projections[0].connection, None, None), strict=True)):
        for _, sample, unit in np.argwhere(np.asarray(spikes)):
            if layer == 0:
                count[sample, 0] += sum(1 for i, _, _ in synapses(reached) if i == unit)
            else:
                count[sample, layer] += (1, 3)[layer - 1]  # one pool unit; three classes
    assert (count > 0).all()
    np.testing.assert_array_equal(wide_value(result.synops), count)


@pytest.mark.parametrize("rule", [erbp(), BackProp(SMOOTH), BackProp(SMOOTH, wiring=Layerwise())])
def test_pooling_lets_errors_through_and_learns_nothing(key, rule):
    net = pooled()
    params, rule_params = net.init(key), rule.init(net, key)
    spikes = (jax.random.uniform(key, (TICKS, BATCH, 36)) < 0.4).astype(jnp.float32)
    keys = jax.random.split(key, TICKS * BATCH).reshape(TICKS, BATCH)
    given = Given(spikes, jnp.arange(BATCH), jnp.arange(TICKS), keys)
    run = jax.jit(lambda p: rule.block(net, p, rule_params, rule.init_state(net, BATCH), given).update)
    first, second, third = run(params).projections
    assert second == {}
    assert np.abs(first["weight"]).max() > 1e-6
    assert np.abs(third["weight"]).max() > 1e-6


def test_alignment_goes_through_kernels_and_pools(key):
    """Feedback that is the transposed forward path, worked out with dense matrices, has an angle of 0."""
    net = pooled()
    params = net.init(key)
    pool = np.zeros((144, 36))
    for i, o, entry in synapses(Conv2d((6, 6, 4), 4, 2, 2, "valid")):
        pool[i, o] = entry[2] == entry[3]
    last = np.asarray(params.trained.projections[2]["weight"])
    paths = tuple(jnp.asarray(x.T, jnp.float32) for x in (pool @ last, last))
    angles = feedback_angles(net, BackProp(wiring=Direct()), params, Params((), paths))
    np.testing.assert_allclose(angles, 0.0, atol=0.05)


def test_an_error_spike_reaches_every_position_of_the_maps(key):
    net, rule = network(), erbp()
    assert [g.shape for g in rule.to_hidden(net, Params(()), rule.init(net, key))] == [(3, 36), (3, 12)]
    assert rule.error_fan_out(net)[-1] == 36 + 12 + 1
