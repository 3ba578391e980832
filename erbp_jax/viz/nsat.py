"""Pictures of the fixed-point machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from erbp_jax.viz.figure import colours, plain, pyplot, save

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


def raster(spikes: np.ndarray, bands: Sequence[Band], ticks: int, path: Path) -> Path:
    """Spikes `[K, 3]` (core, tick, neuron), a panel a band; neurons are numbered as their core numbers them."""
    plt = pyplot()
    shown = bands[:PANELS]
    heights = [0.5 + 1.3 * min(band.count, 200) / 200 for band in shown]
    figure, axes = plt.subplots(
        len(shown), 1, figsize=(7.4, 0.8 + sum(heights) + 0.3 * len(shown)), squeeze=False, sharex=True,
        height_ratios=heights, layout="constrained",
    )  # fmt: skip
    names = list(dict.fromkeys(band.name for band in shown))
    for axis, band in zip(axes[:, 0], shown, strict=True):
        end = band.first + band.count
        mine = spikes[(spikes[:, 0] == band.core) & (spikes[:, 2] >= band.first) & (spikes[:, 2] < end)]
        every = -(-len(mine) // MARKS) or 1
        colour = colours()[names.index(band.name) % len(colours())]
        size = float(np.clip(400.0 / band.count, 0.5, 40.0))
        mine = mine[::every]
        axis.scatter(mine[:, 1], mine[:, 2], s=size, marker="|", color=colour, linewidths=0.8, rasterized=True)
        axis.set(xlim=(0, ticks), ylim=(band.first - 0.7, end - 0.3), ylabel="neuron")
        axis.yaxis.set_major_locator(plt.matplotlib.ticker.MaxNLocator(nbins=4, integer=True))
        told = f"{plain(band.name)}, core {band.core}" if band.name else f"core {band.core}"
        told += f": {band.count} neurons" if every == 1 else f": {band.count} neurons, one spike of {every} drawn"
        axis.set_title(told, fontsize=8, loc="left", color=colour)
    axes[-1, 0].set_xlabel("tick")
    if len(bands) > len(shown):
        figure.suptitle(f"the first {len(shown)} of {len(bands)} groups of neurons", fontsize=9, x=0.02, ha="left")
    return save(figure, path)
