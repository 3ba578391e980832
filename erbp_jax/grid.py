"""Numbers of few bits: signed integers times a step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.random import hashed_words, unit_interval

Rounding = Literal["nearest", "stochastic"]


@dataclass(frozen=True)
class Grid:
    r"""Signed integers of `bits` bits times a step.

    .. math:: x = q\, \Delta, \qquad q \in \{-2^{b-1}, \dots, 2^{b-1} - 1\}

    Two's complement, as the fixed-point machine has it; with 2 bits the levels are -2, -1, 0 and 1 steps.

    Raises:
        ValueError: bits outside [2, 16], or a step that is not positive.
    """

    bits: int
    step: float

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 16:
            raise ValueError(f"Grid: bits must be in [2, 16], got {self.bits}")
        if not self.step > 0:
            raise ValueError(f"Grid: step must be > 0, got {self.step}")

    @classmethod
    def reaching(cls, largest: float, bits: int) -> "Grid":
        """The grid whose highest point is `largest`, or above it by less than two percent.

        The step has seven significant bits, so that every point of the grid and every difference of two points is a
        float32: weights that move from point to point stay on the grid exactly.
        """
        levels = 2 ** (max(2, bits) - 1) - 1
        mantissa, exponent = np.frexp(largest / levels)
        return cls(bits, float(np.ldexp(np.ceil(mantissa * 2**7), int(exponent) - 7)))

    @property
    def highest(self) -> float:
        """The largest point."""
        return self.step * (2.0 ** (self.bits - 1) - 1.0)

    def round(self, x: jax.Array, noise: jax.Array | None = None) -> jax.Array:
        r"""The nearest point of the grid, saturating; with `noise`, uniform in [0, 1), stochastic rounding.

        .. math:: q = \mathrm{clip}\left(\lfloor x / \Delta + u \rfloor\right), \qquad E[q] = x / \Delta

        inside the range. Without noise halves go to the even neighbour.
        """
        scaled = x / self.step
        whole = jnp.round(scaled) if noise is None else jnp.floor(scaled + noise)
        top = 2.0 ** (self.bits - 1)
        return self.step * jnp.clip(whole, -top, top - 1.0)

    def stored(self, x: jax.Array) -> jax.Array:
        r"""`round` to the nearest point, with a straight-through derivative: 1 inside the range, 0 beyond.

        .. math:: \frac{\partial q\Delta}{\partial x} := [-2^{b-1} \Delta < x < (2^{b-1} - 1) \Delta]
        """
        inside = jnp.clip(x, -self.highest - self.step, self.highest)
        return jax.lax.stop_gradient(self.round(x)) + (inside - jax.lax.stop_gradient(inside))


Grids = tuple[Grid | None, ...]
"""One a layer; None for layers without weights."""


def on_grid(
    grid: Grid | None, leaves: Mapping[str, jax.Array], layer: int, key: jax.Array | None
) -> dict[str, jax.Array]:
    """The weights of a layer, arrays of any shape, by `Grid.round`; unchanged if the layer has no grid.

    Without a key to the nearest point; with one by stochastic rounding, drawn from the key, the layer and the leaf.
    """

    def noise(leaf: int, shape: tuple[int, ...]) -> jax.Array | None:
        if key is None:
            return None
        return unit_interval(hashed_words(key, layer, leaf, n=int(np.prod(shape))).reshape(shape))

    if grid is None:
        return dict(leaves)
    return {name: grid.round(leaves[name], noise(leaf, leaves[name].shape)) for leaf, name in enumerate(sorted(leaves))}
