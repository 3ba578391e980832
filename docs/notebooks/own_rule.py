# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Write your own rule
#
# A local learning rule is a function of the signals available at a synapse. You will write a local rule in a few
# lines and train a network with it, compare it with eRBP, and compose a three-factor rule that learns from reward
# alone. The notebook runs in about forty seconds on one core.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

import erbp_jax as ej
from erbp_jax.learning.three_factor import Spike, Term, ThreeFactor, Trace

data = ej.data.load("digits")
network = ej.mlp(64, 100, 10)
settings = {"batch_size": 20, "steps": 40, "encoder": ej.Regular(0.25), "progress": False}

# %% [markdown]
# ## A local rule in ten lines
# `ej.local_rule` turns a function of one layer and one tick into a rule:
#
# | argument | shape | meaning |
# |---|---|---|
# | `pre` | `[B, I]` | presynaptic spikes as they arrive |
# | `post` | `[B, O]` each | `post.spikes`, `post.current`, `post.membrane`, `post.state` |
# | `error` | `[B, O]` | dendritic potential, driven by error neurons through random feedback |
#
# It returns the postsynaptic factor, which is multiplied by `pre`; positive values increase the weights. The function
# is vectorised over B samples, I inputs and O outputs of the layer. In eRBP the factor is the error, gated by a
# boxcar on the current. This rule replaces the boxcar by a smooth bell around the threshold, and lets active neurons
# learn twice as fast:


# %%
@ej.local_rule(feedback=ej.RandomFeedback(3.0))
def bell(pre, post, error):
    """Near threshold, in the direction of the error."""
    distance = post.current - 1.0
    gate = jnp.exp(-(distance**2) / 4.0)
    active = 1.0 + post.spikes
    return gate * active * error


# %% [markdown]
# Use it like any other rule. The library handles blocks of ticks, batches, convolutions, recurrent projections and
# delays.

# %%
own = ej.fit(network, bell, data, epochs=5, learning_rate=1e-3, **settings)
erbp = ej.fit(network, ej.ERBP.default(network), data, epochs=5, learning_rate=1e-3, **settings)
print(f"own rule {own.test_error:.1f} %, eRBP {erbp.test_error:.1f} % test error")
assert own.test_error < 20
assert erbp.test_error < 20

# %% [markdown]
# ## Does the error matter?
# Every rule needs a control: the same rule without its third factor. Purely Hebbian growth learns nothing about the
# labels.


# %%
@ej.local_rule(feedback=ej.RandomFeedback(3.0))
def hebbian(pre, post, error):
    """Spikes with spikes; the error is not read."""
    return 0.1 * post.spikes


control = ej.fit(network, hebbian, data, epochs=1, learning_rate=1e-3, **settings)
print(f"Hebbian control: {control.test_error:.1f} % test error")
assert control.test_error > 60

# %% [markdown]
# The figure compares the two rules:

# %%
figure, axis = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
for name, model, colour, marker, dashes in (
    ("eRBP", erbp, "#c2410c", "o", "-"),
    ("own rule", own, "#0072b2", "s", "--"),
):
    errors = [entry["test_error"] for entry in model.history]
    axis.plot(range(1, 6), errors, color=colour, marker=marker, linestyle=dashes, markersize=4, label=name)
axis.set(xlabel="epoch", ylabel="test error (%)", ylim=(0, None), xticks=range(1, 6))
figure.legend(frameon=False, fontsize=8, loc="outside right upper")
plt.close(figure)
figure
# %% [markdown]
# ## Reward instead of labels
# Suppose that there are no labels, and an environment only reports whether an action was good. A three-factor rule
# multiplies a presynaptic factor, a postsynaptic factor and a modulator that all synapses share. The reward is
# delayed, so the product of the first two is stored in an eligibility trace:
#
# $$
# x_i[t] = e^{-1/\tau_x} x_i[t-1] + s_i[t], \qquad
# z_{ij}[t] = e^{-1/\tau_z} z_{ij}[t-1] + x_i[t]\, s_j[t] / \tau_z, \qquad
# \Delta w_{ij}[t] = \eta\, r[t]\, z_{ij}[t]
# $$
#
# There are four cues of 20 inputs each, and four action neurons that inhibit one another. The most active neuron
# selects the action. For each cue one action is correct. Membrane noise makes the network explore.

