from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from erbp_jax import simulate
from erbp_jax.chain import mlp, sequential
from erbp_jax.connections import BlankOut, Dense, Reliable
from erbp_jax.counting import wide_value
from erbp_jax.encoding import Curves, LabelNeurons, Regular
from erbp_jax.errors import UserError
from erbp_jax.learning import (
    ERBP,
    BackProp,
    Boxcar,
    CrossEntropy,
    CurveError,
    Direct,
    LearnedReadout,
    LocalReadout,
    RandomFeedback,
    SquaredError,
)
from erbp_jax.learning.base import Given
from erbp_jax.learning.targets import for_curves
from erbp_jax.neurons import LIF, Dendrite, ErrorNeurons, SecondOrderLIF
from erbp_jax.training import engine
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.transforms import Optimizers
from tests import oracles

NEURON = {"tau_mem": 1.0, "tau_syn": 4.0, "threshold": 1.0, "refractory": 1}
ERROR = {"weight": 0.9, "threshold": 1.0}
ETA, TAU_U, GATE, BURN_IN, STEPS = 0.02, 5.0, (-6.0, 6.0), 4, 24
SGD = Optimizers(optax.sgd(ETA), optax.sgd(ETA))


def experiment(sizes=(12, 9, 7, 3), every=1, transmission=None, **rule):
    dense = (Dense(i, o, 3.0, transmission or Reliable()) for i, o in zip(sizes[:-1], sizes[1:], strict=True))
    erbp = ERBP(
        label=LabelNeurons(sizes[-1], 2),
        gates=(Boxcar(*GATE),) * (len(sizes) - 1),
        error=ErrorNeurons(**ERROR),
        dendrite=Dendrite(TAU_U),
        feedback=(RandomFeedback(2.0),) * (len(sizes) - 2),
        output_scale=0.5,
        **rule,
    )
    network = sequential(*((one, LIF(**NEURON)) for one in dense))
    return Experiment(network, Regular(0.6), erbp, STEPS, STEPS, every, 4, 4, burn_in=BURN_IN)


def batch(key, size=4, pixels=12, classes=3):
    a, b, c = jax.random.split(key, 3)
    image = jax.random.randint(a, (size, pixels), 0, 256).astype(jnp.uint8)
    return image, jax.random.randint(b, (size,), 0, classes), jax.random.split(c, size)


def learn(e, image, target, key, learner=None):
    learner = learner or engine.init(e, SGD, jnp.uint32(0))
    return learner, jax.jit(lambda l, *a: engine.present(e, SGD, l, *a)[0])(learner, image, target, key)


@pytest.mark.parametrize("sizes", [(12, 3), (12, 9, 3), (12, 9, 7, 3)])
@pytest.mark.parametrize("every", [1, 2, 4])
def test_erbp_equals_the_oracle_at_any_depth(key, sizes, every):
    assert_oracle(key, experiment(sizes, every))


@pytest.mark.parametrize("readouts", [((3.0, 1), None), (None, (2.0, 1)), ((3.0, 3), (2.0, 2))])
@pytest.mark.parametrize("every", [1, 4])
def test_local_errors_equal_the_oracle(key, readouts, every):
    local = tuple(readout and LocalReadout(*readout) for readout in readouts)
    with_them = assert_oracle(key, experiment(every=every, local=local), readouts)
    without = assert_oracle(key, experiment(every=every))
    for layer, readout in enumerate((*readouts, None)):
        same = np.array_equal(with_them[layer]["weight"], without[layer]["weight"])
        assert readout is None or not same


def assert_oracle(key, e, readouts=None):
    """The weights after a presentation are those of the loop; they are returned."""
    image, target, keys = batch(key, 1)
    before, after = learn(e, image, target, keys)
    encoder_state = e.encoder.init_state(image, simulate.fold_each(keys, jnp.uint32(0)))
    _, spikes, _ = simulate.encode(e.encoder, encoder_state, image, keys, jnp.arange(STEPS))
    want, _ = oracles.erbp(
        [np.asarray(p["weight"]) for p in before.params.projections],
        [np.asarray(g, np.float64) for g in before.rule_params.fixed],
        np.asarray(spikes[:, 0], np.float64),
        (np.arange(STEPS) % 2 == 0).astype(float),
        int(target[0]),
        neuron=NEURON, gate=GATE, tau_u=TAU_U, error=ERROR, eta=ETA, burn_in=BURN_IN, every=e.update_every,
        readouts=readouts,
    )  # fmt: skip
    moved = 0.0
    for w, p, old in zip(want, after.params.projections, before.params.projections, strict=True):
        np.testing.assert_allclose(p["weight"], w, atol=2e-4)
        moved += np.abs(w - old["weight"]).max()
    assert moved > 0.05  # it did learn something
    return after.params.projections


