"""The eRBP neuron as one object: a soma that spikes and a dendrite that only modulates plasticity."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from erbp_jax.neurons.dendrite import Dendrite
from erbp_jax.neurons.lif import LIF, LIFState
from erbp_jax.neurons.surrogate import Surrogate


class TwoCompartmentState(NamedTuple):
    synaptic: jax.Array  # [..., N] synaptic current I of the soma
    membrane: jax.Array  # [..., N] membrane potential V of the soma
    refractory: jax.Array  # [..., N] float, ticks for which the soma is still held
    dendrite: jax.Array  # [..., N] dendritic potential U
    drive: jax.Array  # [..., N] V before the reset minus the threshold


@dataclass(frozen=True)
class TwoCompartment:
    """Soma `LIF` (V, I) beside `Dendrite` (U); the two meet in the learning rule alone.

    Order within a tick: soma, then dendrite. The dual-compartment neuron (`DualCompartmentLIF`) without coupling, its
    synapse on the soma. In a network that learns by eRBP the dendrites are the rule's, so that another rule can train
    the same layers: there a layer's neuron is the soma alone.
    Source: Neftci et al. 2017, Methods.
    """

    soma: LIF = LIF()
    dendrite: Dendrite = Dendrite()

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> TwoCompartmentState:
        return self._together(self.soma.init_state(shape, dtype), self.dendrite.init_state(shape, dtype))

    def step(
        self,
        state: TwoCompartmentState,
        current: jax.Array,
        error_current: jax.Array | float = 0.0,
        *,
        key: jax.Array | None = None,
    ) -> tuple[TwoCompartmentState, jax.Array]:
        soma, spikes = self.soma.step(
            LIFState(state.synaptic, state.membrane, state.refractory, state.drive), current, key=key
        )
        error_current = jnp.broadcast_to(jnp.asarray(error_current, state.dendrite.dtype), state.dendrite.shape)
        dendrite, _ = self.dendrite.step(state.dendrite, error_current)
        return self._together(soma, dendrite), spikes

    @staticmethod
    def _together(soma: LIFState, dendrite: jax.Array) -> TwoCompartmentState:
        return TwoCompartmentState(soma.synaptic, soma.membrane, soma.refractory, dendrite, soma.drive)

    def with_surrogate(self, surrogate: Surrogate) -> "TwoCompartment":
        """The same neuron, differentiable."""
        return replace(self, soma=self.soma.with_surrogate(surrogate))

    @property
    def max_rate(self) -> float:
        """The highest firing rate, in spikes per tick."""
        return self.soma.max_rate
