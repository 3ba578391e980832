"""Pictures of the fixed-point machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from erbp_jax.viz.figure import colours, dashes, neuron_axis, plain, save, styled, subplots
from erbp_jax.wording import plural

PANELS = 16
"""At most, in one picture."""
MARKS = 100_000
"""Spikes of a panel, at most; of more every n-th is drawn, and said."""


@dataclass(frozen=True)
class Band:
    """Neurons of one core that belong together: a layer or a part of one, or a parameter group."""

    name: str  # "" for a whole core
    core: int
    first: int
    count: int


@styled
def raster(
    spikes: np.ndarray, bands: Sequence[Band], ticks: int, path: Path, events: Sequence[Band] = (),
    arrived: np.ndarray | None = None,
) -> Path:  # fmt: skip
    """Spikes `[K, 3]` (core, tick, neuron), a panel per band; neurons are numbered as their core numbers them.

    `events` are bands of axons, drawn above from `arrived[E, 3]` (core, tick, axon): what came from outside.
    """
    outside = [*events][: PANELS // 2]
    shown = [*outside, *bands][:PANELS]
    heights = [0.5 + 1.3 * min(band.count, 200) / 200 for band in shown]
    figure, axes = subplots(
        len(shown), 1, figsize=(7.4, 0.8 + sum(heights) + 0.3 * len(shown)), squeeze=False, sharex=True,
        height_ratios=heights,
    )  # fmt: skip
    names = list(dict.fromkeys(band.name for band in shown))
    for number, (axis, band) in enumerate(zip(axes[:, 0], shown, strict=True)):
        end = band.first + band.count
        source = spikes if arrived is None or number >= len(outside) else arrived
        what, mark = ("axons", "event") if number < len(outside) else ("neurons", "spike")
        mine = source[(source[:, 0] == band.core) & (source[:, 2] >= band.first) & (source[:, 2] < end)]
        every = -(-len(mine) // MARKS) or 1
        colour = colours()[names.index(band.name) % len(colours())]
        mine = mine[::every]
        dashes(axis, mine[:, 1], mine[:, 2], band.count, 0.8 * heights[number], colour)
        axis.set(xlim=(0, ticks), ylim=(band.first - 0.7, end - 0.3), ylabel=what[:-1])
        neuron_axis(axis)
        caption = f"{plain(band.name)}, core {band.core}" if band.name else f"core {band.core}"
        caption += f": {band.count} {what if band.count > 1 else what[:-1]}"
        caption += "" if every == 1 else f", one {mark} of {every} drawn"
        axis.set_title(caption, fontsize=8, loc="left", color=colour)
    axes[-1, 0].set_xlabel("tick")
    if (drawn := len(shown) - len(outside)) < len(bands):
        figure.suptitle(f"the first {drawn} of {plural(len(bands), 'group')} of neurons", fontsize=9, x=0.02, ha="left")
    return save(figure, path)
