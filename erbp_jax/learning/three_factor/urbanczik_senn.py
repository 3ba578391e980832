"""Dendritic prediction of somatic spiking (Urbanczik and Senn 2014)."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.learning.three_factor.factors import Factor, Signals
from erbp_jax.learning.three_factor.rule import Term
from erbp_jax.neurons.firing import decay
from erbp_jax.random import between


@dataclass(frozen=True)
class Logistic:
    r"""The rate function.

    .. math:: \phi(u) = \frac{\phi_{max}}{1 + k e^{\beta (\theta - u)}}, \qquad
        h(u) = \frac{\phi'(u)}{\phi(u)} = \frac{\beta}{1 + k^{-1} e^{-\beta(\theta - u)}}

    phi in spikes a tick; u, theta in the unit of the membrane (dimensionless: rest 0, mean excitation near 1).
    """

    maximum: float = 0.15
    k: float = 0.5
    beta: float = 5.0
    theta: float = 1.0

    def __call__(self, u: jax.Array) -> jax.Array:
        return self.maximum / (1.0 + self.k * jnp.exp(self.beta * (self.theta - u)))

    def sensitivity(self, u: jax.Array) -> jax.Array:
        """h(u)."""
        return self.beta / (1.0 + jnp.exp(-self.beta * (self.theta - u)) / self.k)


class PSPState(NamedTuple):
    slow: jax.Array  # [..., N]
    fast: jax.Array  # [..., N]


@dataclass(frozen=True)
class PSP(Factor):
    r"""The postsynaptic potential that a unit weight would make: `(e^{-t/tau_L} - e^{-t/tau_s}) tau_L / (tau_L -
    tau_s)`.

    Time constants in ticks. Raises ValueError: they are equal or not positive.
    """

    tau_leak: float = 10.0
    tau_syn: float = 3.0

    def __post_init__(self) -> None:
        if not (self.tau_leak > 0 and self.tau_syn > 0 and self.tau_leak != self.tau_syn):
            raise ValueError(f"PSP: time constants must be > 0 and differ, got {self.tau_leak} and {self.tau_syn}")

    def init_state(self, shape: tuple[int, ...]) -> PSPState:
        return PSPState(jnp.zeros(shape, jnp.float32), jnp.zeros(shape, jnp.float32))

    def step(self, state: PSPState, seen: Signals) -> tuple[PSPState, jax.Array]:
        slow = decay(self.tau_leak) * state.slow + seen.spikes
        fast = decay(self.tau_syn) * state.fast + seen.spikes
        return PSPState(slow, fast), (slow - fast) * (self.tau_leak / (self.tau_leak - self.tau_syn))


@dataclass(frozen=True)
class PredictionError(Factor):
    r"""`(S[t] - phi(V*[t])) h(V*[t])`: what the soma did minus what the dendrite predicted.

    Reads spikes S and, as the current, the dendritic prediction V* of the somatic potential.
    """

    rate: Logistic = Logistic()

    def step(self, state: Any, seen: Signals) -> tuple[Any, jax.Array]:
        if seen.current is None:
            raise ValueError("PredictionError reads the dendritic prediction: use it on the postsynaptic side")
        return state, (seen.spikes - self.rate(seen.current)) * self.rate.sensitivity(seen.current)

    over = step


RATE, POTENTIAL = Logistic(), PSP()


def urbanczik_senn(rate: Logistic = RATE, psp: PSP = POTENTIAL) -> tuple[Term]:
    r"""`PI_i = (S - phi(V*)) h(V*) PSP_i`; the weight change is eta times its low-pass of 100 ms.

    With `ThreeFactor(..., tau_eligibility=100)`, or added to the eligibility by hand (`write`). It is zero in the mean
    where the soma fires as the dendrite predicts. State: two numbers a presynaptic neuron, the low-pass one a synapse.
    Source: Urbanczik and Senn 2014, Neuron 81:521.
    """
    return (Term(psp, PredictionError(rate)),)


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
