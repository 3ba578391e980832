"""eRBP restated as a member: presynaptic spike x boxcar of the current x dendritic error."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from erbp_jax.counting import wide, wide_product
from erbp_jax.learning.base import ErrorSpikes
from erbp_jax.learning.erbp import ERBP, ERBPState
from erbp_jax.learning.three_factor.factors import Gate, Spike
from erbp_jax.learning.three_factor.modulators import Modulation, Modulator
from erbp_jax.learning.three_factor.rule import Term, ThreeFactor
from erbp_jax.network import Network, unrolling


@dataclass(frozen=True)
class DendriticError(Modulator):
    r"""The dendritic potentials U of eRBP: leaky integrals of error spikes through fixed random weights.

    Label and output spikes -> error neurons -> dendrites, all as `rule` has them. Source: Neftci et al. 2017.
    """

    rule: ERBP

    def init(self, network: Network, key: jax.Array) -> tuple[jax.Array, ...]:
        return self.rule.init(network, key)

    def init_state(self, network: Network, batch: int) -> Any:
        return self.rule.init_state(network, batch)

    def over(self, network, fixed, state, output, target, ticks):
        label = jax.vmap(lambda t: self.rule.label.spikes(t, target))(ticks)

        def tick(carry, inputs):
            error, dendrites = carry
            error, (positive, negative) = self.rule.error.step(error, *inputs)
            difference = positive - negative
            moved = [
                self.rule.dendrite.step(u, difference @ weights) for u, weights in zip(dendrites, fixed, strict=True)
            ]
            potentials = tuple(u for u, _ in moved)
            return (error, potentials), (potentials, (positive + negative).sum(-1))

        carry = (state.error, state.dendrites)
        (error, dendrites), (layers, spikes) = jax.lax.scan(tick, carry, (label, output), unroll=unrolling(len(ticks)))
        spikes = spikes.astype(jnp.int32)
        everywhere, both = self.rule.error_fan_out(network)[-1], 2 * label.shape[-1]
        reached = wide_product(spikes, everywhere, both * everywhere)
        incoming = wide(2 * (label + output).sum(-1, dtype=jnp.int32))
        return ERBPState(error, dendrites, state.local), Modulation(layers, ErrorSpikes(spikes, incoming, reached))

    def to_hidden(self, fixed: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        return fixed[:-1]


def erbp(rule: ERBP) -> ThreeFactor:
    r"""The member of the family that makes the same updates as `rule`.

    .. math:: \Delta w_{ij} = U_j\, \Theta(b_{min} < I_j < b_{max})\, s_i

    Raises:
        ValueError: `blank_out_gates_learning`, which looks at single synapses and not at factors of neurons, or local
            readouts, which look at more than the output.
    """
    if any(rule.readouts):
        raise ValueError("erbp: a modulator sees the output alone and has no local errors; use ERBP itself")
    if rule.blank_out_gates_learning:
        raise ValueError("erbp: blank_out_gates_learning is no product of neurons' factors; use ERBP itself")
    terms = tuple((Term(Spike(), Gate(gate)),) for gate in rule.gates)
    return ThreeFactor(terms, DendriticError(rule), burn_in=rule.burn_in)