@pytest.mark.parametrize("gates_learning", [False, True])
def test_perbp_update_with_and_without_the_mask(key, gates_learning):
    """One learning block: the update is post x pre, and with gating only where the synapse transmitted."""
    e = experiment((12, 9, 3), 4, BlankOut(0.5), blank_out_gates_learning=gates_learning)
    network, rule = e.network, e.rule
    params = network.init(key)
    rule_params = rule.init(network, key)
    spikes = (jax.random.uniform(key, (4, 5, 12)) < 0.5).astype(jnp.float32)
    keys = jax.random.split(key, 20).reshape(4, 5)
    _, trace = jax.jit(lambda s, k: network.advance(params, network.init_state(5), s, key=k))(spikes, keys)
    given = Given(spikes, jnp.arange(5) % 3, jnp.arange(4), keys)
    step = jax.jit(lambda t: rule.step(network, params, rule_params, rule.rest(network, 5), t, given))
    _, update, *_ = step(trace)
    assert all(np.abs(u["weight"]).max() > 0 for u in update[1:])
    for (pre, transmitted), seen, got in zip(trace.arrived, trace.populations, update, strict=True):
        inputs, outputs = pre.shape[-1], seen.spikes.shape[-1]
        units = jnp.broadcast_to(jnp.arange(inputs), (4, 5, inputs))
        mask = jax.jit(BlankOut(0.5).mask, static_argnums=2)(
            jnp.broadcast_to(transmitted[..., None], units.shape), units, outputs
        )
        reached = np.einsum("kbi,kbio->io", np.asarray(pre), np.asarray(mask, np.float32)) > 0
        moved = np.abs(np.asarray(got["weight"])) > 0
        if gates_learning:
            assert not np.any(moved & ~reached)


def test_a_batch_learns_the_sum_of_its_samples(key):
    """Batch update = sum of single updates, the learning rate unchanged: exact while weights are frozen."""
    e = experiment(every=STEPS - BURN_IN)
    network, rule = e.network, e.rule
    image, target, keys = batch(key, 6)
    params, rule_params = network.init(key), rule.init(network, key)

    @jax.jit
    def update(image, target, keys):
        n = len(target)
        state = e.encoder.init_state(image, keys)
        _, spikes, tick_keys = simulate.encode(e.encoder, state, image, keys, jnp.arange(STEPS))
        given = Given(spikes, target, jnp.arange(STEPS), tick_keys)
        return rule.block(network, params, rule_params, rule.init_state(network, n), given).update.projections

    whole = update(image, target, keys)
    single = [update(image[i : i + 1], target[i : i + 1], keys[i : i + 1]) for i in range(6)]
    for layer in range(3):
        total = sum(np.asarray(s[layer]["weight"], np.float64) for s in single)
        assert np.abs(total).max() > 0
        np.testing.assert_allclose(whole[layer]["weight"], total, atol=1e-4)


def test_feedback_is_fixed_and_zero_sum_and_outside_the_parameters(key):
    e = experiment()
    before, after = learn(e, *batch(key))
    feedback = before.rule_params.fixed
    for g, old in zip(after.rule_params.fixed, feedback, strict=True):
        np.testing.assert_array_equal(g, old)
    for g in feedback[:-1]:
        np.testing.assert_allclose(g.sum(0), 0.0, atol=1e-5)
        assert np.abs(g).max() > 0.1
    np.testing.assert_array_equal(feedback[-1], 0.5 * np.eye(3))
    weights = sum(p["weight"].size for p in before.params.projections)
    leaves = jax.tree.leaves(optax.sgd(0.1, momentum=0.9).init(before.params))
    assert sum(x.size for x in leaves) == weights


