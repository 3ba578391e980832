"""Leaky stochastic integrate-and-fire neuron without synaptic dynamics: equations 1 of the talk."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from erbp_jax.neurons.firing import Firing, check_shape
from erbp_jax.registry import register
from erbp_jax.units import Time


class LeakyState(NamedTuple):
    """State of `LeakyIF` after a tick."""

    synaptic: jax.Array  # [..., N] the input of the last tick, in units of V
    membrane: jax.Array  # [..., N] membrane potential V
    refractory: jax.Array  # [..., N] float, ticks for which the neuron is still held
    drive: jax.Array  # [..., N] V before the reset minus the threshold


@register("neuron", "leaky")
@dataclass(frozen=True)
class LeakyIF(Firing):
    r"""Leaky integrate-and-fire neuron whose spikes arrive as charge.

    .. math::
        V[t] = e^{-1/\tau_{mem}} V[t-1] + \sum_j \xi_j w_j s_j[t] + \eta[t]

    Order within a tick: decay, input, noise, then as `Firing` has it. What makes it stochastic is xi, the blank-out of
    the connection that drives it, and eta, its `noise`. A constant input c settles at V = c / (1 - exp(-1/tau_mem)).

    `tau_mem` in ticks; V and the weights in the unit of `threshold`.
    Source: talk, equations 1. The slide has -alpha V, which would alternate in sign; read as (1 - alpha) V.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.neurons import LeakyIF
        >>> neuron, fired = LeakyIF(tau_mem=10.0, refractory=0), []
        >>> state = neuron.init_state((1,))
        >>> for t in range(8):
        ...     state, spikes = neuron.step(state, jnp.full(1, 0.4))
        ...     fired.append(int(spikes[0]))
        >>> fired
        [0, 0, 1, 0, 0, 1, 0, 0]

    Raises:
        ValueError: a time constant below 0 (below 1 tick for Euler), or as `Firing`.
    """

    tau_mem: Time = 10.0
    """Membrane time constant."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_time_constants("tau_mem")

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> LeakyState:
        zero, rest = jnp.zeros(shape, dtype), self.rest(shape, dtype)
        return LeakyState(zero, rest, zero, rest - self.threshold)

    def step(
        self, state: LeakyState, current: jax.Array, *, key: jax.Array | None = None
    ) -> tuple[LeakyState, jax.Array]:
        check_shape(self._name, state.membrane, current)
        membrane = self.add_noise(self.leak(self.tau_mem) * state.membrane + current, key)
        fired = self.fire(state.membrane, membrane, state.refractory)
        return LeakyState(current, fired.membrane, fired.refractory, fired.drive), fired.spikes.astype(current.dtype)
