"""A readout of a hidden layer that learns: against a loop, and what its errors and weights must be."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from erbp_jax import simulate
from erbp_jax.learning import Boxcar, LearnedReadout, LocalReadout
from erbp_jax.learning.learned_readout import DRAW, draw
from erbp_jax.learning.tricks import scale_by_neuron_rms
from erbp_jax.neurons import Dendrite, ErrorNeurons
from erbp_jax.random import fold_each, uniform
from erbp_jax.training import engine
from erbp_jax.training.learn import Learning, start
from erbp_jax.training.learn import learn as learn_from
from tests import oracles
from tests.learning.test_erbp import BURN_IN, ERROR, ETA, GATE, NEURON, SGD, STEPS, TAU_U, batch, experiment, learn

READOUT = LearnedReadout(gain=4.0, rate=2.0, tau=3.0)
SCALE = 2.0  # of the feedback in `experiment`


def feedback_of(learner):
    """Weights of all hidden layers and the output, whether they learn or not."""
    trained, fixed = learner.rule_params
    return [b if a is None else a.T for a, b in zip(trained or (None,) * len(fixed), fixed, strict=True)]


def shown(e, params, image, keys):
    """Input spikes, keys of the ticks and the trace of one presentation with the weights held."""
    state = e.encoder.init_state(image, fold_each(keys, jnp.uint32(0)))
    _, spikes, tick_keys = simulate.encode(e.encoder, state, image, keys, jnp.arange(STEPS))
    network = e.network
    _, trace = jax.jit(lambda s, k: network.advance(params, network.init_state(len(image)), s, key=k))(
        spikes, tick_keys
    )
    return spikes, tick_keys, trace


@pytest.mark.parametrize(
    ("local", "every"), [((READOUT, None), 1), ((LocalReadout(3.0, 2), READOUT), 4), ((READOUT, READOUT), 4)]
)
def test_learning_equals_the_oracle(key, local, every):
    e = experiment(every=every, local=local)
    image, target, keys = batch(key, 1)
    before, after = learn(e, image, target, keys)
    spikes, tick_keys, _ = shown(e, before.network_params, image, keys)
    synapse_keys = [fold_each(tick_keys, jnp.uint32(2 * layer + 1)) for layer in range(3)]
    draws = [np.asarray(uniform(fold_each(own, jnp.uint32(DRAW)), ())[:, 0]) for own in synapse_keys]
    feedback = [np.array(g, np.float64) for g in feedback_of(before)]
    weights, _ = oracles.erbp(
        [np.asarray(p["weight"]) for p in before.params.projections],
        feedback,
        np.asarray(spikes[:, 0], np.float64),
        (np.arange(STEPS) % 2 == 0).astype(float),
        int(target[0]),
        neuron=NEURON, gate=GATE, tau_u=TAU_U, error=ERROR, eta=ETA, burn_in=BURN_IN, every=every,
        readouts=[
            oracles.Learned(own.rate, own.tau, SCALE, draws[layer]) if own == READOUT else (own and (3.0, 2))
            for layer, own in enumerate(local)
        ],
    )  # fmt: skip
    for w, p in zip(weights, after.params.projections, strict=True):
        np.testing.assert_allclose(p["weight"], w, atol=2e-4)
    for own, g, got, old in zip((*local, None), feedback, feedback_of(after), feedback_of(before), strict=True):
        np.testing.assert_allclose(got, g, atol=2e-4)
        assert (np.abs(got - old).max() > 0.02) == (own == READOUT)  # the others are fixed


def test_a_prediction_is_drawn_by_the_softmax_of_the_potentials():
    logits = jnp.log(jnp.asarray([0.5, 0.3, 0.0, 0.2]))
    keys = jax.random.split(jax.random.key(1, impl="threefry2x32"), 20000)
    share = np.bincount(draw(jnp.broadcast_to(logits, (20000, 4)), keys), minlength=4) / 20000
    np.testing.assert_allclose(share, [0.5, 0.3, 0.0, 0.2], atol=0.015)  # four standard errors
    assert share[2] == 0


def test_errors_are_minus_the_gradient_of_the_cross_entropy_in_the_mean(key):
    """Many draws on one and the same trace: the mean update of the readout is the gradient's, times the rate."""
    ticks, samples, draws, units, classes = 3, 2, 4000, 6, 3
    a, b, c = jax.random.split(key, 3)
    spikes = (jax.random.uniform(a, (ticks, samples, units)) < 0.5).astype(jnp.float32)
    weights = jax.random.normal(b, (units, classes))
    label = jax.nn.one_hot(jnp.broadcast_to(jnp.asarray([2, 0]), (ticks, samples)), classes)
    readout, dendrite = LearnedReadout(rate=1.5, tau=2.0), Dendrite(0.0)  # a memory would mix the ticks
    state = readout.init_state(ErrorNeurons(), samples, classes)

    def update(keys):
        made = readout(weights, state, spikes, label, key=keys, error=ErrorNeurons(), dendrite=dendrite)
        return made.update, made.errors.sum(-1), made.fired - 2 * (made.prediction != label).any(-1).astype(jnp.int32)

    keys = jax.random.split(c, (draws, ticks, samples))
    updates, sums, spare = jax.jit(jax.vmap(update))(keys)
    assert not np.any(sums)  # every tick's errors sum to zero,
    assert not np.any(spare)  # and a wrong prediction is two error spikes, a right one none

    def loss(w):
        """Of a potential as if the current of this tick alone stood behind it: the update has no memory either."""
        held = jax.lax.stop_gradient(readout.potentials(weights, state.potential, spikes))
        now = spikes @ w
        return optax.softmax_cross_entropy(held + now - jax.lax.stop_gradient(now), label).sum()

    want = 1.5 * jax.grad(loss)(weights)
    spread = np.asarray(updates).std(0) / np.sqrt(draws)
    assert np.all(np.abs(updates.mean(0) - want) < 4.5 * spread + 1e-6)
    assert np.abs(want).max() > 10 * spread.max()


