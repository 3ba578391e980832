"""Weights that learn on a grid: the last link of an optimiser."""

from collections.abc import Sequence
from typing import Any

import jax
import optax

from erbp_jax.config.build_precision import weight_grids
from erbp_jax.config.schema import Precision
from erbp_jax.grid import Grid, Rounding, on_grid
from erbp_jax.network import Network


def grid_link(section: Precision, network: Network) -> optax.GradientTransformation | None:
    """What keeps weights on their layers' grids, if the config wants that: the last link of an optimiser."""
    return None if section.weight_bits is None else keep_on_grid(weight_grids(section, network), section.rounding)


def keep_on_grid(grids: Sequence[Grid | None], rounding: Rounding) -> optax.GradientTransformationExtraArgs:
    """The last link of a chain of optax transformations: it leads the weights of every layer along a grid.

    What comes in is the step that would be made; what goes out leads from the weight to a point of its layer's grid,
    `round(w + step) - w`, saturating. Weights that are not on the grid yet come to it with the first step. Rounding to
    nearest loses steps below half a point; stochastic rounding keeps them in the mean, down to 2^-24 of a point. It
    draws from the `key` that the update is given: a function of that key, the layer and the leaf.

    Raises:
        ValueError: on update, no parameters, or stochastic rounding without a key.
    """

    def init(params: Any) -> optax.EmptyState:
        del params
        return optax.EmptyState()

    def update(updates: Any, state: Any, params: Any = None, *, key: jax.Array | None = None, **_: Any):
        if params is None or (rounding == "stochastic" and key is None):
            raise ValueError("keep_on_grid: needs the parameters, and a key for stochastic rounding")
        moved, draws = [], None if rounding == "nearest" else key
        layers = zip(grids, updates.projections, params.projections, strict=True)
        for layer, (grid, step, weights) in enumerate(layers):
            if grid is None:
                moved.append(dict(step))
                continue
            new = on_grid(grid, {name: weights[name] + step[name] for name in step}, layer, draws)
            moved.append({name: new[name] - weights[name] for name in step})
        return updates._replace(projections=tuple(moved)), state

    return optax.GradientTransformationExtraArgs(init, update)