def test_each_population_has_weights_of_its_own_and_all_together_reach_as_far_as_one(key):
    one, many = (RandomFeedback(2.0).init(key, 5, 400, n).reshape(n, 5, 400) for n in (1, 8))
    np.testing.assert_allclose(many.sum(1), 0.0, atol=1e-5)  # zero-sum each
    np.testing.assert_allclose(np.square(many).sum(), np.square(one).sum(), rtol=0.05)
    overlap = np.corrcoef(np.asarray(many).reshape(8, -1)) - np.eye(8)
    assert np.abs(overlap).max() < 0.1


def test_nothing_is_learned_during_the_burn_in(key):
    e = experiment()
    quiet = replace(e, steps=BURN_IN, test_steps=BURN_IN)
    before, after = learn(quiet, *batch(key))
    for p, old in zip(after.params.projections, before.params.projections, strict=True):
        np.testing.assert_array_equal(p["weight"], old["weight"])


def test_the_rule_refuses_a_network_that_does_not_fit():
    e = experiment()
    with pytest.raises(ValueError, match="do not fit"):
        experiment((12, 9, 3)).rule.init(e.network, jax.random.key(0))
    with pytest.raises(ValueError, match="1 local readouts do not fit 2 hidden layers"):
        experiment(local=(LocalReadout(),))
    with pytest.raises(ValueError, match="hidden layer 1"):
        replace(e.rule, feedback=(RandomFeedback(), RandomFeedback(0.0)), local=(None, LocalReadout()))
    with pytest.raises(ValueError, match="gain must be > 0"):
        LocalReadout(0.0)
    with pytest.raises(ValueError, match="at least one population, got 0"):
        LocalReadout(populations=0)
    with pytest.raises(ValueError, match="low must lie below high"):
        Boxcar(1.0, 1.0)
    with pytest.raises(ValueError, match="hidden1 -> output takes 8 inputs, and 'hidden1' has 9 units"):
        sequential(Dense(3, 9), LIF(), Dense(8, 2), LIF())


def test_delayed_spikes_arrive_late_and_at_the_same_tick_in_any_block(key):
    network = sequential(*((Dense(5, 5, 4.0), LIF()) for _ in range(2)), delay=3)
    params = network.init(key)
    spikes = (jax.random.uniform(key, (12, 2, 5)) < 0.5).astype(jnp.float32)
    keys = jax.random.split(key, 24).reshape(12, 2)

    advance = jax.jit(lambda state, s, k: network.advance(params, state, s, key=k))

    def run(block):
        state, pre, out = network.init_state(2), [], []
        for t in range(0, 12, block):
            state, trace = advance(state, spikes[t : t + block], keys[t : t + block])
            pre.append(trace.arrived[0].spikes)
            out.append(network.output_spikes(trace))
        return np.concatenate(pre), np.concatenate(out)

    pre, out = run(12)
    np.testing.assert_array_equal(pre[3:], spikes[:-3])
    assert pre[:3].sum() == 0
    assert out.sum() > 0
    for block in (1, 2, 6):
        np.testing.assert_array_equal(run(block)[1], out)


def test_a_price_on_spikes_lowers_the_synapses_of_units_that_fire(key):
    """On one and the same trace: the update differs by the penalty times presynaptic times postsynaptic spikes."""
    free, sparse = experiment(every=4), experiment(every=4, rate_penalty=(0.5, 0.25))
    network = free.network
    params, rule_params = network.init(key), free.rule.init(network, key)
    a, b = jax.random.split(key)
    spikes = (jax.random.uniform(a, (4, 3, 12)) < 0.7).astype(jnp.float32)
    given = Given(spikes, jnp.arange(3), jnp.arange(4), jax.random.split(b, (4, 3)))
    trace = network.advance(params, network.init_state(3), spikes, key=given.key)[1]
    updates = [
        e.rule.step(network, params, rule_params, e.rule.rest(network, 3), trace, given).update for e in (free, sparse)
    ]
    for layer, penalty in enumerate((0.5, 0.25, 0.0)):
        pairs = np.einsum("tbi,tbo->io", trace.arrived[layer].spikes, trace.populations[layer].spikes)
        difference = updates[1][layer]["weight"] - updates[0][layer]["weight"]
        np.testing.assert_allclose(difference, penalty * pairs, atol=1e-4)
        assert penalty == 0.0 or difference.max() > 0
    with pytest.raises(ValueError, match="1 rate penalties do not fit 2"):
        experiment(rate_penalty=(0.5,)).rule.init(network, key)


