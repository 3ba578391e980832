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
# # First network, first learning
#
# You will build a network of leaky integrate-and-fire neurons, train it with event-driven random back-propagation
# (eRBP) on 8 x 8 digits, and look at its spikes, its mistakes and the error events that drove learning. No data are
# downloaded. The notebook runs in about half a minute on one core.

# %%
import matplotlib.pyplot as plt
import numpy as np

import erbp_jax as ej

# %% [markdown]
# ## Data
# scikit-learn ships 1,797 handwritten digits. The first 1,437 are for training, the other 360 for testing. For your
# own arrays, use `ej.dataset(x, y)` instead.

# %%
data = ej.data.load("digits")
print(data)

figure, axes = plt.subplots(1, 10, figsize=(7, 1.1), layout="constrained")
for label, axis in enumerate(axes):
    first = np.flatnonzero(data.train.y == label)[0]
    axis.imshow(data.train.x[first].reshape(8, 8), cmap="gray_r")
    axis.set_title(f"label {label}", fontsize=8)
    axis.axis("off")
plt.close(figure)  # or Jupyter shows it twice
figure

# %% [markdown]
# ## Network
# One input per pixel, 100 hidden neurons, one output neuron per class. A neuron has a synaptic current $I$ and a
# membrane potential $V$, and fires when $V$ crosses the threshold $\vartheta = 1$:
#
# $$
# I[t] = e^{-1/\tau_\mathrm{syn}} I[t-1] + \sum_j w_j s_j[t], \qquad
# V[t] = e^{-1/\tau_\mathrm{mem}} V[t-1] + (1 - e^{-1/\tau_\mathrm{mem}})\, I[t], \qquad
# s[t] = \Theta(V[t] - \vartheta)
# $$
#
# Time is counted in ticks; here a tick is 1 ms.

# %%
network = ej.mlp(64, 100, 10)
network.population("hidden1").neuron

# %% [markdown]
# ## Rule
# In eRBP a presynaptic spike $s_i$ changes its synapses in proportion to the dendritic potential $U_j$ of the
# postsynaptic neuron, if the synaptic current of that neuron lies in an interval. $U_j$ is driven by spiking *error
# neurons*, which compare the label with the output, through a fixed random matrix $G$:
#
# $$
# \Delta w_{ij}[t] = \eta\, s_i[t] \left( U_j[t]\, \Theta(b_\mathrm{min} < I_j[t] < b_\mathrm{max})
# - \lambda\, s_j[t] \right), \qquad
# U_j[t] = e^{-1/\tau_U} U_j[t-1] + \sum_k g_{kj} \left( s_k^{E+}[t] - s_k^{E-}[t] \right)
# $$
#
# The term with $\lambda$ (`rate_penalty`) is activity regularisation: it keeps the hidden layer sparse.

# %%
rule = ej.ERBP.default(network, rate_penalty=(0.3,))

# %% [markdown]
# ## Learning
# `ej.fit` shows every training digit for 40 ticks per epoch and tests after each epoch. The learning rate applies to
# one sample; updates are summed over a batch.

# %%
model = ej.fit(
    network, rule, data, epochs=6, batch_size=20, steps=40, learning_rate=3e-3, encoder=ej.Regular(0.25), progress=False
)
assert model.test_error < 15
model

# %% [markdown]
# This is the learning curve. The training error is measured while the weights change, so it is a mean over the epoch;
# the test error is measured with the weights at the end of the epoch.

# %%
model.plot()

# %% [markdown]
# ## Spikes
# `record` presents one digit and stores the spikes, currents and states of every population.

# %%
seen = model.record(data.test.x[0])
print("label", data.test.y[0], "- answer", model.predict(data.test.x[:1])[0])
seen.raster()

# %% [markdown]
# The output neuron of the correct class fires most. The hidden layer is sparse: its mean rate is far below the
# highest rate that the refractory period allows, 250 Hz.

# %%
batch = model.record(data.test.x[:100])
rates = batch.rates()
assert 5 < rates["hidden1"] < 100
{name: f"{rate:.0f} Hz" for name, rate in rates.items()}

# %% [markdown]
# This is one hidden neuron: its input current, its membrane potential, and its spikes.

# %%
busiest = int(seen.spikes["hidden1"].sum(0).argmax())
seen.plot_neuron("hidden1", busiest)

# %% [markdown]
# ## Mistakes
# `predict` returns the label of the output neuron with the most spikes, and -1 if two neurons tie or all are silent.

# %%
answers = model.predict(data.test.x)
wrong = np.flatnonzero(answers != data.test.y)
print(f"{len(wrong)} of {len(answers)} test digits are wrong, {np.sum(answers == -1)} of them undecided")

figure, axes = plt.subplots(2, 6, figsize=(7, 3), layout="constrained")
for axis in axes.flat:
    axis.axis("off")
for axis, i in zip(axes.flat, wrong, strict=False):
    axis.imshow(data.test.x[i].reshape(8, 8), cmap="gray_r")
    answer = "undecided" if answers[i] < 0 else f"answer {answers[i]}"
    axis.set_title(f"label {data.test.y[i]}\n{answer}", fontsize=8)
plt.close(figure)
figure

# %% [markdown]
# ## Error events
# Weights change only where an error spike has arrived. As the network learns, label and output agree more often, and
# error spikes become rare, so learning stops by itself.

# %%
epochs = [entry["epoch"] for entry in model.history]
events = [entry["error_spikes_per_sample"] for entry in model.history]
assert events[-1] < 0.8 * events[0]

figure, axis = plt.subplots(figsize=(5.4, 3), layout="constrained")
axis.plot(epochs, events, "o-", color="#0072b2")
axis.set(xlabel="epoch", ylabel="error spikes per sample", ylim=(0, None))
plt.close(figure)
figure

# %% [markdown]
# ## Try next
# - Set `rate_penalty=(0.0,)` and compare the hidden rates and the test error.
# - Use your own arrays: `data = ej.dataset(x, y)`, `network = ej.mlp(*data.sizes(100))` ([training
#   guide](../guides/training.md)).
# - Swap the rule for `ej.BackProp()`: [eRBP against BP](erbp_against_bp.py).
# - Read the definitions of tick, block and event: [concepts](../concepts.md).
