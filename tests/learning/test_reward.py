"""Reward-modulated STDP against a loop over synapses, through the contract of rules; and learning to fire or not."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import erbp_jax as ej
from erbp_jax.chain import sequential
from erbp_jax.connections import Dense
from erbp_jax.encoding import Regular
from erbp_jax.errors import UserError
from erbp_jax.kernels import Exponential
from erbp_jax.learning.base import Aligned, Given
from erbp_jax.learning.three_factor import ForwardTableSTDP, GivenReward, ThreeFactor, TrialReward, pair_stdp
from erbp_jax.learning.three_factor.reward import mstdp, mstdpet
from erbp_jax.neurons import LIF, LeakyIF
from erbp_jax.params import Params
from erbp_jax.trace import Tree
from erbp_jax.training import engine
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.learn import Learning, learn, start
from erbp_jax.training.transforms import Optimizers, keep_within

T, SIZES, GAMMA = 120, (6, 5, 1), 0.05
NEURON, NOTHING = LeakyIF(20.0, threshold=16.0, refractory=0), Params((), ())
RULES = {"mstdp": mstdp(), "mstdpet": mstdpet()}


def network(sizes=SIZES):
    """Charges arrive a tick after their spikes, and the rule sees the spikes when they are fired."""
    pairs = ((Dense(i, o), NEURON) for i, o in zip(sizes[:-1], sizes[1:], strict=True))
    return sequential(*pairs, delay=1, delay_side="dendritic")


def parameters(weights):
    dense = tuple({"weight": jnp.asarray(w, jnp.float32)} for w in weights)
    return Params(Tree(dense, ({},) * len(dense)), Tree(((),) * len(dense), ({},) * len(dense)))


def florian(weights, inputs, target, et):
    """Weights at the end, as the paper has it: charges arrive after a tick, r(t + 1) acts on zeta(t) or z(t + 1)."""
    weights = [w.copy() for w in weights]
    sizes = [len(weights[0]), *(w.shape[1] for w in weights)]
    v = [np.zeros(n) for n in sizes[1:]]
    plus, minus = [np.zeros(n) for n in sizes[:-1]], [np.zeros(n) for n in sizes[1:]]
    z = [np.zeros_like(w) for w in weights]
    arriving = [np.zeros(n) for n in sizes[1:]]
    keep, count = np.exp(-1 / 20), 0
    for t in range(len(inputs)):
        fired = [inputs[t]]
        for k, w in enumerate(weights):
            v[k] = keep * v[k] + arriving[k]
            spikes = (v[k] > 16).astype(float)
            v[k][spikes > 0] = 0
            arriving[k] = fired[-1] @ w
            fired.append(spikes)
        count += fired[-1].sum()
        reward = fired[-1].sum() * (1 if target else -1)
        for k, w in enumerate(weights):
            plus[k] = keep * plus[k] + fired[k]
            minus[k] = keep * minus[k] - fired[k + 1]
            for i in range(w.shape[0]):
                for j in range(w.shape[1]):
                    zeta = plus[k][i] * fired[k + 1][j] + minus[k][j] * fired[k][i]
                    z[k][i, j] = np.exp(-1 / 25) * z[k][i, j] + zeta / 25
                    w[i, j] += GAMMA * reward * (z[k][i, j] if et else zeta)
    return weights, count


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(4)
    weights = [rng.uniform(2, 8, (i, o)) for i, o in zip(SIZES[:-1], SIZES[1:], strict=True)]
    return weights, (rng.random((T, SIZES[0])) < 0.15).astype(float)


@pytest.mark.parametrize("name", RULES)
def test_the_rule_is_the_papers(problem, name):
    weights, inputs = problem
    learning = Learning(network(), RULES[name], optax.sgd(GAMMA))
    stream = start(learning, parameters(weights), NOTHING)
    spikes = jnp.asarray(inputs[:, None], jnp.float32)
    key = jax.random.split(jax.random.key(0), 1)
    go = jax.jit(lambda target: learn(learning, stream, spikes, target, key=key))
    for target in (0, 1):
        want, count = florian(weights, inputs, target, name == "mstdpet")
        end, out = go(jnp.array([target]))
        assert 3 < count == float(out.sum())
        for got, wanted, before in zip(end.params.trained.projections, want, weights, strict=True):
            np.testing.assert_allclose(got["weight"], wanted, atol=2e-4)
            assert np.abs(wanted - before).max() > 0.05


@pytest.mark.parametrize("name", RULES)
def test_a_batch_is_the_sum_of_its_samples_and_blocks_do_not_matter(problem, name):
    """With frozen weights: one step of sgd(0) keeps them, the updates are added up by hand."""
    weights, inputs = problem
    rule, net = RULES[name], network()
    params = parameters(weights)
    spikes = jnp.asarray(np.stack([inputs, inputs[::-1]], 1), jnp.float32)
    target = jnp.array([1, 0])

    @jax.jit
    def updates(spikes, target):
        given = Given(spikes, target, jnp.arange(T), jax.random.split(jax.random.key(0), spikes.shape[:2]))
        return rule.block(net, params, NOTHING, rule.init_state(net, len(target)), given).update.projections

    both = updates(spikes, target)
    # Silence in the other replica, whose part of the sum is 0: the compiled function is the same.
    alone = [updates(spikes * replica, target) for replica in jnp.eye(2)[:, None, :, None]]
    for b, x, y in zip(both, *alone, strict=True):
        np.testing.assert_allclose(b["weight"], x["weight"] + y["weight"], atol=1e-4)
        assert np.abs(b["weight"]).max() > 0.1


def test_the_trainer_runs_any_member():
    """The same trainer as for eRBP; the seeds of a rule side by side, too."""
    rule = ThreeFactor((pair_stdp(Exponential(window=8)), ()))
    e = Experiment(network((12, 5, 2)), Regular(0.5), rule, 12, 12, 3, 4, 4)
    bounded = optax.chain(optax.sgd(0.1), keep_within(-1.0, 4.0))
    optimizers = Optimizers(bounded, bounded)
    images = jax.random.randint(jax.random.key(1), (16, 12), 0, 256).astype(jnp.uint8)

    def run(seed):
        learner = engine.init(e, optimizers, seed)
        learner = engine.replace(learner, params=jax.tree.map(lambda w: 40.0 * w, learner.params))
        end = engine.train(e, optimizers, learner, images, jnp.arange(16) % 2, *map(jnp.int32, (1, 0, 4)))
        return learner.params.projections, end.params.projections

    before, end = jax.jit(jax.vmap(run))(jnp.arange(3, dtype=jnp.uint32))
    assert np.all(np.abs(np.asarray(end[0]["weight"] - before[0]["weight"])).max((1, 2)) > 0)
    np.testing.assert_array_equal(np.maximum(end[0]["weight"], -1.0), end[0]["weight"])
    assert np.all(np.asarray(end[0]["weight"]) <= 4.0 + 1e-6)
    np.testing.assert_allclose(end[1]["weight"], np.clip(before[1]["weight"], -1, 4), atol=1e-6)  # a frozen layer


@pytest.mark.parametrize("name", RULES)
def test_rewarded_neurons_fire_more_and_punished_ones_fall_silent(name):
    """Eight replicas of each kind, 8 s: a two-layer network with Poisson input, all from the same weights."""
    learning = Learning(network((20, 10, 1)), RULES[name], optax.chain(optax.sgd(0.05), keep_within(0.0, 5.0)))

    def one(key, target):
        a, b = jax.random.split(key)
        shapes = zip(jax.random.split(a), ((20, 10), (10, 1)), strict=True)
        params = parameters(jax.random.uniform(k, shape, jnp.float32, 0.0, 5.0) for k, shape in shapes)
        spikes = jax.random.bernoulli(b, 0.04, (8000, 1, 20)).astype(jnp.float32)
        _, out = learn(learning, start(learning, params, NOTHING), spikes, target[None], key=b[None])
        return out.reshape(8, 1000).sum(1)

    keys = jax.random.split(jax.random.key(2), 8)
    rates = jax.jit(jax.vmap(one))(jnp.concatenate([keys, keys]), jnp.repeat(jnp.arange(2), 8))
    punished, rewarded = np.asarray(rates[:8, -1]), np.asarray(rates[8:, -1])
    assert np.all(rewarded > 2 * punished)
    assert punished.mean() < 0.5 * np.asarray(rates[:8, 0]).mean()


def test_what_cannot_work_is_refused():
    with pytest.raises(ValueError, match="tau_eligibility"):
        mstdpet(tau_eligibility=0.0)
    with pytest.raises(ValueError, match="3 layers do not fit a network of 2"):
        ThreeFactor(((), (), ())).init(network(), jax.random.key(0))
    assert not isinstance(mstdp(), Aligned)  # it stands for no gradient


def test_given_and_trial_rewards_say_what_they_should(key):
    """The first is the target in every tick; the second is paid in the last tick, by the counts up to it."""
    network, batch, ticks = sequential(Dense(6, 3, 9.0), LIF()), 4, 10
    spikes = (jax.random.uniform(key, (ticks, batch, 6)) < 0.5).astype(jnp.float32)
    keys = jax.random.split(key, (ticks, batch))
    params = network.init(key)
    _, trace = network.advance(params, network.init_state(batch), spikes, key=keys)
    target = jnp.asarray([0.0, 1.0, -2.0, 0.5])
    given = Given(spikes, target, jnp.arange(ticks), keys)
    own = Params((), ())
    _, said = GivenReward().over(network, own, (), trace, given)
    np.testing.assert_array_equal(said.populations[0], np.broadcast_to(target[None, :, None], (ticks, batch, 1)))
    with pytest.raises(ValueError, match="the target must be one reward per sample"):
        GivenReward().over(network, own, (), trace, given._replace(target=jnp.zeros((2,))))

    paid = TrialReward(ticks, lambda counts, target: counts.sum(-1) * target)
    counts, state = np.asarray(network.output_spikes(trace)).sum((0, 2)), paid.init_state(network, batch)
    found = []
    for t in range(0, ticks, 5):
        part = jax.tree.map(lambda x, t=t: x[t : t + 5], trace)
        state, said = paid.over(network, own, state, part, given._replace(ticks=jnp.arange(t, t + 5)))
        found.append(np.asarray(said.populations[0]))
    found = np.concatenate(found)[..., 0]
    assert not found[:-1].any()
    np.testing.assert_allclose(found[-1], counts * np.asarray(target))
    assert counts.any()


@pytest.mark.parametrize("block", [1, 5, 10])
def test_a_trial_ends_with_its_tick_whatever_the_blocks(key, block):
    """What fires after tick T - 1 was paid for where it lay in the same block."""
    network = sequential(Dense(6, 3, 9.0), LIF())
    spikes = (jax.random.uniform(key, (10, 4, 6)) < 0.5).astype(jnp.float32)
    keys = jax.random.split(key, (10, 4))
    trace = network.advance(network.init(key), network.init_state(4), spikes, key=keys)[1]
    given, paid = Given(spikes, jnp.ones(4), jnp.arange(10), keys), TrialReward(4, lambda counts, _: counts.sum(-1))
    state, found = paid.init_state(network, 4), []
    for first in range(0, 10, block):
        part = jax.tree.map(lambda x, at=first: x[at : at + block], (trace, given.ticks))
        state, said = paid.over(network, NOTHING, state, part[0], given._replace(ticks=part[1]))
        found.append(np.asarray(said.populations[0])[..., 0])
    wanted = np.zeros((10, 4))
    wanted[3] = np.asarray(network.output_spikes(trace))[:4].sum((0, 2))
    assert wanted.any()
    np.testing.assert_array_equal(np.concatenate(found), wanted)


def test_a_reward_that_would_never_come_is_refused():
    data = (np.tile(np.eye(3, 6), (20, 1)), np.tile(np.arange(3), 20))
    rule = mstdpet(TrialReward(100, lambda counts, _: counts.max(-1)))
    with pytest.raises(UserError, match="the reward comes at the end of tick 100, and a presentation has 60 ticks"):
        ej.fit(ej.mlp(6, 3), rule, data, epochs=1, progress=False)
    rule = mstdpet(TrialReward(20, lambda counts, _: counts.max(-1)))
    with pytest.raises(UserError, match="end of tick 20, and nothing is learned in the first 20; give a burn_in below"):
        ej.fit(ej.mlp(6, 3), rule, data, epochs=1, steps=60, burn_in=20, progress=False)
    table = ForwardTableSTDP(Exponential(window=8), modulator=rule.modulator)
    with pytest.raises(UserError, match="the reward comes at the end of tick 20, and a presentation has 10 ticks"):
        ej.fit(ej.mlp(6, 3), table, data, epochs=1, steps=10, progress=False)
    with pytest.raises(ValueError, match="TrialReward: steps must be a whole number of ticks from 1 on, got 0"):
        TrialReward(0, lambda counts, _: counts.max(-1))


def test_a_model_is_looked_at_for_fewer_ticks_than_its_reward_takes():
    """Nothing is learned there, and nothing is refused."""
    data = (np.tile(np.eye(3, 6), (20, 1)), np.tile(np.arange(3), 20))
    model = ej.fit(
        ej.mlp(6, 3), mstdpet(TrialReward(20, lambda counts, _: counts.max(-1))), data, epochs=0, steps=20,
        progress=False,
    )  # fmt: skip
    assert replace(model, steps=10).predict(data[0][:3]).shape == (3,)
    assert ej.diagnose(model, ej.dataset(*data), steps=10)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda counts, _: counts, r"must return one reward per sample, \[4\], got \[4, 3\]"),
        (lambda counts, target: counts * target, r"gets counts \[B, K\] = \[4, 3\] and the target, and fails: "),
    ],
)
def test_what_a_function_of_rewards_must_return_is_said(key, function, said):
    one, keys = network((6, 5, 3)), jax.random.split(key, (5, 4))
    trace = one.advance(one.init(key), one.init_state(4), jnp.ones((5, 4, 6)), key=keys)[1]
    given = Given(None, jnp.ones(4), jnp.arange(5), keys)
    with pytest.raises(ValueError, match=said):
        TrialReward(5, function).over(one, NOTHING, TrialReward(5, function).init_state(one, 4), trace, given)


def test_targets_of_spike_rewards_are_one_class_per_sample(key):
    """With as many samples as ticks, `[B, 1]` was taken for rewards over time."""
    one, keys = network((6, 5, 1)), jax.random.split(key, (4, 4))
    trace = one.advance(one.init(key), one.init_state(4), jnp.ones((4, 4, 6)), key=keys)[1]
    wrong = Given(None, jnp.ones((4, 1), jnp.int32), jnp.arange(4), keys)
    with pytest.raises(ValueError, match="SpikeReward"):
        ej.SpikeReward().over(one, NOTHING, (), trace, wrong)


def test_a_trial_is_paid_for_its_own_spikes(key):
    """A state that is carried into the next presentation does not bring the last one's counts."""
    network = sequential(Dense(6, 3, 9.0), LIF())
    spikes = (jax.random.uniform(key, (10, 4, 6)) < 0.5).astype(jnp.float32)
    keys = jax.random.split(key, (10, 4))
    trace = network.advance(network.init(key), network.init_state(4), spikes, key=keys)[1]
    given = Given(spikes, jnp.ones(4), jnp.arange(10), keys)
    paid = TrialReward(10, lambda counts, target: counts.sum(-1) * target)
    state, first = paid.over(network, Params((), ()), paid.init_state(network, 4), trace, given)
    _, second = paid.over(network, Params((), ()), state, trace, given)
    assert np.asarray(first.populations[0]).any()
    np.testing.assert_array_equal(second.populations[0], first.populations[0])


@pytest.mark.parametrize("name", RULES)
def test_spikes_of_several_outputs_are_not_paid_by_one_class(name):
    """+1 for class 1 and -1 for all others would unlearn every class but one."""
    with pytest.raises(ValueError, match=r"SpikeReward: .* the network has 3; take ClassReward"):
        RULES[name].init_state(network((6, 5, 3)), 4)
    data = (np.tile(np.eye(3, 6), (20, 1)), np.tile(np.arange(3), 20))
    with pytest.raises(UserError, match="take ClassReward"):
        ej.fit(network((6, 5, 3)), RULES[name], data, epochs=1, progress=False)
