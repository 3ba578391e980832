"""Leaky integrate-and-fire neuron with a first-order (exponential) synapse and a refractory period."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from erbp_jax.neurons.firing import Firing, check_shape
from erbp_jax.registry import register
from erbp_jax.units import Time


class LIFState(NamedTuple):
    """State of `LIF` after a tick."""

    synaptic: jax.Array  # [..., N] synaptic current I, in units of the weights
    membrane: jax.Array  # [..., N] membrane potential V, in units of the threshold
    refractory: jax.Array  # [..., N] float, ticks for which the neuron is still held
    drive: jax.Array  # [..., N] V before the reset (clamped, where refractory) minus the threshold


@register("neuron", "lif")
@dataclass(frozen=True)
class LIF(Firing):
    r"""Current-based leaky integrate-and-fire neuron.

    .. math::
        I[t] &= e^{-1/\tau_{syn}} I[t-1] + \sum_j w_j s_j[t] \\
        V[t] &= e^{-1/\tau_{mem}} V[t-1] + (1 - e^{-1/\tau_{mem}}) I[t] + \xi[t] \\
        s[t] &= \Theta(V[t] - V_{th}) \quad\text{unless refractory}

    Order within a tick: synapse (decay, then input), membrane (decay, then current, then noise), then as `Firing` has
    it. The membrane follows a constant current to V = I. `tau_mem = 0` makes it follow at once.

    `tau_mem` and `tau_syn` in ticks; V, I and the weights in the unit of `threshold`.
    Source: talk, equations 2. The slide has -alpha V and -a I, with which both would alternate in sign; read as leaks,
    (1 - alpha) V and (1 - a) I, with 1 - alpha = exp(-1 / tau_mem). Its current enters V unscaled: our weights are its
    divided by alpha. Neftci et al. 2017 (arXiv 1612.05596), Methods.

    Example:
        >>> import jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> neuron = ej.LIF(tau_mem=0.0, tau_syn=4.0, refractory=2)
        >>> state, fired = neuron.init_state((1,)), []
        >>> for t in range(8):
        ...     state, spikes = neuron.step(state, jnp.full(1, 0.5))
        ...     fired.append(int(spikes[0]))
        >>> fired
        [0, 0, 1, 0, 0, 1, 0, 0]

    Raises:
        ValueError: a time constant below 0 (below 1 tick for Euler), or as `Firing`.
    """

    tau_mem: Time = 1.0
    """Membrane time constant; at 0 the membrane potential follows the current instantaneously."""
    tau_syn: Time = 4.0
    """Time constant of the synapse."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_time_constants("tau_mem", "tau_syn")

    @property
    def decays(self) -> tuple[float, float]:
        """The factors of one tick of leak, of the synaptic current and of the membrane, as `integration` has them."""
        return self.leak(self.tau_syn), self.leak(self.tau_mem)

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> LIFState:
        return lif_rest(self, shape, dtype)

    def step(self, state: LIFState, current: jax.Array, *, key: jax.Array | None = None) -> tuple[LIFState, jax.Array]:
        check_shape(self._name, state.membrane, current)
        decay_syn, decay_mem = self.decays
        return lif_tick(self, state, current, decay_syn, decay_mem, 1.0 - decay_mem, key)

    def steady_current(self, current: jax.Array) -> jax.Array:
        """The synaptic current that an input of `current` in every tick settles at."""
        return current / (1.0 - self.leak(self.tau_syn))

    def rate(self, synaptic: jax.Array, smoothing: float) -> jax.Array:
        r"""Static transfer function: mean spikes per tick under a constant synaptic current I.

        .. math::
            \rho = \left[t_{ref} + \frac1p + \tau_{mem} \ln\!\left(1 + \frac{V_{th} - V_0}{z}\right)\right]^{-1},\quad
            p = \sigma\!\left(\frac{I - V_{th}}{w}\right),\quad z = w \ln\!\left(1 + e^{(I - V_{th})/w}\right)

        The three terms are the refractory period, the mean wait of a memoryless threshold with logistic noise of
        scale w = `smoothing`, and the time that the membrane takes to charge from V_0: `v_reset`, or 0 if the threshold
        is subtracted. Without a reset the last term is missing. For `tau_mem = 0` it is exact under
        that noise; for `w -> 0` it is the textbook curve of the leaky integrator.
        """
        x = jnp.maximum((synaptic - self.threshold) / smoothing, -30.0)  # below that 1 / p overflows
        p = jax.nn.sigmoid(x)
        first = self.v_reset if self.reset == "value" else 0.0
        charge = 0.0
        if self.tau_mem and self.reset != "none":
            charge = jnp.log1p((self.threshold - first) / (smoothing * jax.nn.softplus(x)))
        return p / (1.0 + p * (self.refractory + self.tau_mem * charge))


def lif_rest(neuron: Firing, shape: tuple[int, ...], dtype: DTypeLike) -> LIFState:
    """The state at rest of a leaky integrate-and-fire neuron."""
    zero, rest = jnp.zeros(shape, dtype), neuron.rest(shape, dtype)
    return LIFState(zero, rest, zero, rest - neuron.threshold)


def lif_tick(
    neuron: Firing,
    state: LIFState,
    current: jax.Array,
    decay_syn: jax.Array | float,
    decay_mem: jax.Array | float,
    gain: jax.Array | float,
    key: jax.Array | None,
) -> tuple[LIFState, jax.Array]:
    """A tick of `LIF` with given factors of leak; `gain`, 1 - decay_mem, is the current's into the membrane."""
    synaptic = decay_syn * state.synaptic + current
    membrane = neuron.add_noise(decay_mem * state.membrane + gain * synaptic, key)
    fired = neuron.fire(state.membrane, membrane, state.refractory)
    return LIFState(synaptic, fired.membrane, fired.refractory, fired.drive), fired.spikes.astype(current.dtype)
