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

# %% [markdown]
# # Write your own rule
#
# A learning rule is a function of what a synapse can see. You will write a local rule in a few lines and train a network
# with it, compose a three-factor rule that learns from reward alone, and compare both with eRBP. The notebook runs in
# about forty seconds on one core.

# %%
import jax.numpy as jnp
import matplotlib.pyplot as plt

import erbp_jax as ej
from erbp_jax.learning.three_factor import Spike, Term, ThreeFactor, Trace

data = ej.data.load("digits")
network = ej.mlp(64, 100, 10)
settings = {"batch_size": 20, "steps": 40, "encoder": ej.Regular(0.25), "progress": False}

# %% [markdown]
# ## A local rule in ten lines
# `ej.local_rule` makes a rule of one function of one layer and one tick:
#
# | argument | shape | what it is |
# |---|---|---|
# | `pre` | `[B, I]` | presynaptic spikes as they arrive |
# | `post` | `[B, O]` each | `post.spikes`, `post.current`, `post.membrane`, `post.state` |
# | `error` | `[B, O]` | dendritic potential, driven by error neurons through random feedback |
#
# It returns the postsynaptic factor, which is multiplied by `pre`; positive makes weights grow. B samples, I inputs and O
# outputs of the layer are vectorised already. eRBP's factor is the error where the current lies in a box. This one takes
# a smooth bell around the threshold in the place of the box, and lets active neurons learn twice as fast:


# %%
@ej.local_rule(feedback=ej.RandomFeedback(3.0))
def bell(pre, post, error):
    """Near threshold, in the direction of the error."""
    distance = post.current - 1.0
    gate = jnp.exp(-(distance**2) / 4.0)
    active = 1.0 + post.spikes
    return gate * active * error


# %% [markdown]
# It stands where any rule stands. Blocks of ticks, batches, convolutions, recurrent projections and delays are taken care
# of.

# %%
own = ej.fit(network, bell, data, epochs=5, learning_rate=1e-3, **settings)
erbp = ej.fit(network, ej.ERBP.default(network), data, epochs=5, learning_rate=1e-3, **settings)
print(f"own rule {own.test_error:.1f} %, eRBP {erbp.test_error:.1f} % test error")
assert own.test_error < 20
assert erbp.test_error < 20

# %% [markdown]
# ## Does the error matter?
# A control belongs to every rule: the same one without its third factor. Purely Hebbian growth learns nothing about the
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
# ## Reward instead of labels
# Suppose that nobody says which class is right; the network is only told whether what it did was good. A three-factor
# rule multiplies presynaptic factor, postsynaptic factor and a modulator that all synapses share:
#
# $$
# \Delta w_{ij}[t] = \eta\, r[t]\, x_i[t]\, s_j[t], \qquad
# x_i[t] = e^{-1/\tau} x_i[t-1] + s_i[t], \qquad
# r[t] = \sum_k s_k[t] \left( [k = y] - \tfrac19 [k \ne y] \right)
# $$
#
# A presynaptic trace $x_i$ meets a postsynaptic spike $s_j$, and the reward $r$ says whether that was good: an output
# spike of the right class earns 1, any other costs 1/9. No neuron gets an error of its own. Such a rule explores by
# noise on the membrane. One layer of synapses will do, with bounded weights.

# %%
neuron = ej.LIF(noise=ej.GaussianNoise(0.3))
single = ej.mlp(64, 10, neuron=neuron)
hebb = Term(Trace(tau=5.0, instant=True), Spike())
rewarded = ThreeFactor(((hebb,),), ej.ClassReward(right=1.0, wrong=1 / 9))
learner = ej.fit(single, rewarded, data, epochs=8, learning_rate=3e-4, update_every=5, **settings)
print(f"reward: {learner.test_error:.1f} % test error; chance is 90 %")
assert learner.test_error < 50

# %% [markdown]
# ## Comparison

# %%
figure, axis = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
curves = {
    "eRBP, 64-100-10": (erbp, "#c2410c", "o", "-"),
    "own rule, 64-100-10": (own, "#0072b2", "s", "--"),
    "reward, 64-10": (learner, "#009e73", "v", "-."),
}
for name, (model, colour, marker, dashes) in curves.items():
    errors = [entry["test_error"] for entry in model.history]
    axis.plot(
        range(1, len(errors) + 1), errors, color=colour, marker=marker, linestyle=dashes, markersize=4, label=name
    )
axis.set(xlabel="epoch", ylabel="test error (%)", ylim=(0, None))
figure.legend(frameon=False, fontsize=8, loc="outside right upper")
assert erbp.test_error < learner.test_error

# %% [markdown]
# One number for the whole network teaches more slowly than an error for each neuron.
#
# ## Try next
# - Keep the rule in a module, and name it in a config: `rule: {kind: my_module:bell}`
#   ([own rule](../guides/own_rule.md)).
# - Reward at the end of a trial, with an eligibility trace: `ej.TrialReward`, `ThreeFactor(..., tau_eligibility=25.0)`.
# - An environment that answers between two calls: `ej.learn` and `ej.GivenReward` ([reward](../guides/reward.md)).
# - STDP, Clopath, Urbanczik-Senn and the rest of the family: [rules](../rules.md).
