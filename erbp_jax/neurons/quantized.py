"""Neurons and dendrites that store their states in few bits."""

from dataclasses import dataclass, replace
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from erbp_jax.grid import Grid
from erbp_jax.neurons.base import Neuron, Rated, is_differentiable
from erbp_jax.neurons.dendrite import Dendrite
from erbp_jax.neurons.surrogate import Surrogate

EXACT = ("refractory", "drive")
"""States that are not rounded."""


@dataclass(frozen=True)
class QuantizedNeuron:
    """A neuron whose states are rounded to a grid after every tick, and saturate.

    Order within a tick: the neuron's own (its spikes are decided on the sum before it is stored), then all states but
    the refractory counter and the drive go to the nearest point of the grid. Derivatives pass straight through.
    """

    neuron: Neuron
    grid: Grid

    @property
    def wrapped(self) -> Neuron:
        """The neuron itself, which is asked whether it has a derivative and a highest rate."""
        return self.neuron

    @property
    def max_rate(self) -> float:
        return cast(Rated, self.neuron).max_rate

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> Any:
        return self._stored(self.neuron.init_state(shape, dtype))

    def step(self, state: Any, current: jax.Array, *, key: jax.Array | None = None) -> tuple[Any, jax.Array]:
        state, spikes = self.neuron.step(state, current, key=key)
        return self._stored(state), spikes

    def with_surrogate(self, surrogate: Surrogate) -> "QuantizedNeuron":
        if not is_differentiable(self.neuron):
            raise ValueError(f"QuantizedNeuron: {type(self.neuron).__name__} has no with_surrogate")
        return replace(self, neuron=self.neuron.with_surrogate(surrogate))

    def _stored(self, state: Any) -> Any:
        return jax.tree_util.tree_map_with_path(
            lambda path, x: x if _last(path) in EXACT or not is_real(x) else self.grid.stored(x), state
        )


def on_grid(state: Any) -> list[jax.Array]:
    """The parts of a neuron's state that are rounded: real numbers, but for the exact ones."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return [x for path, x in leaves if _last(path) not in EXACT and is_real(x)]


def is_real(x: Any) -> bool:
    return jnp.issubdtype(jnp.asarray(x).dtype, jnp.floating)


def _last(path: tuple[Any, ...]) -> str:
    """The name of a leaf, whatever the tree is made of."""
    return jax.tree_util.keystr(path[-1:], simple=True)


@dataclass(frozen=True)
class QuantizedDendrite(Dendrite):
    """A dendrite whose potential is rounded to a grid after every tick, and saturates."""

    grid: Grid = Grid(16, 2.0**-6)

    def step(self, state: jax.Array, current: jax.Array) -> tuple[jax.Array, jax.Array]:
        potential = self.grid.round(super().step(state, current)[0])
        return potential, potential
