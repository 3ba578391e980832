"""The neuron that dendritic prediction was published with (Urbanczik and Senn 2014)."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.learning.three_factor.factors import Signals
from erbp_jax.learning.three_factor.urbanczik_senn import PSP, Logistic
from erbp_jax.neurons.firing import decay
from erbp_jax.random import between


class CompartmentState(NamedTuple):
    soma: jax.Array  # [..., N] U
    slow: jax.Array  # [..., N] dendritic potential, the two parts of its kernel
    fast: jax.Array  # [..., N]


@dataclass(frozen=True)
class TeacherNeuron:
    r"""A soma that a dendrite drives and a teacher nudges.

    .. math::
        \dot U = -g_L U + g_D (V_w - U) + g_E (E_E - U) + g_I (E_I - U), \quad
        V_w = \sum_i w_i\, PSP_i, \quad V^* = \frac{g_D}{g_D + g_L} V_w

    Spikes are Bernoulli with phi(U) a tick. Conductances in 1/tick (capacitance 1); U exactly for conductances that are
    constant over a tick. Order within a tick: dendrite, soma, spike. Potentials as in `Logistic`.
    Source: Urbanczik and Senn 2014.
    """

    rate: Logistic = Logistic()
    psp: PSP = PSP()
    leak: float = 0.1
    coupling: float = 2.0
    excitatory: float = 14.0 / 3.0
    inhibitory: float = -1.0 / 3.0

    def init_state(self, shape: tuple[int, ...]) -> CompartmentState:
        zero = jnp.zeros(shape, jnp.float32)
        return CompartmentState(zero, zero, zero)

    def step(
        self, state: CompartmentState, current: jax.Array, g_e: jax.Array, g_i: jax.Array, *, key: jax.Array
    ) -> tuple[CompartmentState, Signals]:
        """`current[N]`, weights of arriving spikes, and the teacher's conductances `[N]` -> spikes S, V* and U."""
        p = self.psp
        slow = decay(p.tau_leak) * state.slow + current
        fast = decay(p.tau_syn) * state.fast + current
        dendrite = (slow - fast) * (p.tau_leak / (p.tau_leak - p.tau_syn))
        total = self.leak + self.coupling + g_e + g_i
        rest = (self.coupling * dendrite + g_e * self.excitatory + g_i * self.inhibitory) / total
        soma = rest + (state.soma - rest) * jnp.exp(-total)
        predicted = dendrite * (self.coupling / (self.coupling + self.leak))
        spikes = between(key, soma.shape) < self.rate(soma)
        return CompartmentState(soma, slow, fast), Signals(spikes.astype(jnp.float32), predicted, soma)

    def matching(self, target: jax.Array, strength: float) -> tuple[jax.Array, jax.Array]:
        """Conductances `(g_E, g_I)` of total `strength` whose own equilibrium is the potential `target`."""
        share = (target - self.inhibitory) / (self.excitatory - self.inhibitory)
        return strength * share, strength * (1.0 - share)


def low_pass(trace: jax.Array, change: jax.Array, tau: float) -> jax.Array:
    """`z[t] = exp(-1/tau) z[t-1] + e[t] / tau`, the eligibility of `ThreeFactor`."""
    return math.exp(-1.0 / tau) * trace + change / tau
