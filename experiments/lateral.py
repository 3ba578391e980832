"""A layer with fixed lateral synapses that learns its input weights: what unsupervised members are shown on."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.learning.three_factor.factors import Signals
from erbp_jax.learning.three_factor.rule import Term, start_terms, write
from erbp_jax.neurons.firing import decay


class LateralState(NamedTuple):
    weight: jax.Array  # [I, O]
    membrane: jax.Array  # [O] V, after the reset
    lateral: jax.Array  # [O] current of the lateral synapses
    held: jax.Array  # [O] int32, ticks left of the refractory period
    arriving: jax.Array  # [O] input of the spikes of the last tick
    spikes: jax.Array  # [O] of the last tick
    factors: Any


@dataclass(frozen=True)
class LateralLayer:
    r"""Leaky integrate-and-fire neurons with plastic inputs and fixed lateral synapses.

    .. math::
        V[t] = \max\left(e^{-1/\tau_m} V[t-1] + I[t] + g\, L[t],\; V_{min}\right), \qquad
        L[t] = e^{-1/\tau_L} L[t-1] + \sum_k m_{kj} s_k[t-1]

    with I[t] the weights of the input spikes of tick t - 1. Order within a tick: leak and input, clamp, threshold,
    learning (which sees V before the reset, as a neuron's own circuit would), reset, bounds on the weights.
    `refractory` in ticks, time constants in ticks, V in the unit of the weights.
    """

    terms: tuple[Term, ...]
    threshold: float
    low: float
    high: float
    eta: float = 1.0
    tau_mem: float = 15.5
    tau_lateral: float = 15.5
    lateral_gain: float = 1.0 / 32.0
    refractory: int = 5
    floor: float = 0.0

    def init_state(self, weight: jax.Array) -> LateralState:
        """At rest, with the weights `[I, O]`."""
        inputs, outputs = weight.shape
        zero = jnp.zeros((outputs,), jnp.float32)
        factors = start_terms(self.terms, inputs, outputs)
        return LateralState(weight, zero, zero, jnp.zeros((outputs,), jnp.int32), zero, zero, factors)

    def step(self, state: LateralState, inputs: jax.Array, lateral: jax.Array) -> tuple[LateralState, jax.Array]:
        """One tick: `(state, input spikes[I], lateral weights[O, O]) -> (state, spikes[O])`."""
        current = decay(self.tau_lateral) * state.lateral + state.spikes @ lateral
        membrane = decay(self.tau_mem) * state.membrane + state.arriving + self.lateral_gain * current
        membrane = jnp.maximum(jnp.where(state.held > 0, 0.0, membrane), self.floor)
        fires = (state.held == 0) & (membrane >= self.threshold)
        spikes = fires.astype(jnp.float32)
        seen = Signals(spikes, state.arriving, membrane)
        factors, change = write(self.terms, state.factors, Signals(inputs), seen)
        weight = jnp.clip(state.weight + self.eta * change, self.low, self.high)
        arriving = inputs @ state.weight
        held = jnp.where(fires, self.refractory, jnp.maximum(state.held - 1, 0)).astype(jnp.int32)
        membrane = jnp.where(fires, 0.0, membrane)
        return LateralState(weight, membrane, current, held, arriving, spikes, factors), spikes
