"""Neurons that sample a binary variable: z = 1 during the refractory period after a spike."""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp

from erbp_jax.random import uniform


class Sampler(Protocol):
    """A neuron of a sampling machine. `u[..., N]` is its input on the logit scale, `key[...]` has the leading axes."""

    @property
    def refractory(self) -> int:
        """Ticks for which z stays 1."""
        ...

    def step(self, held: jax.Array, u: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """One tick: `(held, u[..., N], key) -> (held, spikes[..., N])`.

        held int32 `[..., N]` counts the ticks of z = 1 that are left, this one included: tau_r in the tick of a spike,
        0 where z = 0. A neuron may fire where it is at most 1.
        """
        ...


@dataclass(frozen=True)
class SamplingNeuron:
    r"""A neuron with escape noise whose duty cycle is exactly logistic.

    .. math::
        P(s[t] = 1) = \sigma(u[t] - \ln \tau_r) \;\text{ unless refractory}, \qquad
        P(z = 1) = \sigma(u)

    It is the transfer function of neural sampling, nu = 1 / (tau_r + exp(-beta I) / gamma) with
    u = beta I + ln(gamma tau_r), in ticks of any length: z = 1 in the tau_r ticks from the spike on, and the neuron
    may fire again in the next.
    `refractory` tau_r in ticks.
    Source: Neftci et al. 2014, equation 8; Buesing et al. 2011 (discrete time).
    """

    refractory: int = 4

    def step(self, held: jax.Array, u: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        draw = uniform(key, u.shape[-1:])
        spikes = (held <= 1) & (draw < jax.nn.sigmoid(u - math.log(self.refractory)))
        return _hold(held, spikes, self.refractory), spikes.astype(jnp.float32)


@dataclass(frozen=True)
class ThresholdNeuron:
    """Fires whenever u > 0 and it is not refractory: all noise comes from the synapses (synaptic sampling machine).

    `refractory` in ticks. Source: Neftci, Pedroni, Joshi, Al-Shedivat, Cauwenberghs 2016 (arXiv 1511.04484).
    """

    refractory: int = 4

    def step(self, held: jax.Array, u: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        del key
        spikes = (held <= 1) & (u > 0)
        return _hold(held, spikes, self.refractory), spikes.astype(jnp.float32)


def _hold(held: jax.Array, spikes: jax.Array, refractory: int) -> jax.Array:
    return jnp.where(spikes, refractory, jnp.maximum(held - 1, 0)).astype(jnp.int32)


class IFState(NamedTuple):
    membrane: jax.Array  # [..., N] V
    held: jax.Array  # [..., N] int32, ticks left of the refractory period


@dataclass(frozen=True)
class NoisyIF:
    r"""The leaky integrate-and-fire neuron with white noise that neural sampling is built on.

    .. math::
        C\, dv = (-g_L v + I)\, dt + \sigma\, dW, \quad v \ge \theta \Rightarrow v \leftarrow 0 \text{ for } \tau_r;
        \qquad \nu(I) \approx \left(\tau_r + \gamma^{-1} e^{-\beta I}\right)^{-1}

    Euler-Maruyama with steps of `dt` s; order within a step: clamp, leak and input, noise, threshold. SI units: F, S,
    A, V, s, sigma in A sqrt(s). `beta` (1/A) and `gamma` (Hz) are those of the published fit. sigma is that of the
    authors' code; the 3e-11 of the paper's table, smaller by the square root of 2, puts half the highest rate 1.3
    units of beta I further up.
    Source: Neftci et al. 2014, table 1, and its published code.
    """

    dt: float = 5e-5
    capacitance: float = 1e-12
    conductance: float = 1e-9
    threshold: float = 0.1
    tau_r: float = 4e-3
    sigma: float = 4.24e-11
    beta: float = 2.044e9
    gamma: float = 8808.0

    def init_state(self, shape: tuple[int, ...]) -> IFState:
        return IFState(jnp.zeros(shape, jnp.float32), jnp.zeros(shape, jnp.int32))

    def step(self, state: IFState, current: jax.Array, noise: jax.Array) -> tuple[IFState, jax.Array]:
        """`current[..., N]` in A, `noise[..., N]` standard normal -> `(state, spikes)`."""
        leak = self.dt * self.conductance / self.capacitance
        membrane = state.membrane * (1.0 - leak) + current * (self.dt / self.capacitance)
        membrane = membrane + noise * (self.sigma * math.sqrt(self.dt) / self.capacitance)
        free = state.held == 0
        membrane = jnp.where(free, membrane, 0.0)
        spikes = free & (membrane >= self.threshold)
        held = jnp.where(spikes, round(self.tau_r / self.dt), jnp.maximum(state.held - 1, 0)).astype(jnp.int32)
        return IFState(jnp.where(spikes, 0.0, membrane), held), spikes.astype(jnp.float32)

    def duty(self, current: jax.Array) -> jax.Array:
        """The fitted `nu tau_r = sigmoid(beta I + ln(gamma tau_r))`."""
        return jax.nn.sigmoid(self.beta * current + math.log(self.gamma * self.tau_r))
