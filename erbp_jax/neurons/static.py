"""A neuron's static transfer function in place of its dynamics: the rate form of a network."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from erbp_jax.neurons.base import Transfer
from erbp_jax.neurons.surrogate import Surrogate


class StaticState(NamedTuple):
    """State of `Static` after a tick."""

    synaptic: jax.Array  # [..., N] steady synaptic current
    membrane: jax.Array  # [..., N] the same: the membrane has settled
    drive: jax.Array  # [..., N] the membrane minus the neuron's threshold


@dataclass(frozen=True)
class Static:
    """Emits the mean rate of `neuron` under the present input, in spikes per tick, instead of spikes.

    Without memory: a tick is a whole forward pass, and the gradient is the transfer function's own. Nothing is reset,
    so that the state's `drive` is the settled membrane minus the neuron's `threshold` (minus 0 for a model that has no
    field of that name): where it is 0 the membrane without noise would just touch the threshold.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.neurons import LIF, Static
        >>> neuron = Static(LIF(tau_mem=0.0, tau_syn=0.0, refractory=3), smoothing=0.1)
        >>> state, rate = neuron.step(neuron.init_state((2,)), jnp.array([0.0, 5.0]))
        >>> rate.round(2).tolist()
        [0.0, 0.25]

    Raises:
        ValueError: a `smoothing` that is not positive.
    """

    neuron: Transfer
    smoothing: float = 0.5

    def __post_init__(self) -> None:
        if not self.smoothing > 0:
            raise ValueError(f"Static: smoothing must be > 0, got {self.smoothing}")

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> StaticState:
        return self._settled(jnp.zeros(shape, dtype))

    def step(
        self, state: StaticState, current: jax.Array, *, key: jax.Array | None = None
    ) -> tuple[StaticState, jax.Array]:
        del state, key
        synaptic = self.neuron.steady_current(current)
        return self._settled(synaptic), self.neuron.rate(synaptic, self.smoothing)

    def _settled(self, synaptic: jax.Array) -> StaticState:
        return StaticState(synaptic, synaptic, synaptic - getattr(self.neuron, "threshold", 0.0))

    def with_surrogate(self, surrogate: Surrogate) -> "Static":
        del surrogate  # differentiable as it is
        return self

    @property
    def max_rate(self) -> float:
        return self.neuron.max_rate
