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
# # Digits row by row
#
# A network sees a digit one row of pixels at a time. Its neurons forget within a few ticks, so at the last row
# nothing is left of the first one, unless recurrent spikes preserve it. You will train the same network with and
# without recurrent projections by the same local rule, eRBP, and write your own task on the way. The notebook runs in
# about forty seconds on one core.

# %%
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import optax

import erbp_jax as ej

# %% [markdown]
# ## Input
# An image has eight rows, each shown for four ticks. A pixel is an integrate-and-fire neuron that spikes 0.8 times
# per tick if it is black. The network has only eight inputs, the pixels of the current row.

# %%
HOLD = 4
TICKS = 8 * HOLD
digits = ej.data.load("digits")


def rows(images, rng):
    """Spikes [n, T, 8] of images [n, 64] of bytes."""
    rate = 0.8 * np.asarray(images).reshape(len(images), 8, 1, 8) / 255.0
    turns = np.floor(rng.random((len(images), 8, 1, 8)) + rate * np.arange(HOLD + 1)[:, None])
    return np.diff(turns, axis=2).reshape(len(images), TICKS, 8).astype(np.uint8)


rng = np.random.default_rng(0)
data = ej.dataset(rows(digits.train.x, rng), digits.train.y, rows(digits.test.x, rng), digits.test.y, trains=True)
print(data)

figure, (left, right) = plt.subplots(1, 2, figsize=(6.5, 2.4), width_ratios=(1, 3), layout="constrained")
left.imshow(digits.test.x[0].reshape(8, 8), cmap="gray_r")
left.set(xlabel="column", ylabel="row", xticks=(0, 3, 7), yticks=(0, 3, 7))
when, which = np.nonzero(rows(digits.test.x[:1], np.random.default_rng(0))[0])
right.scatter(when, which, marker="|", s=60, color="#1b2733")
for start in range(0, TICKS, HOLD):
    right.axvline(start - 0.5, color="#8a97a5", linewidth=0.5)
right.set(xlabel="time (ticks)", ylabel="input (column)", yticks=(0, 3, 7), xlim=(-0.5, TICKS - 0.5), ylim=(7.5, -0.5))
plt.close(figure)
figure

# %% [markdown]
# ## Networks
# Both networks have 200 hidden neurons. The recurrent network has four projections from the hidden population to
# itself, with delays of 4, 8, 12 and 16 ticks, so they carry the activity of one to four rows ago. Their weights are
# random and fixed (`plastic=False`); eRBP trains the projections from the input and to the output.


# %%
def network_of(delays):
    """One hidden population; a recurrent projection for each delay."""
    neuron = ej.LIF()  # forgets within four ticks
    return ej.Network(
        {"hidden": neuron, "output": neuron},
        (
            ej.Projection("row", "hidden", ej.Dense(8, 200, gain=2.0)),
            ej.Projection("hidden", "output", ej.Dense(200, 10)),
            *(ej.Projection("hidden", "hidden", ej.Dense(200, 200), delay=delay, plastic=False) for delay in delays),
        ),
    )


networks = {"no recurrence": network_of(()), "recurrent": network_of((4, 8, 12, 16))}

# %% [markdown]
# ## Define your own task
# The first rows do not identify the digit. Output spikes are therefore counted only after half of the rows, and
# learning starts then too (`burn_in`). A task is a dataclass; this one changes what is observed in every block of
# ticks:

# %%
HALF = TICKS // 2


@dataclass(frozen=True)
class SecondHalf(ej.Classification):
    """The most spikes from the middle of the presentation on."""

    def observe(self, network, state, trace, target, ticks):
        counted = (ticks >= HALF).astype(state.dtype)
        return state + (network.output_spikes(trace) * counted[:, None, None]).sum(0)


# %% [markdown]
# ## Learning
# Both networks are trained with the same rule and settings. The optimiser is Adam; any optax transformation can be
# combined with any rule.

# %%
EPOCHS, BATCH, BLOCK = 6, 20, 4
updates = EPOCHS * (len(data.train) // BATCH) * (HALF // BLOCK)
models = {}
for name, network in networks.items():
    rule = ej.ERBP.default(network, feedback_scale=1.0, gates=ej.Boxcar(-4.0, 4.0), label=ej.LabelNeurons(10, period=2))
    models[name] = ej.fit(
        network, rule, data, epochs=EPOCHS, batch_size=BATCH, burn_in=HALF, update_every=BLOCK, task=SecondHalf(),
        optimizer=optax.adam(optax.linear_schedule(1e-2, 5e-4, updates)), progress=False,
    )  # fmt: skip
    print(
        f"{name}: test error {models[name].test_error:.1f} %, hidden rate {models[name].metrics['rates_hz'][1]:.0f} Hz"
    )

# %% [markdown]
# Without recurrence the network sees each of the four rows in isolation. With recurrence it sees every row together
# with the previous ones.

# %%
assert models["recurrent"].test_error < models["no recurrence"].test_error - 5

figure, axis = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
for (name, model), colour, marker, dashes in zip(
    models.items(), ("#8a97a5", "#c2410c"), "so", ("--", "-"), strict=True
):
    errors = [entry["test_error"] for entry in model.history]
    axis.plot(range(1, EPOCHS + 1), errors, color=colour, marker=marker, linestyle=dashes, markersize=4, label=name)
axis.axhline(90, color="black", linestyle=":", linewidth=1, label="chance")
axis.set(xlabel="epoch", ylabel="test error (%)", ylim=(0, 95))
figure.legend(frameon=False, fontsize=8, loc="outside right upper")
plt.close(figure)
figure
# %% [markdown]
# ## Recurrent activity
# The figure shows the recurrent network during one digit. Its hidden layer responds to the current row and to the
# recurrent input from previous rows. Spikes cluster every four ticks, because rows, delays and refractory period all
# have that length.

# %%
models["recurrent"].record(data.test.x[0]).raster(["row", "hidden", "output"])

# %% [markdown]
# ## Why is the recurrence not trained?
# eRBP delivers the *current* error to a neuron, but a recurrent synapse affects later activity. These are the errors
# after 40 epochs on these digits, in another network of 100 neurons (`python experiments/rows.py`, three seeds,
# [results](../results.md)):
#
# | rule | without recurrence, test error (%) | recurrence trained, test error (%) |
# |---|---|---|
# | BP through time | 11.8 | 3.8 |
# | eRBP | 52.8 | 81.1 |
#
# Fixed random recurrence gives a local rule the memory without this credit-assignment problem.
#
# ## Try next
# - Set `plastic=True` and compare the errors.
# - Swap the rule for `ej.BackProp()`, and leave out `optimizer` ([choosing a rule](../guides/choosing_a_rule.md)).
# - Recurrent, lateral and skip projections: [recurrent and delayed](../guides/recurrent_and_delayed.md).
# - Other tasks: [training guide](../guides/training.md).
