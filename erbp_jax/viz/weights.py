"""Weights onto a layer: as images where they come from pixels, else as a matrix."""

from pathlib import Path

import numpy as np

from erbp_jax.viz.figure import WEIGHT, save, styled, subplots, ticker
from erbp_jax.wording import plural

CHANNELS = 4
"""As many channels of an image are drawn side by side; of more, a matrix is drawn."""


def first_layer(weight: np.ndarray, shape: tuple[int, ...], path: Path, most: int = 64) -> Path:
    """The incoming weights `weight[I, O]` of the `most` neurons with the largest norm; one colour scale.

    `shape` is how the I inputs lie: `(H, W)` or `(H, W, C)` for pixels, or what a pooling layer made of them; anything
    else, and an image of one row, has no neighbours to show and is drawn as a matrix.
    """
    channels = shape[2] if len(shape) == 3 else 1
    if len(shape) in (2, 3) and min(shape[:2]) > 1 and channels <= CHANNELS:
        return _images(weight, (shape[0], shape[1]), channels, path, most)
    return _matrix(weight, path, most)


def _strongest(weight: np.ndarray, most: int) -> tuple[np.ndarray, float, str]:
    """Neurons by falling norm, the end of the colour scale, and what they are called."""
    chosen = np.argsort(-np.linalg.norm(weight.astype(np.float64), axis=0), kind="stable")[:most]
    limit = float(np.quantile(np.abs(weight[:, chosen]), 0.995)) or 1.0
    few = len(chosen) < weight.shape[1]
    return chosen, limit, f"the {len(chosen)} strongest of " * few + plural(weight.shape[1], "neuron")


@styled
def _images(weight: np.ndarray, size: tuple[int, int], channels: int, path: Path, most: int) -> Path:
    strongest, limit, of = _strongest(weight, most)
    columns = max(1, int(np.ceil(np.sqrt(len(strongest) / channels))))  # no row but the last is left short
    rows = -(-len(strongest) // columns)
    figsize = (max(0.72 * columns * channels, 2.8), max(0.72 * rows + 0.4, 1.8))
    figure, axes = subplots(rows, columns, figsize=figsize, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    image, (height, width) = None, size
    for axis, unit in zip(axes.flat, strongest, strict=False):
        planes = np.moveaxis(weight[:, unit].reshape(height, width, channels), 2, 0)
        image = axis.imshow(np.hstack(list(planes)), cmap="RdBu_r", vmin=-limit, vmax=limit)
        for edge in range(1, channels):
            axis.axvline(edge * width - 0.5, color="black", linewidth=0.5)
    figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02, label=WEIGHT)
    beside = f", {channels} channels side by side" if channels > 1 else ""
    figure.suptitle(f"incoming weights of {of},\nfrom {height} x {width} inputs{beside}", fontsize=9)
    return save(figure, path)


@styled
def _matrix(weight: np.ndarray, path: Path, most: int) -> Path:
    strongest, limit, of = _strongest(weight, most)
    inputs, shown = weight.shape[0], len(strongest)
    figsize = (min(9.0, max(3.6, 1.8 + 0.11 * inputs)), min(7.0, max(2.2, 1.0 + 0.11 * shown)))
    figure, axis = subplots(figsize=figsize)
    image = axis.imshow(
        weight[:, strongest].T, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest"
    )
    axis.set(xlabel="input", ylabel="neuron, by falling norm of its weights")
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_locator(ticker().MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    figure.colorbar(image, ax=axis, label=WEIGHT)
    axis.set_title(f"incoming weights of {of},\nfrom {plural(inputs, 'input')}", fontsize=9, loc="left")
    return save(figure, path)
