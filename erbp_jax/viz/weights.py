"""Weights onto a layer as images."""

from pathlib import Path

import numpy as np

from erbp_jax.viz.figure import WEIGHT, save, styled, subplots
from erbp_jax.wording import plural


@styled
def first_layer(weight: np.ndarray, image_shape: tuple[int, int], path: Path, most: int = 64) -> Path:
    """The incoming weights of the `most` units with the largest norm, `weight[I, O]`; one colour scale.

    `image_shape` is how the I inputs lie: the pixels, or what a pooling layer made of them.
    """
    strongest = np.argsort(-np.linalg.norm(weight.astype(np.float64), axis=0))[:most]
    columns = int(np.ceil(np.sqrt(len(strongest))))  # no row but the last is left short
    rows = -(-len(strongest) // columns)
    limit = float(np.quantile(np.abs(weight[:, strongest]), 0.995)) or 1.0
    size = (max(0.72 * columns, 2.8), max(0.72 * rows + 0.4, 1.8))
    figure, axes = subplots(rows, columns, figsize=size, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    image = None
    for axis, unit in zip(axes.flat, strongest, strict=False):
        image = axis.imshow(weight[:, unit].reshape(image_shape), cmap="RdBu_r", vmin=-limit, vmax=limit)
    figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02, label=WEIGHT)
    few = len(strongest) < weight.shape[1]
    of = f"the {len(strongest)} strongest of " * few + plural(weight.shape[1], "neuron")
    height, width = image_shape
    figure.suptitle(f"incoming weights of {of}, from {height} x {width} inputs", fontsize=9)
    return save(figure, path)
