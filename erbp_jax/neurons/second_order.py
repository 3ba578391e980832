"""Leaky integrate-and-fire neuron with a second-order synapse, noise and bias: equations 3 of the talk."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from erbp_jax.neurons.firing import Firing, check_shape
from erbp_jax.registry import register
from erbp_jax.units import PerMs, Time


class SecondOrderState(NamedTuple):
    """State of `SecondOrderLIF` after a tick."""

    rise: jax.Array  # [..., N] first stage of the synapse I_s
    synaptic: jax.Array  # [..., N] synaptic current I_syn
    membrane: jax.Array  # [..., N] membrane potential V
    refractory: jax.Array  # [..., N] float, ticks for which the neuron is still held
    drive: jax.Array  # [..., N] V before the reset minus the threshold


@register("neuron", "second_order_lif")
@dataclass(frozen=True)
class SecondOrderLIF(Firing):
    r"""Leaky integrate-and-fire neuron behind a cascade of two first-order stages: a current that rises, then falls.

    .. math::
        I_s[t] &= a_2 I_s[t-1] + \sum_j w_j s_j[t] \\
        I_{syn}[t] &= a_1 I_{syn}[t-1] + (1 - a_1) I_s[t] + \eta[t] + b \\
        V[t] &= \alpha V[t-1] + (1 - \alpha) I_{syn}[t]

    with :math:`a_2 = e^{-1/\tau_{rise}}`, :math:`a_1 = e^{-1/\tau_{syn}}`, :math:`\alpha = e^{-1/\tau_{mem}}`. Order
    within a tick: first stage, second stage (decay, then the new first stage, noise, bias), membrane, then as
    `Firing` has it. `noise` and `bias` enter the synaptic current, not the membrane, `bias` once per tick.

    Time constants in ticks; currents, V and the weights in the unit of `threshold`.
    Source: talk, equations 3. Read with leaks as (1 - a); the slide's `I_syn + I_syn` in (3a) is one I_syn, since (3b)
    and (3c) define the cascade I_s -> I_syn -> V; its c_1 is 1 - a_1 here, which keeps the charge of a spike.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.neurons import SecondOrderLIF
        >>> neuron = SecondOrderLIF(tau_mem=0.0, tau_syn=5.0, tau_rise=2.0)
        >>> state = neuron.init_state((1,))
        >>> currents = []
        >>> for t in range(4):
        ...     state, _ = neuron.step(state, jnp.full(1, 1.0 if t == 0 else 0.0))
        ...     currents.append(round(float(state.synaptic[0]), 3))
        >>> currents
        [0.181, 0.258, 0.278, 0.268]

    Raises:
        ValueError: a time constant below 0 (below 1 tick for Euler), or as `Firing`.
    """

    tau_mem: Time = 10.0
    """Membrane time constant."""
    tau_syn: Time = 5.0
    """Decay time constant of the synaptic current."""
    tau_rise: Time = 2.0
    """Rise time constant of a postsynaptic potential."""
    bias: PerMs = 0.0
    """Added to the synaptic current."""

    noise_leaks = "tau_syn"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_time_constants("tau_mem", "tau_syn", "tau_rise")

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> SecondOrderState:
        zero, rest = jnp.zeros(shape, dtype), self.rest(shape, dtype)
        return SecondOrderState(zero, zero, rest, zero, rest - self.threshold)

    def step(
        self, state: SecondOrderState, current: jax.Array, *, key: jax.Array | None = None
    ) -> tuple[SecondOrderState, jax.Array]:
        check_shape(self._name, state.membrane, current)
        a1, alpha = self.leak(self.tau_syn), self.leak(self.tau_mem)
        rise = self.leak(self.tau_rise) * state.rise + current
        synaptic = self.add_noise(a1 * state.synaptic + (1.0 - a1) * rise + self.bias, key)
        membrane = alpha * state.membrane + (1.0 - alpha) * synaptic
        fired = self.fire(state.membrane, membrane, state.refractory)
        state = SecondOrderState(rise, synaptic, fired.membrane, fired.refractory, fired.drive)
        return state, fired.spikes.astype(current.dtype)
