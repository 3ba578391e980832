"""A neuron's static transfer function in the place of its dynamics: the rate form of a network."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from erbp_jax.neurons.surrogate import Surrogate


class StaticState(NamedTuple):
    synaptic: jax.Array  # [..., N] steady synaptic current
    membrane: jax.Array  # [..., N] the same: the membrane has settled


@runtime_checkable
class Transfer(Protocol):
    """A neuron model that knows its static transfer function."""

    @property
    def max_rate(self) -> float:
        """The highest firing rate, in spikes per tick."""
        ...

    def steady_current(self, current: jax.Array) -> jax.Array:
        """The synaptic current that an input of `current` in every tick settles at."""
        ...

    def rate(self, synaptic: jax.Array, smoothing: float) -> jax.Array:
        """Mean spikes per tick under a constant synaptic current, with threshold noise of scale `smoothing`."""
        ...


@dataclass(frozen=True)
class Static:
    """Emits the mean rate of `neuron` under the present input, in spikes per tick, instead of spikes.

    Without memory: a tick is a whole forward pass, and the gradient is the transfer function's own.
    """

    neuron: Transfer
    smoothing: float = 0.5

    def __post_init__(self) -> None:
        if not self.smoothing > 0:
            raise ValueError(f"Static: smoothing must be > 0, got {self.smoothing}")

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> StaticState:
        zero = jnp.zeros(shape, dtype)
        return StaticState(zero, zero)

    def step(
        self, state: StaticState, current: jax.Array, *, key: jax.Array | None = None
    ) -> tuple[StaticState, jax.Array]:
        del state, key
        synaptic = self.neuron.steady_current(current)
        return StaticState(synaptic, synaptic), self.neuron.rate(synaptic, self.smoothing)

    def with_surrogate(self, surrogate: Surrogate) -> "Static":
        del surrogate  # differentiable as it is
        return self

    @property
    def max_rate(self) -> float:
        return self.neuron.max_rate
