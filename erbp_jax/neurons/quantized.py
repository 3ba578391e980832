"""Neurons and dendrites that store their states in few bits."""

from dataclasses import dataclass, replace
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from erbp_jax.grid import Grid
from erbp_jax.neurons.base import Differentiable, Neuron, Rated
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
    def max_rate(self) -> float:
        return cast(Rated, self.neuron).max_rate

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> Any:
        return self._stored(self.neuron.init_state(shape, dtype))

    def step(self, state: Any, current: jax.Array, *, key: jax.Array | None = None) -> tuple[Any, jax.Array]:
        state, spikes = self.neuron.step(state, current, key=key)
        return self._stored(state), spikes

    def with_surrogate(self, surrogate: Surrogate) -> "QuantizedNeuron":
        return replace(self, neuron=cast(Differentiable, self.neuron).with_surrogate(surrogate))

    def _stored(self, state: Any) -> Any:
        kept = {name: self.grid.stored(x) for name, x in state._asdict().items() if name not in EXACT}
        return state._replace(**kept)


@dataclass(frozen=True)
class QuantizedDendrite(Dendrite):
    """A dendrite whose potential is rounded to a grid after every tick, and saturates."""

    grid: Grid = Grid(16, 2.0**-6)

    def step(self, state: jax.Array, current: jax.Array) -> tuple[jax.Array, jax.Array]:
        potential = self.grid.round(super().step(state, current)[0])
        return potential, potential
