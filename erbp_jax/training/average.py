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

    after the n-th batch; h is the number of batches in `epochs`, at least 1. Leaves have the shapes of the parameters.
    With `grids`, one per projection, the average is stored on them by stochastic rounding, whose draws are a function
    of seed, epoch and batch.

    Source: averaged iterates, Polyak and Juditsky 1992, SIAM J. Control Optim. 30:838.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from erbp_jax.trace import Tree
        >>> from erbp_jax.training.average import Average
        >>> weights = [Tree(({"weight": jnp.array([w])},), ()) for w in (1.0, 3.0)]
        >>> seed, epoch = jnp.uint32(0), jnp.int32(0)
        >>> mean = weights[0]
        >>> for batch, w in enumerate(weights):
        ...     mean = Average(epochs=1.0)(mean, w, seed, epoch, jnp.int32(batch), batches=2)
        >>> mean.projections[0]["weight"].tolist()
        [2.0]
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
