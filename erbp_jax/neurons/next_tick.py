"""A synaptic latency of one tick in front of any neuron."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from erbp_jax.neurons.base import Neuron
from erbp_jax.neurons.surrogate import Surrogate


class NextTickState(NamedTuple):
    neuron: Any  # of the neuron behind the latency
    waiting: jax.Array  # [..., N] input of the last tick
    synaptic: jax.Array  # [..., N] the neuron's
    membrane: jax.Array  # [..., N] the neuron's


@dataclass(frozen=True)
class NextTick:
    """A neuron whose input of tick t reaches it in tick t + 1.

    A `Layer`'s delay moves the presynaptic spikes that a rule sees to their arrival; here the rule sees them when they
    are fired, so that a spike and the postsynaptic one it causes are one tick apart, the causal way round.
    """

    neuron: Neuron

    @property
    def max_rate(self) -> float:
        """The highest firing rate, in spikes per tick."""
        return self.neuron.max_rate

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> NextTickState:
        state = self.neuron.init_state(shape, dtype)
        return NextTickState(state, jnp.zeros(shape, dtype), state.synaptic, state.membrane)

    def step(
        self, state: NextTickState, current: jax.Array, *, key: jax.Array | None = None
    ) -> tuple[NextTickState, jax.Array]:
        neuron, spikes = self.neuron.step(state.neuron, state.waiting, key=key)
        return NextTickState(neuron, current, neuron.synaptic, neuron.membrane), spikes

    def with_surrogate(self, surrogate: Surrogate) -> "NextTick":
        """The same neuron, differentiable."""
        return replace(self, neuron=self.neuron.with_surrogate(surrogate))
