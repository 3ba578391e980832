"""Two coupled compartments with a synapse on the dendrite, noise and bias: equations 4 of the talk."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from scipy.linalg import expm

from erbp_jax.neurons.firing import Firing, check_shape
from erbp_jax.registry import register
from erbp_jax.units import PerMs, PositiveTime, Time


class DualCompartmentState(NamedTuple):
    """State of `DualCompartmentLIF` after a tick."""

    synaptic: jax.Array  # [..., N] synaptic current I_syn, into the dendrite
    dendrite: jax.Array  # [..., N] dendritic potential V_2
    membrane: jax.Array  # [..., N] somatic potential V_1, which spikes
    refractory: jax.Array  # [..., N] float, ticks for which the soma is still held
    drive: jax.Array  # [..., N] V_1 before the reset minus the threshold


@register("neuron", "dual_compartment_lif")
@dataclass(frozen=True)
class DualCompartmentLIF(Firing):
    r"""A spiking soma V_1 coupled to a dendrite V_2 that receives the synaptic current.

    .. math::
        \tau_{mem} \dot V_1 &= -V_1 + g_{21} V_2 \\
        \tau_{den} \dot V_2 &= -V_2 + g_{12} V_1 + I_{syn} \\
        I_{syn}[t] &= e^{-1/\tau_{syn}} I_{syn}[t-1] + \sum_j w_j s_j[t] + \eta[t] + b

    Order within a tick: synaptic current (decay, input, noise, bias), both compartments together under that current,
    then as `Firing` has it; reset and refractory period are the soma's. `"exact"` integration is the matrix
    exponential of the coupled pair; `"euler"` takes both derivatives from the old state.

    Time constants in ticks; currents, potentials and the weights in the unit of `threshold`; `to_soma` g_21 and
    `to_dendrite` g_12 without unit.
    Source: talk, equations 4, with leaks as (1 - alpha); its alpha_21 is g_21 / tau_mem, its alpha_12 g_12 / tau_den.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.neurons import DualCompartmentLIF
        >>> neuron = DualCompartmentLIF()
        >>> state, spikes = neuron.step(neuron.init_state((2, 3)), jnp.ones((2, 3)))
        >>> spikes.shape, bool((state.dendrite > state.membrane).all())
        ((2, 3), True)

    Raises:
        ValueError: a time constant that is not positive, a loop gain g_21 g_12 of 1 or more (the pair would run away),
            a step too coarse for Euler, or as `Firing`.
    """

    tau_mem: PositiveTime = 10.0
    """Time constant of the soma."""
    tau_den: PositiveTime = 10.0
    """Time constant of the dendrite."""
    tau_syn: Time = 5.0
    """Time constant of the synapse."""
    to_soma: float = 1.0
    """Coupling from the dendrite to the soma."""
    to_dendrite: float = 0.2
    """Coupling from the soma to the dendrite."""
    bias: PerMs = 0.0
    """Added to the synaptic current."""

    noise_leaks = "tau_syn"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_time_constants("tau_mem", "tau_den", "tau_syn")
        for name in ("tau_mem", "tau_den"):
            if not getattr(self, name) > 0:
                raise ValueError(f"DualCompartmentLIF: {name} must be > 0, got {getattr(self, name)}")
        if self.to_soma * self.to_dendrite >= 1.0:
            raise ValueError(
                f"DualCompartmentLIF: to_soma * to_dendrite must be < 1, or the compartments drive each other without "
                f"bound; got {self.to_soma} * {self.to_dendrite}"
            )
        radius = float(np.abs(np.linalg.eigvals(self._matrices[0])).max())
        if radius > 1.0 + 1e-12:
            raise ValueError(
                f"DualCompartmentLIF: forward Euler is unstable with this coupling and these ticks (spectral radius "
                f"{radius:.3f}, must be <= 1): use shorter ticks or exact integration"
            )

    @cached_property
    def _matrices(self) -> tuple[np.ndarray, np.ndarray]:
        """`(V_1, V_2)[t] = M (V_1, V_2)[t-1] + m I_syn[t]`."""
        rates = np.array(
            [
                [-1.0 / self.tau_mem, self.to_soma / self.tau_mem],
                [self.to_dendrite / self.tau_den, -1.0 / self.tau_den],
            ]
        )
        drive = np.array([0.0, 1.0 / self.tau_den])
        if self.integration == "euler":
            return np.eye(2) + rates, drive
        step = expm(rates)
        return step, np.linalg.solve(rates, (step - np.eye(2)) @ drive)

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> DualCompartmentState:
        zero, rest = jnp.zeros(shape, dtype), self.rest(shape, dtype)
        return DualCompartmentState(zero, zero, rest, zero, rest - self.threshold)

    def step(
        self, state: DualCompartmentState, current: jax.Array, *, key: jax.Array | None = None
    ) -> tuple[DualCompartmentState, jax.Array]:
        check_shape(self._name, state.membrane, current)
        synaptic = self.add_noise(self.leak(self.tau_syn) * state.synaptic + current + self.bias, key)
        ((m11, m12), (m21, m22)), (d1, d2) = (x.tolist() for x in self._matrices)
        membrane = m11 * state.membrane + m12 * state.dendrite + d1 * synaptic
        dendrite = m21 * state.membrane + m22 * state.dendrite + d2 * synaptic
        fired = self.fire(state.membrane, membrane, state.refractory)
        state = DualCompartmentState(synaptic, dendrite, fired.membrane, fired.refractory, fired.drive)
        return state, fired.spikes.astype(current.dtype)
