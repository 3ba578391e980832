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
# # Data from an event camera
#
# An event camera sends no images. Each pixel independently reports when it becomes brighter or darker. A spiking
# network can use such recordings directly, with one spike per event. You will look at recordings of a simulated
# camera, bin them into ticks, train a network on them, and train it again with augmented recordings. No data are
# downloaded. The notebook runs in about forty seconds on one core.

# %%
import matplotlib.pyplot as plt
import numpy as np

import erbp_jax as ej
from erbp_jax.data.events import Recordings, digits_saccades

# %% [markdown]
# ## Recordings
# `digits_saccades` shows scikit-learn's digits to a simulated camera of 16 x 16 pixels, whose gaze moves along the
# three sides of a triangle in 150 ms, as for N-MNIST. A pixel emits an event when the logarithm of its light
# intensity has changed by a threshold.

# %%
found = digits_saccades()
events, label = found.train[0]
print(f"label {label}: {len(events)} events in {events.duration / 1000:.0f} ms, sensor {events.sensor}")
for column in ("t", "x", "y", "p"):
    print(column, getattr(events, column)[:8])

# %% [markdown]
# `t` is in microseconds, `x` and `y` are column and row, and the polarity `p` is 1 where the pixel became brighter.
# The figure shows the three saccades in turn, with darker pixels in blue and brighter ones in red:


# %%
def slices(recordings, edges=(0, 50_000, 100_000, 150_000)):
    """Events between two edges in microseconds: brighter minus darker, one row per recording."""
    figure, grid = plt.subplots(
        len(recordings), 3, figsize=(6, 2 * len(recordings)), layout="constrained", squeeze=False
    )
    for row, (name, one) in zip(grid, recordings.items(), strict=True):
        for axis, start, end in zip(row, edges[:-1], edges[1:], strict=True):
            part = one[(one.t >= start) & (one.t < end)]
            image = np.zeros(one.sensor[:2])
            np.add.at(image, (part.y, part.x), 2 * part.p - 1)
            drawn = axis.imshow(image, cmap="RdBu_r", vmin=-6, vmax=6)
            axis.set(xticks=[0, 5, 10, 15], yticks=[0, 5, 10, 15])
            axis.tick_params(labelsize=7)
        row[0].set_ylabel(f"{name}\nrow (pixels)", fontsize=8)
    for axis, start, end in zip(grid[0], edges[:-1], edges[1:], strict=True):
        axis.set_title(f"{start // 1000} to {end // 1000} ms", fontsize=8)
    for axis in grid[-1]:
        axis.set_xlabel("column (pixels)", fontsize=8)
    figure.colorbar(drawn, ax=grid, label="brighter - darker\n(events)", shrink=0.8)
    plt.close(figure)
    return figure


slices({f"label {label}": events, f"label {found.train[1][1]}": found.train[1][0]})

# %% [markdown]
# This is the event rate over time, by polarity. Events become rare while the gaze changes direction.

# %%
figure, axis = plt.subplots(figsize=(6, 2.6), layout="constrained")
edges = np.arange(0, 151, 2.5)
for polarity, (name, colour, dashes) in enumerate((("darker", "#0072b2", "-"), ("brighter", "#c2410c", "--"))):
    count, _ = np.histogram(events.t[events.p == polarity] / 1000, edges)
    axis.plot(edges[:-1], count / 2.5, color=colour, linestyle=dashes, label=name)
axis.set(xlabel="time (ms)", ylabel="events per ms", ylim=(0, None))
figure.legend(frameon=False, fontsize=8, loc="outside upper right", ncols=2)
plt.close(figure)
figure
# %% [markdown]
# ## From events to ticks
# `Bins` sets the length and number of ticks. An event becomes a spike of the input for its pixel and polarity; a
# second event of the same input in the same tick is merged with the first. Spikes are stored as bits.

