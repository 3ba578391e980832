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
# # The neuron zoo
#
# This notebook shows the neuron models of the talk in turn: leaky integrate-and-fire with and without a synapse,
# noise, a second compartment, the Mihalas-Niebur neuron with its firing patterns, and the error neurons and dendrites
# of eRBP. "The talk" is Emre Neftci's *Event-Driven Random Backpropagation: Enabling Neuromorphic Deep Learning
# Machines*. Nothing is trained here. The notebook runs in about fifteen seconds on one core.
#
# Every model is a frozen dataclass with two methods: `init_state(shape)` and `step(state, current) -> (state,
# spikes)`.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import erbp_jax as ej
from erbp_jax.neurons import PATTERNS, DualCompartmentLIF, LeakyIF, SecondOrderLIF, run_population

INK, BLUE, ORANGE, GREEN, PURPLE = "#1b2733", "#0072b2", "#c2410c", "#009e73", "#cc79a7"


def simulate(neuron, current, key=None):
    """States and spikes of N neurons under the input current [T, N]."""
    keys = None if key is None else jax.random.split(key, len(current))

    def tick(state, now):
        state, spikes = neuron.step(state, now[0], key=now[1])
        return state, (state, spikes)

    return jax.lax.scan(tick, neuron.init_state(current.shape[1:]), (current, keys))[1]


# %% [markdown]
# ## Leaky integrate-and-fire with a first-order synapse
#
# $$
# I[t] = e^{-1/\tau_\mathrm{syn}} I[t-1] + \sum_j w_j s_j[t], \qquad
# V[t] = e^{-1/\tau_\mathrm{mem}} V[t-1] + (1 - e^{-1/\tau_\mathrm{mem}})\, I[t]
# $$
#
# A spike is fired when $V$ exceeds the threshold, 1. Then $V$ is reset to 0 and held there for the refractory period.
# Below, four presynaptic spikes of weight 1 arrive one by one, and then four in quick succession.

# %%
arrivals = np.zeros((120, 1), np.float32)
arrivals[[10, 30, 50, 70, 90, 92, 94, 96]] = 1.0
state, spikes = simulate(ej.LIF(tau_mem=10.0, tau_syn=5.0, refractory=5), jnp.asarray(arrivals))
assert spikes[:90].sum() == 0
assert spikes[90:].sum() >= 1

figure, (top, bottom) = plt.subplots(2, 1, figsize=(6.5, 3.6), sharex=True, layout="constrained")
top.plot(state.synaptic, color=BLUE)
top.set_ylabel("current I\n(thresholds)")
bottom.plot(state.membrane, color=INK)
bottom.axhline(1.0, color=ORANGE, linestyle="--", linewidth=1)
bottom.text(0, 1.03, "threshold", color=ORANGE, fontsize=8)
bottom.vlines(np.flatnonzero(spikes), 0, 1.3, color=INK, linewidth=1)
bottom.set(xlabel="time (ticks)", ylabel="membrane V\n(thresholds)", ylim=(-0.05, 1.35))
plt.close(figure)
figure
# %% [markdown]
# ## f-I curves
# An f-I curve is the firing rate under constant input current. `run_population` simulates many unconnected neurons at
# once, here one per current. A tick is 0.1 ms in this section, so a time constant of 100 ticks is 10 ms.
#
# | model | equation in the talk | what drives the membrane |
# |---|---|---|
# | `LeakyIF` | 1 | spikes arrive as charge |
# | `LIF` | 2 | a current that decays |
# | `SecondOrderLIF` | 3 | a current that rises, then decays |
# | `DualCompartmentLIF` | 4 | a dendrite that receives the current |
#
# The first three differ in the time course of a synaptic input. Under constant current they have the same f-I curve:

# %%
DT = 0.1  # ms
drive = jnp.linspace(0.0, 4.0, 81)


def settling(tau):
    """The input per tick with which a leaky quantity settles at 1."""
    return 1.0 - float(np.exp(-1.0 / tau))


def rate(neuron, scale):
    """Firing rate in Hz for every drive, counted over a second."""
    return np.asarray(run_population(neuron, scale * drive, steps=10_000)[1])


leaky = rate(LeakyIF(100.0, refractory=20), settling(100.0))
lif = rate(ej.LIF(100.0, 50.0, refractory=20), settling(50.0))
second = rate(SecondOrderLIF(100.0, 50.0, 20.0, refractory=20), settling(20.0))
assert np.abs(leaky - lif).max() <= 3
assert np.abs(second - lif).max() <= 3

# %% [markdown]
# A faster membrane fires at a higher rate. The dendrite of the two-compartment neuron is also driven by the soma.
# This adds to the current, so the neuron fires from 0.8 times the threshold.

