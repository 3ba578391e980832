"""The neuron that the voltage-based rule was published with (Clopath et al. 2010)."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.learning.three_factor.factors import Signals


class AdExState(NamedTuple):
    membrane: jax.Array  # [..., N] u, mV
    adaptation: jax.Array  # [..., N] w, pA
    depolarising: jax.Array  # [..., N] z, pA
    threshold: jax.Array  # [..., N] V_T, mV
    phase: jax.Array  # [..., N] int32: 2, 1 within a spike, 0 otherwise


@dataclass(frozen=True)
class AdEx:
    r"""Adaptive exponential integrate-and-fire neuron with a depolarising after-potential, in ticks of 1 ms.

    .. math::
        C \dot u &= -g_L (u - E_L) + g_L \Delta_T e^{(u - V_T)/\Delta_T} - w + z + I \\
        \tau_w \dot w &= a (u - E_L) - w, \quad \tau_z \dot z = -z, \quad \tau_{V_T} \dot V_T = -(V_T - V_{rest})

    A spike begins where u passes 20 mV: u is then 29.4 mV for a tick and 32.862 mV for a second (the area of a spike at
    a fine step), and -49.5 mV in the third; w grows by b, z is set to I_sp, V_T to V_max. Forward Euler; the
    exponential's argument is at most 10. mV, pA, pF, nS. Source: Clopath et al. 2010, table 1, and its replications.
    """

    capacitance: float = 281.0
    leak: float = 30.0
    rest: float = -70.6
    slope: float = 2.0
    threshold_rest: float = -50.4
    threshold_peak: float = -30.4
    tau_threshold: float = 50.0
    tau_w: float = 144.0
    a: float = 4.0
    b: float = 80.5
    spike_current: float = 400.0
    tau_z: float = 40.0

    def init_state(self, shape: tuple[int, ...]) -> AdExState:
        zero = jnp.zeros(shape, jnp.float32)
        return AdExState(zero + self.rest, zero, zero, zero + self.threshold_rest, jnp.zeros(shape, jnp.int32))

    def step(self, state: AdExState, current: jax.Array) -> tuple[AdExState, Signals]:
        """One tick: `current[N]` in pA -> `(state, spikes and membrane)`."""
        u, w, z, threshold, phase = state
        up = self.leak * self.slope * jnp.exp(jnp.minimum((u - threshold) / self.slope, 10.0))
        flow = (-self.leak * (u - self.rest) + up - w + z + current) / self.capacitance
        w_next = w + (self.a * (u - self.rest) - w) / self.tau_w
        z_next = z - z / self.tau_z
        threshold_next = threshold - (threshold - self.threshold_rest) / self.tau_threshold
        free = phase == 0
        u_next = u + flow
        fires = free & (u_next > 20.0)
        u_next = jnp.where(fires, 29.4, jnp.where(phase == 2, 32.862, jnp.where(phase == 1, -49.5, u_next)))
        ends = phase == 1
        w_next = jnp.where(ends, w + self.b, jnp.where(free, w_next, w))
        z_next = jnp.where(ends, self.spike_current, z_next)
        threshold_next = jnp.where(ends, self.threshold_peak, threshold_next)
        phase = jnp.where(fires, 2, jnp.maximum(phase - 1, 0)).astype(jnp.int32)
        state = AdExState(u_next, w_next, z_next, threshold_next, phase)
        return state, Signals(fires.astype(jnp.float32), None, u_next)
