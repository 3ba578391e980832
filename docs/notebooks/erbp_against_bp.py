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
# # eRBP against back-propagation
#
# The same network learns the same digits with five rules. You will compare their learning curves, the angle between
# each update and the gradient, and the number of operations of training. The notebook runs in about a minute on one
# core; most of it is compilation.

# %%
import matplotlib.pyplot as plt
import numpy as np

import erbp_jax as ej

data = ej.data.load("digits")
network = ej.mlp(64, 100, 10)

# %% [markdown]
# ## The rules
# The rules differ in how the output error reaches the hidden layer, and in what replaces the derivative of the
# neuron.
#
# | name | backward path of the error | derivative | when weights change |
# |---|---|---|---|
# | eRBP | spikes through fixed random weights | boxcar on the current | every 5 ticks, online |
# | RBP, spiking | real numbers through fixed random weights | surrogate | after the digit |
# | BP, spiking | real numbers through the transposed weights | surrogate, through time | after the digit |
# | RBP, rate | as RBP | of the rate function | after the digit |
# | BP, rate | as BP | of the rate function | after the digit |
#
# In the rate form every neuron is replaced by its f-I curve, and a digit is one forward pass. BP and RBP are one
# class, `ej.BackProp`; its `wiring` selects the weights that carry the error.

# %%
rates = network.rate_form(0.5)
cells = {
    "eRBP": (network, ej.ERBP.default(network, rate_penalty=(0.3,)), {"learning_rate": 3e-3, "steps": 40}),
    "RBP, spiking": (network, ej.BackProp(wiring=ej.Direct()), {"steps": 40}),
    "BP, spiking": (network, ej.BackProp(), {"steps": 40}),
    "RBP, rate": (rates, ej.BackProp(wiring=ej.Direct()), {"steps": 1}),
    "BP, rate": (rates, ej.BackProp(), {"steps": 1}),
}

# %% [markdown]
# With `alignment=True`, `fit` measures after each epoch the angle between the update of the rule and the gradient of
# its loss. Optimiser, learning rate and update interval default to the values of the rule.

# %%
models = {}
for name, (net, rule, settings) in cells.items():
    encoder = ej.Analog(0.25) if net is rates else ej.Regular(0.25)
    models[name] = ej.fit(
        net, rule, data, epochs=6, batch_size=20, encoder=encoder, alignment=True, progress=False, **settings
    )
    print(f"{name:13} test error {models[name].test_error:5.2f} %")

# %%
STYLES = {
    "eRBP": {"color": "#c2410c", "marker": "o", "linestyle": "-"},
    "RBP, spiking": {"color": "#0072b2", "marker": "s", "linestyle": "--"},
    "BP, spiking": {"color": "#009e73", "marker": "v", "linestyle": "-."},
    "RBP, rate": {"color": "#cc79a7", "marker": "^", "linestyle": ":"},
    "BP, rate": {"color": "#1b2733", "marker": "D", "linestyle": (0, (1, 1))},
}


def draw(axis, value, names=tuple(models)):
    """One line per rule: (x, y) of each epoch."""
    for name in names:
        x, y = zip(*(value(entry) for entry in models[name].history), strict=True)
        axis.plot(x, y, label=name, markersize=4, **STYLES[name])


# %% [markdown]
# ## Learning curves
# All five learn. eRBP does so without a backward pass, without knowing the forward weights and without waiting for
# the end of the digit.

# %%
assert all(model.test_error < 15 for model in models.values())
figure, axis = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
draw(axis, lambda entry: (entry["epoch"], entry["test_error"]))
axis.set(xlabel="epoch", ylabel="test error (%)", ylim=(0, None))
figure.legend(frameon=False, fontsize=8, loc="outside right upper")
plt.close(figure)
figure
# %% [markdown]
# ## Alignment
# How can random feedback train a hidden layer? If the angle between an update and the gradient is below 90 degrees,
# the update still reduces the loss. For the hidden layer the angle starts near 90 degrees, because the feedback
# weights are unrelated to the forward weights. Learning rotates the forward weights towards the feedback weights, and
# after the first epoch the angle is already well below 90 degrees. Lillicrap et al. (2016) call this feedback
# alignment. For both forms of BP the angle is 0 by definition.