def test_without_a_label_spike_nobody_predicts(key):
    spikes, label = jnp.ones((4, 2, 6)), jnp.zeros((4, 2, 3)).at[2].set(jnp.eye(3)[:2])
    keys = jax.random.split(key, (4, 2))
    state = READOUT.init_state(ErrorNeurons(), 2, 3)
    made = READOUT(jnp.ones((6, 3)), state, spikes, label, key=keys, error=ErrorNeurons(), dendrite=Dendrite())
    np.testing.assert_array_equal(made.prediction.sum(-1), label.sum(-1))


def test_initial_weights_are_those_of_the_feedback_at_the_gain(key):
    e = experiment(local=(READOUT, None))
    (own, *others), fixed = e.rule.init(e.network, key)
    random = experiment().rule.init(e.network, key)
    units = e.network.sizes[1]
    np.testing.assert_allclose(np.square(own).mean(), 4.0**2 / units, rtol=1e-5)
    ratio = np.asarray(own.T) / np.asarray(random.fixed[0])
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-5)
    assert others == [None, None]
    assert [g is None for g in fixed] == [True, False, False]
    assert random.trained == ()


@pytest.mark.parametrize("rule_every", [1, 3])
def test_learning_from_given_spikes_steps_the_readout_too(key, rule_every):
    """The trainer's presentation from its own spikes, and the readout stepped by the sum of several blocks."""
    e = replace(experiment(every=4, local=(READOUT, None)), burn_in=0)
    image, target, keys = batch(key)
    before, after = learn(e, image, target, keys)
    spikes, *_ = shown(e, before.network_params, image, keys)
    learning = Learning(e.network, e.rule, optax.sgd(ETA), rule_every=rule_every)
    stream = start(learning, before.network_params, before.rule_params, 4)
    record = lambda made, params: made.rule_update[0]  # noqa: ARG005, E731
    go = jax.jit(lambda stream: learn_from(learning, stream, spikes, target, key=keys, block=4, record=record))
    end, updates = go(stream)
    if rule_every == 1:
        same = lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6)  # noqa: E731
        jax.tree.map(same, (end.params.trained, end.rule_params), (after.params, after.rule_params))
    moved = np.asarray(end.rule_params.trained[0] - before.rule_params.trained[0])
    np.testing.assert_allclose(moved, -ETA * np.asarray(updates).sum(0), atol=1e-5)
    assert np.abs(moved).max() > 0.02


@pytest.mark.parametrize("options", [{"gain": 0.0}, {"rate": 0.0}, {"tau": -1.0}])
def test_a_readout_without_weights_or_learning_is_refused(options):
    with pytest.raises(ValueError, match="gain and rate must be > 0 and tau >= 0"):
        LearnedReadout(**options)


def test_a_readout_that_becomes_infinite_is_found_in_its_layer(key):
    """With the layer's gate shut, so that its own weights stay finite."""
    e = experiment(local=(None, READOUT))
    e = replace(e, rule=replace(e.rule, gates=(Boxcar(*GATE), Boxcar(1e6, 2e6), Boxcar(*GATE))))
    learner = engine.init(e, SGD, jnp.uint32(0))
    first, second, last = learner.rule_params.trained
    own = learner.rule_params._replace(trained=(first, second.at[0, 0].set(jnp.inf), last))
    learner = replace(learner, rule_params=own)
    image, target, keys = batch(key)
    after, finite = jax.jit(lambda l: engine.present(e, SGD, l, image, target, keys, check=True))(learner)
    named = dict(zip(engine.part_names(e.network), np.asarray(finite)[0].tolist(), strict=True))
    assert [name for name, good in named.items() if not good] == ["weights of the rule"]
    assert np.isfinite(after.params.projections[1]["weight"]).all()


def test_a_trick_by_neuron_has_one_number_for_each_readout_neuron(key):
    """The last axis of weights that learn counts the neurons that they end on, as everywhere."""
    e = experiment(local=(READOUT, None))
    own = e.rule.init(e.network, key).trained[0]
    assert own.shape == (e.network.sizes[1], e.network.classes)
    state = scale_by_neuron_rms().init((own,))
    assert state.post[0].shape == (1, e.network.classes)
