"""Trained weights on grids of few bits."""

from collections.abc import Sequence

import jax
import numpy as np

from erbp_jax.grid import Grid, Grids
from erbp_jax.trace import Tree


def quantize(params: Tree, grids: Sequence[Grid | None]) -> Tree:
    """Weights at the nearest points of their layers' grids."""
    pairs = zip(grids, params.projections, strict=True)
    rounded = (layer if grid is None else jax.tree.map(grid.round, layer) for grid, layer in pairs)
    return params._replace(projections=tuple(rounded))


def best_grids(params: Tree, bits: int) -> Grids:
    """A grid for each layer of trained weights with the least mean squared error, among 40 ranges.

    None for a layer without weights; weights that are all 0 lie on any grid, and get one that reaches 1.
    """
    chosen = []
    for layer in jax.device_get(params.projections):
        if not layer:
            chosen.append(None)
            continue
        weights = np.concatenate([np.asarray(w).ravel() for w in layer.values()])
        largest = float(np.abs(weights).max()) or 1.0
        candidates = [Grid.reaching(largest * part / 40, bits) for part in range(1, 41)]
        top = 2.0 ** (bits - 1)
        errors = [
            float(np.mean((g.step * np.clip(np.round(weights / g.step), -top, top - 1) - weights) ** 2))
            for g in candidates
        ]
        chosen.append(candidates[int(np.argmin(errors))])
    return tuple(chosen)
