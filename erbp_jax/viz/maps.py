"""Layers of maps as pictures: their kernels, and what one digit makes of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from erbp_jax.viz.figure import dashes, plain, save, styled, subplots, ticker
from erbp_jax.wording import plural

MOST_MAPS, MOST_BELOW = 48, 32
"""Maps of a layer that are drawn, and maps before it."""


@styled
def kernels(weights: Sequence[np.ndarray], path: Path) -> Path:
    """The kernels `weight[k, k, C, O]` of every convolution: a row per presynaptic map, a column per map; a colour
    scale for each layer."""
    every, weights = weights, [w[:, :, :MOST_BELOW, :MOST_MAPS] for w in weights]
    heights = [0.45 * w.shape[2] + 0.5 for w in weights]
    widest = max(0.45 * w.shape[3] for w in weights)
    figure, axes = subplots(
        len(weights),
        1,
        figsize=(max(4.5, widest + 1.6), sum(heights) + 0.4),
        height_ratios=heights,
        squeeze=False,
    )
    for number, (axis, weight, whole) in enumerate(zip(axes[:, 0], weights, every, strict=True), 1):
        size, _, below, maps = weight.shape
        limit = float(np.quantile(np.abs(weight), 0.995)) or 1.0
        picture = mosaic(weight.transpose(2, 3, 0, 1))
        shown = axis.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit)
        caption = f"convolution {number}: {whole.shape[2]} x {whole.shape[3]} kernels of {size} x {size}"
        if weight.shape != whole.shape:
            caption += f", {below} x {maps} of them"
        axis.set_title(caption, fontsize=9, loc="left")
        _count_maps(axis, below, maps, size, size)
        axis.set(xlabel="map", ylabel="presynaptic map" if below > 1 else "input")
        figure.colorbar(shown, ax=axis, pad=0.02, shrink=0.9, label="weight")
    return save(figure, path)


@styled
def feature_maps(image: np.ndarray, spikes: Sequence[np.ndarray], dt: float, path: Path, title: str) -> Path:
    """Spikes `[T, H, W, C]` of every layer of maps: a raster, the units of a map together, and beside it how often each
    place of each map fired; at the end the image `[H, W]`."""
    figure, axes = subplots(
        len(spikes),
        3,
        figsize=(11.6, 3.0 * len(spikes) + 0.3),
        width_ratios=(1, 1.15, 0.22),
        squeeze=False,
    )
    for number, (row, layer) in enumerate(zip(axes, spikes, strict=True), 1):
        ticks, height, width, whole = layer.shape
        layer = layer[..., :MOST_MAPS]
        maps = layer.shape[-1]
        time, unit = np.nonzero(by_map(layer))
        area = height * width
        dashes(row[0], time * dt, unit / area, maps * area, 2.4)
        row[0].set(xlim=(-dt, ticks * dt), ylim=(maps, 0), ylabel="map", xlabel="time (ms)")
        step = -(-maps // 24)
        row[0].set_yticks(np.arange(0, maps, step) + 0.5, np.arange(1, maps + 1, step), fontsize=7)
        row[0].hlines(np.arange(1, maps), -dt, ticks * dt, color="0.85", linewidth=0.5, zorder=0)
        caption = f"layer {number}: {plural(whole, 'map')} of {height} x {width}" + (
            f", the first {maps}" if maps < whole else ""
        )
        row[0].set_title(caption, fontsize=9, loc="left")
        across = int(np.ceil(np.sqrt(2 * maps)))
        grid = np.full((-(-maps // across) * across, height, width), np.nan)
        grid[:maps] = layer.sum(0).transpose(2, 0, 1)
        shown = row[1].imshow(mosaic(grid.reshape(-1, across, height, width)), cmap="magma", vmin=0)
        row[1].axis("off")
        row[1].set_title("spike count at each position, map by map", fontsize=9, loc="left")
        whole_numbers = ticker().MaxNLocator(nbins=6, integer=True)
        figure.colorbar(shown, ax=row[1], pad=0.02, shrink=0.8, label="spikes", ticks=whole_numbers)
    for axis in axes[:, 2]:
        axis.axis("off")
    axes[0, 2].imshow(image, cmap="gray_r", vmin=0, vmax=255)
    axes[0, 2].set_title("input", fontsize=9)
    figure.suptitle(plain(title), x=0.02, ha="left", fontsize=10)
    return save(figure, path)


def by_map(layer: np.ndarray) -> np.ndarray:
    """`[T, H, W, C] -> [T, C * H * W]`: the units of a map together."""
    return np.moveaxis(layer, -1, 1).reshape(len(layer), -1)


def mosaic(pictures: np.ndarray) -> np.ndarray:
    """`[rows, columns, h, w]` as one picture, NaN (drawn as nothing) between them."""
    rows, columns, height, width = pictures.shape
    framed = np.full((rows, columns, height + 1, width + 1), np.nan)
    framed[:, :, :height, :width] = pictures
    return framed.transpose(0, 2, 1, 3).reshape(rows * (height + 1), columns * (width + 1))[:-1, :-1]


def _count_maps(axis, rows: int, columns: int, height: int, width: int) -> None:
    axis.set_xticks(np.arange(columns) * (width + 1) + (width - 1) / 2, np.arange(1, columns + 1), fontsize=7)
    axis.set_yticks(np.arange(rows) * (height + 1) + (height - 1) / 2, np.arange(1, rows + 1), fontsize=7)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
