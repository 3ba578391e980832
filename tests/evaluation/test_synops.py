"""SynOps against a loop over spikes and synapses, and per sample whatever the batch."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from erbp_jax import simulate
from erbp_jax.chain import sequential
from erbp_jax.connections import BlankOut, Dense, Reliable
from erbp_jax.encoding import LabelNeurons, Regular
from erbp_jax.evaluation import synops
from erbp_jax.learning import ERBP, Boxcar, LearnedReadout, LocalReadout, RandomFeedback
from erbp_jax.neurons import LIF
from erbp_jax.random import Stream
from erbp_jax.training import engine
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.transforms import Optimizers
from tests import oracles

SIZES, STEPS, BURN_IN, SAMPLES = (12, 7, 3), 8, 2, 6
GATES = (Boxcar(-1.0, 3.0), Boxcar(0.0, 2.0))
HOLD = Optimizers(optax.set_to_zero(), optax.set_to_zero())


def experiment(p=1.0, batch=SAMPLES, **rule):
    transmission = BlankOut(p) if p < 1.0 else Reliable()
    dense = (Dense(i, o, 4.0, transmission) for i, o in zip(SIZES[:-1], SIZES[1:], strict=True))
    network = sequential(*((one, LIF(1.0, 2.0, refractory=0)) for one in dense))
    erbp = ERBP(LabelNeurons(3, 2), GATES, (RandomFeedback(),), **rule)
    return Experiment(network, Regular(0.6), erbp, STEPS, STEPS, 2, batch, batch, burn_in=BURN_IN)


@pytest.fixture(scope="module")
def problem():
    key = jax.random.key(3, impl="threefry2x32")
    images = jax.random.randint(key, (SAMPLES, 12), 0, 256).astype(jnp.uint8)
    return images, jnp.arange(SAMPLES) % 3


def full_trace(e, params, images, stream):
    """Everything that the network did, [T, B, ...], of one run of all samples in epoch 1."""
    key = engine.sample_keys(jnp.uint32(0), stream, jnp.int32(1), jnp.arange(SAMPLES))
    return simulate.run(e.network, e.encoder, params, images, key, steps=STEPS, block=2, record=lambda trace: trace)[1]


@pytest.mark.parametrize("p", [1.0, 0.5])
def test_a_run_is_counted_as_a_loop_over_synapses_does_for_any_batch(problem, p):
    e = experiment(p)
    params = e.network.init(jax.random.key(1, impl="threefry2x32"))
    images, labels = problem
    seen = synops.record(e, jnp.uint32(0), params, images, labels, jnp.int32(1))
    trace = full_trace(e, params, images, Stream.TEST)
    for number, (projection, arrived, t) in enumerate(
        zip(e.network.projections, trace.arrived, trace.populations, strict=True)
    ):
        pre, outputs = np.asarray(arrived.spikes), projection.connection.outputs
        everyone = jnp.broadcast_to(jnp.arange(pre.shape[2]), (STEPS * SAMPLES, pre.shape[2]))
        masks = np.ones((STEPS, SAMPLES, pre.shape[2], outputs), bool)
        if p < 1.0:
            masks = np.asarray(projection.connection.transmission.mask(arrived.key.reshape(-1, 1), everyone, outputs))
            masks = masks.reshape(STEPS, SAMPLES, pre.shape[2], outputs)
        want = np.zeros((2, STEPS, SAMPLES), int)
        for tick, sample, unit in np.argwhere(pre > 0):
            want[0, tick, sample] += outputs
            want[1, tick, sample] += masks[tick, sample, unit].sum()
        np.testing.assert_array_equal(seen.addressed[..., number], want[0])
        np.testing.assert_array_equal(seen.delivered[..., number], want[1])
        np.testing.assert_array_equal(seen.spikes[..., number], np.asarray(t.spikes).sum(-1))
        assert want[0].sum() > 0
        assert (want[1].sum() < want[0].sum()) == (p < 1.0)
    np.testing.assert_array_equal(seen.output, np.asarray(e.network.output_spikes(trace)))
    smaller = synops.record(experiment(p, 4), jnp.uint32(0), params, images, labels, jnp.int32(1))
    for a, b in zip(seen, smaller, strict=True):  # the last batch is filled up
        np.testing.assert_array_equal(a, b)


def test_what_a_readout_that_learns_costs_is_counted(problem):
    """A digit at a time: each spike of the hidden layer reaches and writes K synapses; two error spikes a wrong
    prediction, each to all hidden units and to the readout neuron of its class."""
    images, labels = problem
    free, e = (experiment(1.0, 6, local=own) for own in ((LocalReadout(),), (LearnedReadout(),)))
    ends = []
    for each in (free, e):
        learner = engine.init(each, HOLD, jnp.uint32(0))
        train = jax.jit(lambda l, each=each: engine.train(
            each, HOLD, l, images, labels, jnp.int32(1), jnp.int32(0), jnp.int32(1)
        ))  # fmt: skip
        ends.append(train(learner).counters)
    trace = full_trace(e, learner.network_params, images, Stream.TRAIN)
    hidden = np.asarray(trace.populations[0].spikes)
    fixed, learned = (counters.values().events for counters in ends)
    layers = len(SIZES) - 1
    writes = SIZES[2] * int(hidden[BURN_IN:].sum())
    assert learned[layers] - fixed[layers] == writes > 0  # plasticity, of the first layer
    assert list(learned[:layers]) == list(fixed[:layers])
    labels_shown = SAMPLES * len(range(0, STEPS, 2))
    output = np.asarray(e.network.output_spikes(trace))
    on_the_way = 2 * (labels_shown + int(output.sum())) + SIZES[2] * int(hidden.sum()) + 4 * labels_shown
    assert learned[-2] == on_the_way  # a prediction with every label spike
    label_train = (np.arange(STEPS) % 2 == 0).astype(float)
    at_output = sum(
        int(oracles.error_pair(label_train * (k == target), output[:, i, k], weight=0.9, threshold=1.0).sum())
        for i, target in enumerate(np.asarray(labels))
        for k in range(SIZES[2])
    )
    own = int(ends[1].values().error_spikes) - at_output
    assert own % 2 == 0
    assert 0 < own <= 2 * labels_shown
    assert learned[-1] == at_output + own * (SIZES[1] + 1)


@pytest.mark.parametrize(("gated", "populations"), [(False, 0), (True, 0), (False, 1), (False, 2)])
def test_the_cost_of_learning_is_counted_for_any_batch(problem, gated, populations):
    """Weights are held, so that the samples do not depend on one another."""
    images, labels = problem
    p = 0.5 if gated else 1.0
    local = (LocalReadout(2.0, populations),) if populations else ()
    options: dict = {"blank_out_gates_learning": gated, "local": local}
    totals = []
    for size in (6, 2):
        e = experiment(p, size, **options)
        learner = engine.init(e, HOLD, jnp.uint32(0))
        train = jax.jit(lambda l, e=e, size=size: engine.train(
            e, HOLD, l, images, labels, jnp.int32(1), jnp.int32(0), jnp.int32(6 // size)
        ))  # fmt: skip
        counters = train(learner).counters.values()
        totals.append([*counters.events, int(counters.error_spikes)])
    assert totals[0] == totals[1]

    e = experiment(p)
    trace = full_trace(e, learner.network_params, images, Stream.TRAIN)
    want, learns = [], np.arange(STEPS)[:, None, None] >= BURN_IN
    seen = list(zip(e.network.projections, trace.arrived, trace.populations, GATES, strict=True))
    for projection, arrived, *_ in seen:
        want.append(int((np.asarray(arrived.spikes) > 0).sum()) * projection.connection.outputs)
    for projection, arrived, t, gate in seen:
        pre, current = np.asarray(arrived.spikes), np.asarray(t.state.synaptic)
        outputs = projection.connection.outputs
        is_open = learns & (current > gate.low) & (current < gate.high)
        through = np.ones((STEPS, SAMPLES, pre.shape[2], outputs), bool)
        if gated:
            everyone = jnp.broadcast_to(jnp.arange(pre.shape[2]), (STEPS * SAMPLES, pre.shape[2]))
            through = np.asarray(projection.connection.transmission.mask(arrived.key.reshape(-1, 1), everyone, outputs))
        pairs = (pre > 0)[..., None] & is_open[:, :, None] & through.reshape(STEPS, SAMPLES, pre.shape[2], outputs)
        want.append(int(pairs.sum()))
    label_spikes = SAMPLES * len(range(0, STEPS, 2))
    predictions, reached = [np.asarray(e.network.output_spikes(trace))], [1 if populations else SIZES[1] + 1]
    on_the_way = 0
    feedback = np.asarray(learner.rule_params.fixed[0], np.float64)
    hidden = np.asarray(trace.populations[0].spikes)
    size = np.sqrt((feedback**2).mean() * SIZES[1])
    for own in np.split(feedback, populations) if populations else ():
        predictions.append((2.0 * (hidden @ own.T) / size > 1.0).astype(float))
        reached.append(SIZES[1])
        on_the_way += SIZES[2] * int(hidden.sum())
    want.append(on_the_way + sum(2 * (label_spikes + int(prediction.sum())) for prediction in predictions))
    label_train = (np.arange(STEPS) % 2 == 0).astype(float)
    errors = [
        sum(
            int(
                oracles.error_pair(
                    label_train * (k == target), prediction[:, sample, k], weight=0.9, threshold=1.0
                ).sum()
            )
            for sample, target in enumerate(np.asarray(labels))
            for k in range(SIZES[2])
        )
        for prediction in predictions
    ]
    want.append(sum(count * fan_out for count, fan_out in zip(errors, reached, strict=True)))
    assert totals[0] == [*want, sum(errors)]
    assert all(count > 0 for count in totals[0])