# %%
curves = {
    "LIF, 5 ms": rate(ej.LIF(50.0, 50.0, refractory=20), settling(50.0)),
    "LIF, 10 ms": lif,
    "LIF, 20 ms": rate(ej.LIF(200.0, 50.0, refractory=20), settling(50.0)),
    "DualCompartmentLIF": rate(DualCompartmentLIF(100.0, 100.0, 50.0, refractory=20), settling(50.0)),
}
assert curves["LIF, 5 ms"][40] > curves["LIF, 10 ms"][40] > curves["LIF, 20 ms"][40] > 0
assert curves["DualCompartmentLIF"][18] > 0 == lif[18]

figure, axis = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
for (name, curve), colour, dashes in zip(
    curves.items(), (INK, BLUE, ORANGE, GREEN), ("-", "--", "-.", ":"), strict=True
):
    axis.plot(drive, curve, color=colour, linestyle=dashes, label=name)
axis.set(xlabel="steady current (thresholds)", ylabel="firing rate (Hz)")
axis.legend(frameon=False, fontsize=8)
plt.close(figure)
figure
# %% [markdown]
# ## Noise
# Membrane noise lets a neuron fire at subthreshold input, and smooths the onset of the f-I curve. `GaussianNoise`
# adds $\xi \sim N(0, \sigma^2)$ every tick; `PoissonKicks` adds background spikes of one size, which also depolarise
# the membrane. Each point is the mean of 20 neurons, with ticks of 1 ms again.

# %%
noises = {
    "no noise": None,
    "GaussianNoise(0.1)": ej.GaussianNoise(0.1),
    "GaussianNoise(0.3)": ej.GaussianNoise(0.3),
    "PoissonKicks(1.0, 0.02)": ej.PoissonKicks(1.0, 0.02),
}
weak = jnp.linspace(0.0, 2.0, 41)
noisy = {}
for name, noise in noises.items():
    neuron = ej.LIF(10.0, 5.0, refractory=2, noise=noise)
    key = None if noise is None else jax.random.key(0)
    _, count = run_population(neuron, jnp.repeat(settling(5.0) * weak, 20), steps=1000, key=key)
    noisy[name] = np.asarray(count).reshape(41, 20).mean(1)
assert noisy["no noise"][18] == 0
assert noisy["GaussianNoise(0.3)"][18] > noisy["GaussianNoise(0.1)"][18] > 0

figure, axis = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
for (name, curve), colour, dashes in zip(
    noisy.items(), (INK, BLUE, ORANGE, GREEN), ("-", "--", "-.", ":"), strict=True
):
    axis.plot(weak, curve, color=colour, linestyle=dashes, label=name)
axis.set(xlabel="steady current (thresholds)", ylabel="firing rate (Hz)")
axis.legend(frameon=False, fontsize=8)
plt.close(figure)
figure
# %% [markdown]
# ## The Mihalas-Niebur neuron
# Its threshold $\Theta$ follows the membrane potential, and every spike triggers two decaying currents:
#
# $$
# \dot V = I_e + I_1 + I_2 - G\,(V - E_L), \qquad
# \dot\Theta = a\,(V - E_L) - b\,(\Theta - \Theta_\infty), \qquad
# \dot I_j = -k_j I_j
# $$
#
# $$
# V \ge \Theta: \qquad I_j \leftarrow R_j I_j + A_j, \quad V \leftarrow V_r, \quad
# \Theta \leftarrow \max(\Theta_r, \Theta)
# $$
#
# Time is in ms and potentials are in mV. `PATTERNS` holds the twenty firing patterns of Mihalas and Niebur (2009),
# each with the input that produces it. Here are six of them, with the number of spikes in brackets:

# %%
shown = (
    "tonic_spiking",
    "spike_frequency_adaptation",
    "phasic_spiking",
    "rebound_spike",
    "tonic_bursting",
    "mixed_mode",
)
figure, grid = plt.subplots(4, 3, figsize=(8, 5.4), height_ratios=(3, 1, 3, 1), layout="constrained")
counts = {}
for number, name in enumerate(shown):
    pattern = PATTERNS[name]
    current = pattern.input().astype(np.float32)
    state, spikes = simulate(pattern.neuron, jnp.asarray(current[:, None]))
    counts[name] = int(spikes.sum())
    time = np.arange(len(current)) * pattern.neuron.dt
    top, bottom = grid[2 * (number // 3), number % 3], grid[2 * (number // 3) + 1, number % 3]
    top.plot(time, state.membrane, color=INK, linewidth=0.8)
    top.plot(time, state.threshold, color=ORANGE, linestyle="--", linewidth=0.8)
    top.vlines(time[np.flatnonzero(spikes)], -32, -26, color=INK, linewidth=0.7)
    top.set_title(f"{name.replace('_', ' ')} ({counts[name]})", fontsize=8)
    top.tick_params(labelbottom=False)
    bottom.plot(time, current, color=BLUE, linewidth=1)
    inhibited = current.min() < 0
    bottom.set(ylim=(-4.5, 0.5) if inhibited else (-0.5, 2.5), yticks=(-4, -2, 0) if inhibited else (0, 1, 2))
    top.set_yticks((-140, -100, -60) if inhibited else (-70, -60, -50, -40))
grid[0, 0].set_ylabel("V, threshold\n(mV)")
grid[2, 0].set_ylabel("V, threshold\n(mV)")
grid[1, 0].set_ylabel("input\n(mV/ms)")
grid[3, 0].set_ylabel("input\n(mV/ms)")
for axis in grid[3]:
    axis.set_xlabel("time (ms)")
assert counts["phasic_spiking"] == 5
assert counts["rebound_spike"] == 1
assert counts["tonic_bursting"] > counts["spike_frequency_adaptation"] > 1
plt.close(figure)
figure

# %% [markdown]
# $V$ is solid, $\Theta$ is dashed, and spikes are marked above. A rebound spike comes after the *end* of an
# inhibitory current: the threshold has followed the membrane potential down, and the membrane potential recovers
# first.
#
# ## Error neurons
# eRBP needs signed errors, but spikes have no sign. So each class has a pair of non-leaky neurons, which integrate
# label spikes $s^L$ minus output spikes $s^P$, and the reverse:
#
# $$
# E^\pm[t] = E^\pm[t-1] \pm w\,(s^L[t] - s^P[t]), \qquad s^\pm[t] = \Theta(E^\pm[t] - 1), \qquad
# E^\pm \leftarrow \max(E^\pm - s^\pm, 0)
# $$
#
# Below, the label fires every four ticks. The output is silent at first, then fires at the correct rate, then too
# fast.

# %%
ticks = np.arange(120)
label = (ticks % 4 == 0).astype(np.float32)
output = np.where(ticks < 40, 0, np.where(ticks < 80, label, ticks % 2 == 0)).astype(np.float32)
error = ej.ErrorNeurons()
_, (positive, negative) = jax.lax.scan(
    lambda state, now: error.step(state, *now),
    error.init_state((1,)),
    (jnp.asarray(label[:, None]), jnp.asarray(output[:, None])),
)
positive, negative = np.asarray(positive[:, 0]), np.asarray(negative[:, 0])
assert positive[:40].sum() > 5
assert positive[44:80].sum() + negative[44:80].sum() == 0
assert negative[80:].sum() > 5

figure, axis = plt.subplots(figsize=(6.5, 2.4), layout="constrained")
rows = {"label": label, "output": output, "E+": positive, "E-": negative}
for row, (train, colour) in enumerate(zip(rows.values(), (INK, INK, BLUE, ORANGE), strict=True)):
    axis.vlines(np.flatnonzero(train), 3 - row - 0.35, 3 - row + 0.35, color=colour)
axis.set(xlabel="time (ticks)", yticks=range(4), yticklabels=list(rows)[::-1], xlim=(-2, 121))
plt.close(figure)
figure
# %% [markdown]
# ## Dendrite
# The error spikes reach every hidden neuron through fixed random weights $g$ and are summed by a dendritic
# compartment:
#
# $$
# U[t] = e^{-1/\tau_U} U[t-1] + \sum_k g_k \left( s_k^{E+}[t] - s_k^{E-}[t] \right)
# $$
#
# $U$ never drives a spike. It only sets the sign and size of the weight change at the synapses of that neuron.

# %%
dendrite = ej.Dendrite(tau=5.0)
difference = jnp.asarray((positive - negative)[:, None])
_, potential = jax.lax.scan(dendrite.step, dendrite.init_state((2,)), difference * jnp.asarray([0.8, -0.5]))

figure, axis = plt.subplots(figsize=(6.5, 2.6), layout="constrained")
axis.plot(potential[:, 0], color=BLUE, label="g = 0.8")
axis.plot(potential[:, 1], color=ORANGE, linestyle="--", label="g = -0.5")
axis.axhline(0.0, color=INK, linewidth=0.5)
axis.set(xlabel="time (ticks)", ylabel="dendritic potential U\n(units of g)")
figure.legend(frameon=False, fontsize=8, loc="outside upper right", ncols=2)
plt.close(figure)
figure

# %% [markdown]
# ## Try next
# - Put another neuron into a network: `ej.mlp(64, 100, 10, neuron=ej.LIF(tau_mem=10.0))` ([training
#   guide](../guides/training.md)).
# - Write your own model in fifteen lines: [own neuron](../guides/own_neuron.md).
# - Watch error neurons train a network: [first network](first_network.py).
# - See all twenty patterns: `python experiments/neuron_gallery.py`.