# %%
CUES, ACTIONS, EACH, TICKS, TRIALS = 4, 4, 20, 50, 600
neuron = ej.LIF(tau_mem=5.0, tau_syn=2.0, refractory=2, noise=ej.GaussianNoise(0.3))
actor = ej.Network(
    {"action": neuron},
    (
        ej.Projection("cue", "action", ej.Dense(CUES * EACH, ACTIONS)),
        ej.Projection("action", "action", ej.Dense(ACTIONS, ACTIONS), delay=1, plastic=False),
    ),
)
hebb = Term(Trace(tau=20.0, instant=True), Spike())
rewarded = ThreeFactor(((hebb,),), ej.GivenReward(), tau_eligibility=50.0)
learning = ej.Learning(actor, rewarded, optax.chain(optax.sgd(0.3), ej.keep_within(0.0, 3.0)))

# %% [markdown]
# `ej.learn` continues from where it stopped, so the environment can respond between two calls. In the first call, of
# 50 ticks, the network acts. In the second, of a single tick, it receives the reward minus the average reward of this
# cue.

# %%
RIGHT = jnp.array([2, 0, 3, 1])  # the right action of every cue


def trial(carry, key):
    """One cue, one action, one reward."""
    stream, usual = carry
    which, firing, acting, paying = jax.random.split(key, 4)
    cue = jax.random.randint(which, (), 0, CUES)
    active = jnp.repeat(jnp.arange(CUES) == cue, EACH)
    spikes = (jax.random.uniform(firing, (TICKS, 1, CUES * EACH)) < 0.1 * active).astype(jnp.float32)
    stream, fired = ej.learn(learning, stream, spikes, jnp.zeros(1), key=acting[None])
    action = fired.sum((0, 1, 2)).argmax()
    reward = (action == RIGHT[cue]).astype(jnp.float32)
    surprise = reward - usual[cue]
    stream, _ = ej.learn(learning, stream, jnp.zeros((1, 1, CUES * EACH)), surprise[None], key=paying[None])
    stream = stream._replace(state=rewarded.init_state(actor, 1))  # the next trial begins at rest
    return (stream, usual.at[cue].add(0.05 * surprise)), reward


params = actor.init(jax.random.key(0))
trained = jax.tree.map(lambda w: jnp.full_like(w, 0.6), params.trained)
inhibition = jax.tree.map(lambda w: -5.0 * (1.0 - jnp.eye(ACTIONS, dtype=w.dtype)), params.fixed)
stream = ej.start(learning, ej.Params(trained, inhibition), rewarded.init(actor, jax.random.key(1)))
begin = (stream, jnp.full(CUES, 0.25))
(stream, _), rewards = jax.jit(jax.lax.scan, static_argnums=0)(
    trial, begin, jax.random.split(jax.random.key(2), TRIALS)
)
rewards = np.asarray(rewards).reshape(-1, 50).mean(1)
print(f"mean reward: {rewards[0]:.2f} in the first 50 trials, {rewards[-2:].mean():.2f} in the last 100")
assert rewards[-2:].mean() > 0.7

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), width_ratios=(3, 2), layout="constrained")
left.plot(25 + 50 * np.arange(len(rewards)), rewards, "o-", color="#009e73", markersize=4)
left.axhline(1 / ACTIONS, color="black", linestyle=":", linewidth=1)
left.text(TRIALS, 1 / ACTIONS + 0.02, "chance", ha="right", fontsize=8)
left.set(xlabel="trial", ylabel="mean reward of 50 trials", ylim=(0, 1.05))
weights = np.asarray(stream.params.trained.projections[0]["weight"]).reshape(CUES, EACH, ACTIONS).mean(1)
shown = right.imshow(weights, cmap="viridis", vmin=0)
right.set(xlabel="action", ylabel="cue", xticks=range(ACTIONS), yticks=range(CUES))
figure.colorbar(shown, ax=right, label="mean weight (thresholds)")
plt.close(figure)
figure

# %% [markdown]
# The strongest weights are those from each cue to its correct action. They were learned from a single scalar signal
# for the whole network. With an error for each neuron, as in eRBP, a network with many classes learns far faster.
#
# ## Try next
# - Keep the rule in a module, and name it in a config: `rule: {kind: my_module:bell}` ([own
#   rule](../guides/own_rule.md)).
# - Reward at the end of a presentation, in `ej.fit`: `ej.TrialReward` ([reward](../guides/reward.md)).
# - Probabilistic rewards: `python experiments/bandit.py`.
# - STDP, Clopath, Urbanczik-Senn and the rest of the family: [rules](../rules.md).
