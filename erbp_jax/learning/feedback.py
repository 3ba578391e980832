"""Random feedback from the error neurons."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from erbp_jax.random import between


@dataclass(frozen=True)
class RandomFeedback:
    r"""Direct feedback weights G from K error neurons to the N units of a hidden layer, `[K, N]`.

    .. math::
        g_{kn} \sim U(-b, b), \quad b = \mathrm{scale}\,\sqrt{7/(K + N)}, \quad
        g_{kn} \leftarrow g_{kn} - \tfrac1K \sum_{k'} g_{k'n}

    With `zero_sum` (the second step) every unit's feedback sums to zero over the classes, so that an error which all
    classes share moves nothing. With `per_map` all positions of a map share one weight a class: G is `[K, M]` for M
    maps, and a map has one dendrite; a layer without maps stays as it is. Drawn once; never trained, unless a
    readout that learns begins with it.
    Source: published code of Neftci et al. 2017 (which counts all hidden layers' units in N).
    """

    scale: float = 1.0
    zero_sum: bool = True
    per_map: bool = False

    def __post_init__(self) -> None:
        if self.scale < 0:
            raise ValueError(f"RandomFeedback: scale must be >= 0, got {self.scale}")

    def targets(self, shape: tuple[int, ...]) -> int:
        """What an error spike has a weight for, in a layer whose units have this shape: all of them, or its maps."""
        return shape[-1] if self.per_map else math.prod(shape)

    def init(self, key: jax.Array, classes: int, shape: tuple[int, ...], populations: int = 1) -> jax.Array:
        r"""G for a layer whose units have this shape: `[K, N]`, per map `[K, M]`.

        From R `populations` of K error neurons each: `[R K, N]`, one below the other, zero-sum each, with the bound

        .. math:: b_R = b / \sqrt R

        so that independent errors of all of them move a dendrite as much as those of one would.
        """
        bound = self.scale * (7.0 / (populations * (classes + math.prod(shape)))) ** 0.5
        weights = between(key, (populations, classes, self.targets(shape)), -bound, bound)
        weights = weights - weights.mean(1, keepdims=True) if self.zero_sum else weights
        return weights.reshape(populations * classes, -1)


def spread(values: jax.Array, units: int) -> jax.Array:
    """`[..., M] -> [..., N]`: what belongs to a map, at each of its positions (units are flat, the map the fastest)."""
    return values if values.shape[-1] == units else jnp.tile(values, units // values.shape[-1])


def gather(values: jax.Array, maps: int) -> jax.Array:
    """`[..., N] -> [..., M]`, the transpose of `spread`: sums over the positions of each map."""
    return values if values.shape[-1] == maps else values.reshape(*values.shape[:-1], -1, maps).sum(-2)