# %%
hidden = {name: [entry["alignment"]["update"][0] for entry in model.history] for name, model in models.items()}
assert max(hidden["BP, rate"]) < 1
assert max(hidden["RBP, rate"][-1], hidden["RBP, spiking"][-1], hidden["eRBP"][-1]) < 85

figure, axis = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
draw(axis, lambda entry: (entry["epoch"], entry["alignment"]["update"][0]))
axis.axhline(90, color="grey", linewidth=0.8)
axis.text(1, 91, "90: nothing in common with the gradient", fontsize=8, color="grey", va="bottom")
axis.set(
    xlabel="epoch", ylabel="angle to the gradient,\nhidden layer (degrees)", ylim=(-3, 102), yticks=range(0, 91, 30)
)
figure.legend(frameon=False, fontsize=8, loc="outside right upper")
plt.close(figure)
figure
# %% [markdown]
# The feedback weights themselves can be compared with the transposed forward weights. For random feedback this angle
# falls too, although the feedback weights never change: only the forward weights do.

# %%
figure, axis = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
random = ("eRBP", "RBP, spiking", "RBP, rate")
draw(axis, lambda entry: (entry["epoch"], entry["alignment"]["feedback"][0]), random)
axis.set(xlabel="epoch", ylabel="angle of feedback weights to\ntransposed forward weights (degrees)", ylim=(0, 95))
axis.set_yticks(range(0, 91, 30))
figure.legend(frameon=False, fontsize=8, loc="outside right upper")
assert all(models[name].metrics["alignment"]["feedback"][0] < 88 for name in random)
plt.close(figure)
figure

# %% [markdown]
# ## Cost
# A synaptic operation (SynOp) is one spike at one synapse: an addition. Each multiply-accumulate (MAC) of a backward
# pass counts as one operation, although it costs more than an addition. eRBP updates only at spikes, so its updates
# are counted as events too: presynaptic spikes at synapses with an open gate, label spikes and error spikes. The rate
# forms need a single dense pass of multiplications where the spiking forms need 40 ticks; the figure shows spiking
# networks only.

# %%
spiking = ("eRBP", "RBP, spiking", "BP, spiking")
cost = {name: [entry["training_operations_per_sample"] for entry in model.history] for name, model in models.items()}
for name, spent in cost.items():
    print(f"{name:13} {np.mean(spent):10,.0f} operations per digit in training")
assert np.mean(cost["eRBP"]) < np.mean(cost["BP, spiking"])

figure, axis = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
for name in spiking:
    spent = np.cumsum(cost[name]) * len(data.train) / 1e6
    axis.plot(spent, [entry["test_error"] for entry in models[name].history], label=name, markersize=4, **STYLES[name])
axis.set(xscale="log", xlabel="operations of training so far (millions)", ylabel="test error (%)", ylim=(0, None))
axis.set_xticks((30, 100, 300, 1000, 3000), labels=("30", "100", "300", "1,000", "3,000"))
figure.legend(frameon=False, fontsize=8, loc="outside right upper")
plt.close(figure)
figure
# %% [markdown]
# At test all spiking networks perform the same kind of operation, SynOps, so the network with fewer spikes is
# cheaper.

# %%
{name: f"{models[name].metrics['synops_per_sample']:,.0f} SynOps per test digit" for name in spiking}

# %% [markdown]
# ## Try next
# - Several seeds and a report: `erbp-jax compare configs/digits_rules.yaml --seeds 3`.
# - The same comparison on MNIST, with spread over seeds: [results](../results.md).
# - What an operation costs in energy: [cost](../cost.md).
# - Feedback layer by layer in place of direct feedback: `ej.BackProp(wiring=ej.Layerwise())` ([rules](../rules.md)).
