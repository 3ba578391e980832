"""Leaky integrate-and-fire neuron with a first-order (exponential) synapse and a refractory period."""

import math
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.neurons.noise import Noise
from erbp_jax.neurons.surrogate import Surrogate, spike

Reset = Literal["value", "subtract"]


class LIFState(NamedTuple):
    synaptic: jax.Array  # [..., N] synaptic current I, in units of the weights
    membrane: jax.Array  # [..., N] membrane potential V, in units of the threshold
    refractory: jax.Array  # [..., N] float, ticks for which the neuron is still held


@dataclass(frozen=True)
class LIF:
    r"""Current-based leaky integrate-and-fire neuron.

    .. math::
        I[t] &= e^{-1/\tau_{syn}} I[t-1] + \sum_j w_j s_j[t] \\
        V[t] &= e^{-1/\tau_{mem}} V[t-1] + (1 - e^{-1/\tau_{mem}}) I[t] + \xi[t] \\
        s[t] &= \Theta(V[t] - V_{th}) \quad\text{unless refractory}

    Order within a tick: synapse (decay, then input), membrane (decay, then current, then noise), refractory clamp,
    threshold, reset. The decays are exact for a current that is constant over the tick.

    Reset `"value"` sets V to `v_reset`; `"subtract"` subtracts the threshold and keeps the excess. After a spike the
    membrane is held at `v_reset` (or, with `"subtract"`, at its remainder) for `refractory` ticks, so that the
    shortest interval between spikes is `refractory + 1` ticks.

    Units: `tau_mem`, `tau_syn` and `refractory` in ticks; V, I and the weights in units of `threshold`'s unit.
    `tau_mem = 0` makes the membrane follow the current at once. `surrogate` is the derivative that the threshold has
    for rules that differentiate through it; it changes no spike. A reset to a value cuts the gradient there.
    Source: Neftci et al. 2017 (arXiv 1612.05596), Methods; talk, equation 2, with the leak read as `(1 - alpha) V`.

    Raises:
        ValueError: a time constant, refractory period or threshold is out of range.
    """

    tau_mem: float = 1.0
    tau_syn: float = 4.0
    threshold: float = 1.0
    refractory: int = 3
    reset: Reset = "value"
    v_reset: float = 0.0
    noise: Noise | None = None
    surrogate: Surrogate | None = None

    def __post_init__(self) -> None:
        if self.tau_mem < 0 or self.tau_syn < 0:
            raise ValueError(f"LIF: time constants must be >= 0, got {self.tau_mem=}, {self.tau_syn=}")
        if self.refractory < 0 or int(self.refractory) != self.refractory:
            raise ValueError(f"LIF: refractory must be a whole number of ticks >= 0, got {self.refractory}")
        if self.threshold <= self.v_reset:
            raise ValueError(f"LIF: threshold {self.threshold} must lie above v_reset {self.v_reset}")

    def init_state(self, shape: tuple[int, ...]) -> LIFState:
        zero = jnp.zeros(shape, jnp.float32)
        return LIFState(zero, jnp.full(shape, self.v_reset, jnp.float32), zero)

    def step(self, state: LIFState, current: jax.Array, *, key: jax.Array | None = None) -> tuple[LIFState, jax.Array]:
        decay_syn, decay_mem = decay(self.tau_syn), decay(self.tau_mem)
        synaptic = decay_syn * state.synaptic + current
        membrane = decay_mem * state.membrane + (1.0 - decay_mem) * synaptic
        if self.noise is not None:
            if key is None:
                raise ValueError("LIF: a neuron with noise needs a key")
            membrane = membrane + self.noise.sample(key, current.shape[-1])

        held = state.refractory > 0
        membrane = jnp.where(held, state.membrane, membrane)
        crossed = jnp.where(held, 0.0, spike(membrane - self.threshold, self.surrogate))
        spiking = crossed > 0
        after = membrane - self.threshold if self.reset == "subtract" else self.v_reset
        membrane = jnp.where(spiking, after, membrane)
        refractory = jnp.where(spiking, float(self.refractory), jnp.maximum(state.refractory - 1.0, 0.0))
        return LIFState(synaptic, membrane, jax.lax.stop_gradient(refractory)), crossed.astype(current.dtype)

    def with_surrogate(self, surrogate: Surrogate) -> "LIF":
        """The same neuron, differentiable."""
        return replace(self, surrogate=surrogate)

    def steady_current(self, current: jax.Array) -> jax.Array:
        """The synaptic current that an input of `current` in every tick settles at."""
        return current / (1.0 - decay(self.tau_syn))

    def rate(self, synaptic: jax.Array, smoothing: float) -> jax.Array:
        r"""Static transfer function: mean spikes per tick under a constant synaptic current I.

        .. math::
            \rho = \left[t_{ref} + \frac1p + \tau_{mem} \ln\!\left(1 + \frac{V_{th}}{z}\right)\right]^{-1},\quad
            p = \sigma\!\left(\frac{I - V_{th}}{w}\right),\quad z = w \ln\!\left(1 + e^{(I - V_{th})/w}\right)

        The three terms are the refractory period, the mean wait of a memoryless threshold with logistic noise of
        scale w = `smoothing`, and the time that the membrane takes to charge. For `tau_mem = 0` it is exact under
        that noise; for `w -> 0` it is the textbook curve of the leaky integrator.
        """
        x = jnp.maximum((synaptic - self.threshold) / smoothing, -30.0)  # below that 1 / p overflows
        p = jax.nn.sigmoid(x)
        charge = jnp.log1p(self.threshold / (smoothing * jax.nn.softplus(x))) if self.tau_mem else 0.0
        return p / (1.0 + p * (self.refractory + self.tau_mem * charge))

    @property
    def max_rate(self) -> float:
        """The highest firing rate, in spikes per tick."""
        return 1.0 / (self.refractory + 1)


def decay(tau: float) -> float:
    """`exp(-1 / tau)`, the factor of one tick; 0 for `tau = 0`."""
    return math.exp(-1.0 / tau) if tau > 0 else 0.0