# %%
bins = ej.Bins(steps=30, dt=5)
binned = bins(events)
print(f"inputs {bins.shape(events.sensor)}, {bins.bytes_a_tick(events.sensor)} bytes per tick")
print(f"{len(events)} events: {binned.merged} merged, {binned.cut} beyond the window")

# %% [markdown]
# We use 600 training recordings and the 360 recordings of the test set.

# %%
small = Recordings("saccades", [found.train[i] for i in range(600)], found.test, found.sensor)
data = ej.from_recordings(small, bins, progress=False)
data

# %% [markdown]
# ## Training
# The data set has its own encoder, so `fit` needs none, and the length of its ticks, in which rates in Hz are reported.

# %%
network = ej.mlp(*data.sizes(100))


def train(shown, epochs):
    """eRBP on recordings."""
    rule = ej.ERBP.default(network, rate_penalty=(0.1,))
    return ej.fit(network, rule, shown, epochs=epochs, batch_size=20, learning_rate=3e-3, burn_in=0, progress=False)


plain = train(data, epochs=6)
assert plain.test_error < 30
plain.plot()

# %% [markdown]
# This is the input and the response of the network for one recording. Between the saccades the input pauses.

# %%
print("label", data.test.y[0], "- answer", plain.predict(data.test.x[:1])[0])
spikes = np.unpackbits(data.test.x[:1], axis=-1)  # [1, T, inputs], a byte for a bit
seen = ej.record(network, plain.params, spikes, ej.Frames(), steps=bins.steps, dt=bins.dt).of(0)
seen.raster()

# %% [markdown]
# ## Augmentation
# `Augment` makes modified copies of recordings: it drops events, jitters their times, shifts the whole recording by
# some pixels, or mirrors it (not for digits). The original is above, one copy below:

# %%
augment = ej.Augment(copies=3, drop=0.2, jitter=2.0, shift=1)
copy = augment(events, np.random.default_rng(0))
assert len(copy) < len(events)
slices({"original": events, "copy": copy})

# %% [markdown]
# Training on each recording and three copies of it, for a quarter of the epochs, presents as many recordings as
# before.

# %%
augmented = train(ej.from_recordings(small, bins, augment=augment, progress=False), epochs=3)
print(f"test error {plain.test_error:.1f} % without and {augmented.test_error:.1f} % with augmented recordings")
assert augmented.test_error < 35

# %% [markdown]
# Augmentation improves robustness. Here the test recordings are shifted by up to one pixel and lose a fifth of their
# events, as the copies do.

# %%
rng = np.random.default_rng(1)
moved = Recordings("moved", small.train, [(augment(one, rng), label) for one, label in small.test], small.sensor)
harder = ej.from_recordings(moved, bins, progress=False)
errors = {name: model.evaluate(harder)["error"] for name, model in (("plain", plain), ("augmented", augmented))}
print(errors)
assert errors["augmented"] < errors["plain"]

figure, axis = plt.subplots(figsize=(4.5, 3), layout="constrained")
place = np.arange(2)
axis.bar(place - 0.2, [plain.test_error, errors["plain"]], 0.4, color="#8a97a5", label="trained without")
axis.bar(
    place + 0.2, [augmented.test_error, errors["augmented"]], 0.4, color="#c2410c", hatch="//", label="trained with"
)
axis.set(xticks=place, xticklabels=["test recordings", "moved, a fifth left out"], ylabel="test error (%)")
figure.legend(frameon=False, fontsize=8, loc="outside upper right", ncols=2)
plt.close(figure)
figure

# %% [markdown]
# ## Try next
# - Read N-MNIST, SHD or DVSGesture from a folder: `erbp_jax.data.events.recordings(folder)` ([event data
#   guide](../guides/events.md)).
# - Your own camera: `ej.Events(t, x, y, p, sensor=(height, width, 2))`.
# - The same data from the shell: `erbp-jax compare configs/saccades/512_100_10.yaml --seeds 3`.
# - Recordings without images, row by row: [digits row by row](digits_row_by_row.py).
