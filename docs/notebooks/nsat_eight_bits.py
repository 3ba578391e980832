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
# # NSAT: eight bits, integer for integer
#
# NSAT is the neuromorphic core of Emre Neftci's talk "Event-Driven Random Backpropagation: Enabling Neuromorphic Deep
# Learning Machines". It has no multiplier and no floating point, only 16-bit states, 8-bit weights, shifts and
# additions. `erbp_jax.nsat` reproduces it integer for integer. You will compute a neuron by hand and on the machine,
# replay a recorded run, look at randomised rounding and blank-out synapses, and compile a trained network. The
# notebook runs in about forty seconds on one core.

# %%
from dataclasses import replace

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import erbp_jax as ej
from erbp_jax.nsat.agreement import agreement
from erbp_jax.nsat.compile import compile_network
from erbp_jax.nsat.files import Expected, Fixture
from erbp_jax.nsat.program import NO_ROUTES, Program, all_to_all, core
from erbp_jax.nsat.replay import first_mismatch, replay, simulate
from erbp_jax.nsat.shifts import round_randomly

# %% [markdown]
# ## A neuron of shifts
# A leak of $1 - 2^{-4}$ per tick is a shift by four bits and a subtraction. The input of a spike arrives one tick
# later:
#
# $$
# x[t] = x[t-1] - \max(1, |x[t-1]| \gg 4)\,\mathrm{sgn}\,x[t-1] + w\, s[t-1], \qquad
# x \ge 400 \Rightarrow \text{spike}, \; x \leftarrow 0
# $$
#
# The leak subtracts at least 1, so a state decays to exactly 0. This is the neuron as a program for the machine:

# %%
TICKS, WEIGHT, THRESHOLD = 120, 90, 400
arrivals = np.flatnonzero(np.random.default_rng(0).random(TICKS - 1) < 0.35) + 1  # ticks count from 1
neuron = core(
    inputs=1,
    coupling=[[[-4]]],  # exponent of the leak
    coupling_sign=[[[-1]]],
    threshold=[THRESHOLD],
    reset=[[0]],
    reset_on=[[1]],
    initial=[[0]],
    group=[0],
    synapses=all_to_all([0], [0], external=True, state=0, weight=0),
    weights=[WEIGHT],
    events=np.stack([arrivals, np.zeros_like(arrivals)], 1),
)
program = Program((neuron,), NO_ROUTES)
outcome = simulate(program, TICKS)[0]

# %% [markdown]
# This is the same computation by hand, in Python integers:


# %%
def by_hand(arrivals):
    """States [T, 1, 1] and spikes [K, 2] (tick, neuron)."""
    states, spikes, x, arriving = [0], [], 0, 0
    for t in range(1, TICKS):
        leak = max(1, abs(x) >> 4) if x else 0
        x = x - leak * (1 if x > 0 else -1) + arriving
        arriving = WEIGHT * int(t in arrivals)
        if x >= THRESHOLD:
            spikes.append((t, 0))
            x = 0
        states.append(x)
    return np.array(states, np.int32)[:, None, None], np.array(spikes, np.int32)


states, spikes = by_hand(set(arrivals.tolist()))
assert (states == outcome.states).all()
assert (spikes == outcome.spikes).all()

figure, axis = plt.subplots(figsize=(6.5, 2.8), layout="constrained")
axis.step(range(TICKS), outcome.states[:, 0, 0], where="post", color="#1b2733", linewidth=1)
axis.axhline(THRESHOLD, color="#c2410c", linestyle="--", linewidth=1)
axis.text(0, THRESHOLD + 8, "threshold", color="#c2410c", fontsize=8)
axis.vlines(outcome.spikes[:, 0], THRESHOLD, THRESHOLD + 60, color="#1b2733")
axis.set(xlabel="time (ticks)", ylabel="state x (integer)", ylim=(-10, 480))
plt.close(figure)
figure
# %% [markdown]
# ## Replay
# A program file can hold the results of another machine: states, spikes, weights and random draws. `replay` runs the
# program again, and `first_mismatch` finds the first integer that differs. The tests of the package replay the
# published vectors of the NSAT authors' simulator in this way. Here the reference is the trace computed by hand.

# %%
expected = Expected(states, spikes, None, None, None, None, None)
fixture = Fixture(program, TICKS, (expected,), {})
outcomes = replay([fixture])[0]
assert first_mismatch(fixture, outcomes) is None

wrong = states.copy()
wrong[60, 0, 0] += 1
found = first_mismatch(replace(fixture, expected=(replace(expected, states=wrong),)), outcomes)
assert found is not None
assert found.tick == 60
print(found)

# %% [markdown]
# ## Randomised rounding
# A weight change must be a whole number, and most changes of a slow learner are less than one. Truncation loses them
# all. Randomised rounding rounds up with a probability equal to the remainder, so it is correct on average.

# %%
changes, bits, draws = jnp.arange(-40, 41), 4, 4000
uniform = jax.random.randint(jax.random.key(0), (draws, len(changes)), 0, 2**bits)
rounded = np.asarray(round_randomly(changes[None], jnp.int32(bits), uniform)).mean(0)
truncated = np.trunc(np.asarray(changes) / 2**bits)
assert np.abs(rounded - np.asarray(changes) / 2**bits).max() < 0.05

figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
axis.plot(changes, truncated, color="#8a97a5", drawstyle="steps-mid", label="truncated")
axis.plot(changes, rounded, ".", color="#0072b2", label=f"randomised, mean of {draws:,}")
axis.set(xlabel="change before rounding (sixteenths of a weight step)", ylabel="change of the weight\n(weight steps)")
figure.legend(frameon=False, fontsize=8, loc="outside upper right", ncols=2)
plt.close(figure)
figure
# %% [markdown]
# ## Blank-out synapses
# A synapse that transmits with probability $p/15$ makes the neuron stochastic, and peRBP needs no other noise. Below,
# 300 copies of the neuron without a threshold receive the same input through synapses with $p = 9$.

# %%
COPIES = 300
copies = core(
    inputs=1,
    coupling=[[[-4]]],
    coupling_sign=[[[-1]]],
    threshold=[2**20],
    probability=[[9]],
    initial=np.zeros((COPIES, 1), np.int32),
    group=np.zeros(COPIES, np.int32),
    synapses=all_to_all([0], range(COPIES), external=True, state=0, weight=0),
    weights=np.full(COPIES, WEIGHT, np.int32),
    events=neuron.events,
)
blanked = simulate(Program((copies,), NO_ROUTES), TICKS, seed=1)[0].states[:, :, 0]
certain = simulate(
    Program((replace(copies, arrays={**copies.arrays, "probability": np.array([[15]])}),), NO_ROUTES), TICKS
)
ratio = blanked[20:].mean() / certain[0].states[20:].mean()
assert abs(ratio - 9 / 15) < 0.05
print(f"mean state with blank-out / without: {ratio:.2f}; 9/15 = {9 / 15:.2f}")

figure, axis = plt.subplots(figsize=(6.5, 3), layout="constrained")
axis.plot(certain[0].states[:, 0, 0], color="#1b2733", linestyle="--", label="every spike transmitted")
axis.plot(blanked[:, :5], color="#56b4e9", linewidth=0.7)
axis.plot(blanked.mean(1), color="#0072b2", label=f"blank-out: mean of {COPIES} copies (thin: five of them)")
axis.set(xlabel="time (ticks)", ylabel="state x (integer)")
figure.legend(frameon=False, fontsize=8, loc="outside upper right", ncols=2)
plt.close(figure)
figure
# %% [markdown]
# ## A trained network on the machine
# The compiler turns a trained network of `LIF` neurons into a program: leaks become shifts, and weights become 8-bit
# integers with one scale per layer. The neurons below have leaks of 1/2 and 3/4 per tick, which shifts express
# exactly.

# %%
data = ej.data.load("digits")
network = ej.mlp(64, 100, 10, neuron=ej.LIF(tau_mem=2.0, tau_syn=4.0, integration="euler"))
rule = ej.ERBP.default(network, rate_penalty=(0.3,))
encoder = ej.Regular(0.25)
model = ej.fit(
    network, rule, data, epochs=4, batch_size=20, steps=40, learning_rate=3e-3, encoder=encoder, progress=False
)
weights = [np.asarray(projection["weight"]) for projection in model.params.trained.projections]
compiled = compile_network(network, weights, bits=8)
for index, layer in enumerate(compiled.layers):
    print(
        f"layer {index}: {layer.units} neurons, threshold {layer.threshold}, current x{layer.current_leak.factor} and "
        f"membrane x{layer.membrane_leak.factor} per tick, {100 * layer.vanished:.1f} % of the weights become 0"
    )
low, high = compiled.program.cores[0].weight_limits
assert (low, high) == (-128, 127)

# %% [markdown]
# The distributions of the floating-point and integer weights:

# %%
figure, axes = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
integers = compiled.program.cores[0].weights
axes[0].hist(weights[0].ravel(), 60, color="#8a97a5")
axes[0].set(xlabel="weight (thresholds), floats", ylabel="synapses, input to hidden")
axes[1].hist(integers[: weights[0].size], np.arange(-128, 129, 4), color="#0072b2")
axes[1].set(xlabel="weight (integer), 8 bits", xticks=(-128, -64, 0, 64, 127))
plt.close(figure)
figure
# %% [markdown]
# Both networks receive the same input spikes for 200 test digits. `agreement` counts spikes in every layer and
# compares decisions.

# %%
results = {
    bits: agreement(
        network, model.params, compile_network(network, weights, bits=bits), encoder, data.test.x[:200],
        data.test.y[:200], steps=40, key=jax.random.key(3),
    )
    for bits in (8, 3)
}  # fmt: skip
for bits, result in results.items():
    print(
        f"{bits} bits: test error {result.compiled_error:.1f} % (floats {result.float_error:.1f} %), same decision for "
        f"{result.same_decision:.1f} % of the digits, spike counts of the hidden layer correlate by "
        f"{result.correlation[0]:.3f}"
    )
assert results[8].same_decision > 90
assert results[8].correlation[0] > 0.95
assert results[3].correlation[0] < results[8].correlation[0]

# %% [markdown]
# ## Try next
# - Compile a run from the shell: `erbp-jax nsat compile RUN --out program.npz`, then `erbp-jax nsat run program.npz`.
# - Learn inside the machine, in 8-bit weights: `python experiments/nsat_erbp.py`.
# - How each part of a network is compiled: [NSAT guide](../guides/nsat.md).
# - Train with few bits from the start: [cost](../cost.md).
