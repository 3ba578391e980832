"""Weights on a grid of few bits, states in few bits: during learning and after it."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.typing import DTypeLike

from erbp_jax.network import Layer, Network, Params
from erbp_jax.neurons import Neuron, Surrogate
from erbp_jax.random import uniform

Rounding = Literal["nearest", "stochastic"]


@dataclass(frozen=True)
class Grid:
    r"""Signed integers of `bits` bits times a step.

    .. math:: w = q\, \Delta, \qquad q \in \{-2^{b-1}, \dots, 2^{b-1} - 1\}

    Two's complement, as the fixed-point machine has it; with 2 bits the levels are -2, -1, 0, 1 steps.

    Raises:
        ValueError: fewer than 2 or more than 24 bits (float32 holds no more), or a step that is not positive.
    """

    bits: int
    step: float

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 24:
            raise ValueError(f"Grid: bits must be in [2, 24], got {self.bits}")
        if not self.step > 0:
            raise ValueError(f"Grid: step must be > 0, got {self.step}")

    @property
    def low(self) -> float:
        return -(2.0 ** (self.bits - 1)) * self.step

    @property
    def high(self) -> float:
        return (2.0 ** (self.bits - 1) - 1.0) * self.step

    def round(self, x: jax.Array, noise: jax.Array | None = None) -> jax.Array:
        r"""The nearest point of the grid, saturating; with `noise`, uniform in [0, 1), stochastic rounding.

        .. math:: q = \mathrm{clip}\left(\lfloor x / \Delta + u \rfloor\right), \qquad E[q] = x / \Delta

        inside the range. Halves go to the even neighbour without noise.
        """
        scaled = x / self.step
        whole = jnp.round(scaled) if noise is None else jnp.floor(scaled + noise)
        return self.step * jnp.clip(whole, -(2.0 ** (self.bits - 1)), 2.0 ** (self.bits - 1) - 1.0)


def grid_for(largest: float, bits: int) -> Grid:
    """The grid whose highest point is `largest`."""
    return Grid(bits, largest / (2.0 ** (bits - 1) - 1.0))


class OnGridState(NamedTuple):
    key: jax.Array  # [] what stochastic rounding draws from
    count: jax.Array  # [] int32, updates so far


def keep_on_grid(grids: tuple[Grid, ...], rounding: Rounding, key: jax.Array) -> optax.GradientTransformation:
    """The last link of a chain of optax transformations: weights that are on their layer's grid stay on it.

    What comes in is the update that would be applied; what goes out leads from the weight to a point of the grid:
    `round(w + u) - w`. Both are multiples of the step, so that no drift builds up. Rounding to nearest loses updates
    below half a step; stochastic rounding keeps them in the mean. The random numbers are functions of `key`, the number of
    the update, the layer and the leaf.
    """

    def init(params: Params) -> OnGridState:
        del params
        return OnGridState(key, jnp.int32(0))

    def update(updates: Any, state: OnGridState, params: Any = None) -> tuple[Any, OnGridState]:
        if params is None:
            raise ValueError("keep_on_grid: needs the parameters")
        drawn = jax.random.fold_in(state.key, state.count)
        out = []
        for i, (grid, steps, weights) in enumerate(zip(grids, updates, params, strict=True)):
            layer = {}
            for j, name in enumerate(sorted(steps)):
                noise = None
                if rounding == "stochastic":
                    leaf = jax.random.fold_in(jax.random.fold_in(drawn, i), j)
                    noise = uniform(leaf, weights[name].shape)
                layer[name] = grid.round(weights[name] + steps[name], noise) - weights[name]
            out.append(layer)
        return tuple(out), OnGridState(state.key, state.count + 1)

    return optax.GradientTransformation(init, update)


def quantize(params: Params, grids: tuple[Grid, ...]) -> Params:
    """Weights at the nearest points of their layers' grids."""
    return tuple(jax.tree.map(grid.round, layer) for grid, layer in zip(grids, params, strict=True))