@pytest.mark.parametrize("tau", [0.5, 2.0])
def test_per_gain_is_a_wider_gate_and_a_smaller_rate(key, tau):
    """Of a network whose synapses have the gain g, and the identity at a gain of 1."""
    gain = 1.0 / -np.expm1(-1.0 / tau)
    neuron = {**NEURON, "tau_syn": tau}
    image, target, keys = batch(key)

    def learned(gate, eta, per_gain, neuron=neuron):
        e = experiment(per_gain=per_gain)
        e = replace(
            e,
            network=e.network._with_neurons([LIF(**neuron)] * 3),
            rule=replace(e.rule, gates=(Boxcar(*gate),) * 3),
        )
        optimizers = Optimizers(optax.sgd(eta), optax.sgd(eta))
        learner = engine.init(e, optimizers, jnp.uint32(0))
        return learner, jax.jit(lambda l: engine.present(e, optimizers, l, image, target, keys)[0])(learner)

    before, ours = learned((-2.0, 1.5), ETA, per_gain=True)
    _, by_hand = learned((-2.0 * gain, 1.5 * gain), ETA / gain, per_gain=False)
    for a, b, c in zip(*map(jax.tree.leaves, (ours.params, by_hand.params, before.params)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
        assert np.any(a != c)
    fast = {**neuron, "tau_syn": 0.0}
    _, one = learned((-2.0, 1.5), ETA, per_gain=True, neuron=fast)
    _, plain = learned((-2.0, 1.5), ETA, per_gain=False, neuron=fast)
    jax.tree.map(np.testing.assert_array_equal, one.params, plain.params)


def test_per_gain_needs_a_synapse_whose_gain_is_known(key):
    network = sequential(Dense(4, 3), SecondOrderLIF())
    with pytest.raises(ValueError, match=r"per_gain needs neurons.*'output', SecondOrderLIF, do not"):
        ERBP(LabelNeurons(3), per_gain=True).init(network, key)


def test_what_a_price_on_spikes_writes_is_counted(key):
    """Gates are closed, and the penalty alone moves weights: as many events as pairs of spikes."""
    e = experiment(every=4, rate_penalty=(0.5, 0.0))
    rule = replace(e.rule, gates=Boxcar(90.0, 91.0))
    network, spikes = e.network, (jax.random.uniform(key, (4, 3, 12)) < 0.7).astype(jnp.float32)
    params = network.init(key)
    keys = jax.random.split(key, (4, 3))
    trace = network.advance(params, network.init_state(3), spikes, key=keys)[1]
    events = rule.plasticity_events(network, params, trace)
    pairs = np.einsum("tbi,tbo->tb", trace.arrived[0].spikes, trace.populations[0].spikes)
    assert pairs.sum() > 0
    np.testing.assert_array_equal(wide_value(events)[..., 0], pairs)
    np.testing.assert_array_equal(wide_value(events)[..., 1:], 0)


def test_a_single_error_neuron_has_no_zero_sum_feedback(key):
    with pytest.raises(ValueError, match="zero-sum feedback from a single error neuron is 0"):
        ERBP(Curves(1)).init(mlp(6, 5, 1), key)
    feedback = ERBP.default(mlp(6, 5, 1)).init(mlp(6, 5, 1), key).fixed[0]
    assert np.abs(feedback).min() > 0


def test_a_loss_of_labels_that_was_chosen_is_not_replaced():
    assert for_curves(BackProp()).loss == CurveError()
    direct = for_curves(BackProp(wiring=Direct(RandomFeedback(7.0))))
    assert direct.wiring == Direct(RandomFeedback(7.0, zero_sum=False))  # as eRBP's
    slow = BackProp(loss=CurveError(50.0), wiring=Direct(RandomFeedback(7.0)))
    assert for_curves(slow) == replace(slow, wiring=direct.wiring)  # the loss stays
    for loss in (CrossEntropy(gain=3.0), SquaredError()):
        with pytest.raises(UserError, match=r"is of labels, and the targets are curves; CurveError\(\) is of these"):
            for_curves(BackProp(loss=loss))


def test_readouts_that_predict_labels_follow_no_curves():
    with pytest.raises(UserError, match="learned readouts predict labels, and the targets are curves"):
        for_curves(ERBP(LabelNeurons(2), local=(LearnedReadout(),)))
