"""An exponential moving average of the weights, which tests take in place of the weights themselves."""

from dataclasses import dataclass
from typing import cast

import jax
import jax.numpy as jnp
import optax

from erbp_jax.grid import Grids, on_grid
from erbp_jax.random import Stream, root_key
from erbp_jax.trace import Tree

BITS = 16
"""Of the average of weights that learn on a grid of fewer bits."""


@dataclass(frozen=True)
class Average:
    r"""The mean over all batches at first, then an exponential moving average over `epochs`.

    .. math:: \bar w_n = \bar w_{n-1} + (w_n - \bar w_{n-1}) / \min(n, h)

    after the n-th batch; h is the number of batches in `epochs`, at least 1. With `grids`, one a layer, the average is
    kept on them by stochastic rounding, whose draws are a function of seed, epoch and batch.
    """

    epochs: float
    grids: Grids | None = None

    def __call__(
        self, mean: Tree, params: Tree, seed: jax.Array, epoch: jax.Array, batch: jax.Array, batches: int
    ) -> Tree:
        """The average with the weights after one more batch."""
        seen = (epoch * batches + batch + 1).astype(jnp.float32)
        share = 1.0 / jnp.minimum(seen, max(1.0, self.epochs * batches))
        new = cast(Tree, optax.incremental_update(params, mean, share))
        if self.grids is None:
            return new
        key = jax.random.fold_in(jax.random.fold_in(root_key(seed, Stream.AVERAGE), epoch), batch)
        layers = zip(self.grids, new.projections, strict=True)
        return new._replace(projections=tuple(on_grid(grid, w, at, key) for at, (grid, w) in enumerate(layers)))
