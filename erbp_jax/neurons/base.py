"""What every neuron model is: a frozen description with a resting state and one tick."""

from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from erbp_jax.neurons.surrogate import Surrogate


@runtime_checkable
class Neuron(Protocol):
    """A neuron model. Hyper-parameters are the fields of a frozen, hashable dataclass (static under `jit`).

    Everything is element-wise in the trailing neuron axis N; leading axes are the caller's (batch, cores).
    A `key` has the shape of the leading axes: `key[B]` for `current[B, N]`, `key[]` for `current[N]`.
    """

    @property
    def max_rate(self) -> float:
        """The highest firing rate, in spikes per tick."""
        ...

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> Any:
        """The resting state of neurons of the given shape `(..., N)`.

        It has at least the fields `synaptic`, the current that a gate reads, and `membrane`, the potential that spikes.
        """
        ...

    def step(self, state: Any, current: jax.Array, *, key: jax.Array | None = None) -> tuple[Any, jax.Array]:
        """One tick: `(state, current[..., N]) -> (state, spikes[..., N])`, spikes float 0 or 1."""
        ...

    def with_surrogate(self, surrogate: Surrogate) -> "Neuron":
        """The same neuron with a differentiable threshold; its spikes are the same."""
        ...


@runtime_checkable
class Differentiable(Protocol):
    def with_surrogate(self, surrogate: Surrogate) -> "Neuron": ...


@runtime_checkable
class Rated(Protocol):
    @property
    def max_rate(self) -> float: ...


@runtime_checkable
class Parametric(Protocol):
    def init(self, shape: tuple[int, ...], key: jax.Array) -> Any: ...
