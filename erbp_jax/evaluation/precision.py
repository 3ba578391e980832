"""Trained weights on grids of few bits."""

from collections.abc import Sequence

import jax
import numpy as np

from erbp_jax.grid import Grid, Grids
from erbp_jax.network import Params


def quantize(params: Params, grids: Sequence[Grid | None]) -> Params:
    """Weights at the nearest points of their layers' grids."""
    pairs = zip(grids, params, strict=True)
    return tuple(layer if grid is None else jax.tree.map(grid.round, layer) for grid, layer in pairs)


def best_grids(params: Params, bits: int) -> Grids:
    """A grid for each layer of trained weights with the least mean squared error, among 40 ranges.

    None for a layer without weights; weights that are all 0 lie on any grid, and get one that reaches 1.
    """
    chosen = []
    for layer in jax.device_get(params):
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
