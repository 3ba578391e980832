"""The eRBP neuron as one object: a soma that spikes and a dendrite that only modulates plasticity."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.neurons.dendrite import Dendrite
from erbp_jax.neurons.lif import LIF, LIFState


class TwoCompartmentState(NamedTuple):
    soma: LIFState  # each field [..., N]
    dendrite: jax.Array  # [..., N] dendritic potential U


@dataclass(frozen=True)
class TwoCompartment:
    """Soma `LIF` (V, I) beside `Dendrite` (U); the two meet in the learning rule alone.

    Inside a network the soma belongs to the layer and the dendrite to the rule, so that a gradient rule can train the
    same layers; this class is the whole neuron, for looking at one. Order within a tick: soma, then dendrite.
    Source: Neftci et al. 2017, Methods.
    """

    soma: LIF = LIF()
    dendrite: Dendrite = Dendrite()

    def init_state(self, shape: tuple[int, ...]) -> TwoCompartmentState:
        return TwoCompartmentState(self.soma.init_state(shape), self.dendrite.init_state(shape))

    def step(
        self,
        state: TwoCompartmentState,
        current: jax.Array,
        error_current: jax.Array | float = 0.0,
        *,
        key: jax.Array | None = None,
    ) -> tuple[TwoCompartmentState, jax.Array]:
        soma, spikes = self.soma.step(state.soma, current, key=key)
        error_current = jnp.broadcast_to(jnp.asarray(error_current, state.dendrite.dtype), state.dendrite.shape)
        dendrite, _ = self.dendrite.step(state.dendrite, error_current)
        return TwoCompartmentState(soma, dendrite), spikes
