"""Recordings of events: an image for each slice of time, and the rate."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.data.events.events import Events
from erbp_jax.viz.figure import ACCENT, colours, plain, save, styled, subplots

SLICES, ROWS = 5, 4


@styled
def draw_events(found: Sequence[tuple[Events, Any]], path: Path) -> Path:
    """Up to four recordings, below one another: where events fell in each fifth of the time, and how many when.

    Of a sensor of more than one row, an image per slice: blue more events of polarity 0, red more of polarity 1. Of one
    row, every event as a dot.
    """
    chosen = [found[i] for i in np.linspace(0, len(found) - 1, min(ROWS, len(found))).astype(int).tolist()]
    figure, axes = subplots(
        len(chosen), SLICES + 1, figsize=(11, 0.6 + 1.9 * len(chosen)), squeeze=False,
        width_ratios=[1] * SLICES + [1.6],
    )  # fmt: skip
    for number, (row, (events, label)) in enumerate(zip(axes, chosen, strict=True)):
        edges = np.linspace(0, max(events.duration, 1), SLICES + 1)
        if events.sensor[0] == 1:
            _dots(row, events)
        else:
            _images(row, events, edges)
        name = "recording" if label is None else f"label {plain(label)}"
        row[0].set_ylabel(f"{name}\nchannel" if events.sensor[0] == 1 else name)
        _rate(row[-1], events, legend=number == 0)
    axes[-1, -1].set_xlabel("time (ms)")
    if chosen[-1][0].sensor[0] == 1:
        axes[-1, 0].set_xlabel("time (ms)")
    if any(e.sensor[0] > 1 and e.sensor[2] == 2 for e, _ in chosen):
        figure.suptitle("blue: more events of polarity 0, red: more of polarity 1", fontsize=9, x=0.01, ha="left")
    return save(figure, path)


def _images(row: Any, events: Events, edges: np.ndarray) -> None:
    height, width, _ = events.sensor
    images = []
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        part = events[(events.t >= start) & (events.t < end)]
        sign = 2 * (part.p > 0) - 1 if events.sensor[2] > 1 else np.ones(len(part))
        images.append(np.bincount(part.y * width + part.x, sign, height * width).reshape(height, width))
    most = max(1.0, np.quantile(np.abs(images), 0.995))
    for panel, image, start, end in zip(row, images, edges[:-1], edges[1:], strict=False):
        panel.imshow(image, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
        panel.set_title(f"{start / 1000:.0f} to {end / 1000:.0f} ms", fontsize=8)
        panel.set(xticks=[], yticks=[])


def _dots(row: Any, events: Events) -> None:
    for panel in row[1:SLICES]:
        panel.remove()
    grid = row[0].get_gridspec()
    row[0].set_subplotspec(grid[row[0].get_subplotspec().rowspan.start, 0:SLICES])
    row[0].plot(events.t / 1000, events.x, ".", ms=2, color="black")
    row[0].set(xlim=(0, max(events.duration / 1000, 1)), ylim=(0, events.sensor[1]))


def _rate(panel: Any, events: Events, *, legend: bool) -> None:
    bins = np.linspace(0, max(events.duration / 1000, 1), 61)
    names = ("polarity 0", "polarity 1") if events.sensor[2] == 2 else ("all events",)
    for p, (name, color) in enumerate(zip(names, (colours()[1], ACCENT), strict=False)):
        chosen = events.t[events.p == p] if len(names) == 2 else events.t
        count, _ = np.histogram(chosen / 1000, bins)
        panel.plot(bins[:-1], count / np.diff(bins), color=color, lw=1, ls=("-", "--")[p], label=name)
    panel.set(xlim=(0, bins[-1]), ylim=(0, None))
    panel.set_ylabel("events per ms", fontsize=8)
    if legend:
        panel.legend(fontsize=7, frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderpad=0)
