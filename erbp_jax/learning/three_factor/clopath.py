"""Voltage-based STDP with homeostasis (Clopath et al. 2010)."""

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.learning.three_factor.factors import Factor, Signals, Spike, Trace
from erbp_jax.learning.three_factor.rule import Term, ThreeFactor
from erbp_jax.neurons.firing import decay
from erbp_jax.registry import register
from erbp_jax.units import Above, NonNegative, PositiveTime, Unit

_Potential = Annotated[float, Unit("mV")]


class DepressionState(NamedTuple):
    low: jax.Array  # [..., N] the membrane, low-pass tau_minus (mV)
    square: jax.Array  # [..., N] low-pass of (u - E_L)^2 (mV^2)


@register("rule", "clopath", finish=lambda made: made.rule)
@dataclass(frozen=True)
class Clopath:
    r"""Voltage-based STDP with homeostasis: the parameters of the rule.

    .. math::
        \Delta w = -A_{LTD} \frac{\bar{\bar u}}{u_{ref}^2}\, X\, (\bar u_- - \theta_-)_+
        + A_{LTP}\, \bar x\, (u - \theta_+)_+ (\bar u_+ - \theta_-)_+

    X are presynaptic spikes and :math:`\bar x` their low-pass (`tau_x`; a spike adds `1 / tau_x`). :math:`\bar u_-` and
    :math:`\bar u_+` are low-passes of the membrane (`tau_minus`, `tau_plus`; the second stands in the potentiation).
    :math:`\bar{\bar u}` is that of :math:`(u - E_L)^2` (`tau_homeostasis`), or the constant `homeostasis` (mV^2) where
    that is given. Depression is written at presynaptic spikes, potentiation in every tick in which the membrane is
    above `theta_plus`. Low-passes are those of the ticks before. Potentials in mV, time constants in ticks, amplitudes
    for ticks of 1 ms. The membrane is read after the reset: of a spike the rule sees what the neuron's own model keeps
    of it, such as an upswing of some ticks, and nothing where it resets at once.
    State: three numbers a postsynaptic neuron, one a presynaptic one.
    Source: Clopath et al. 2010, Nature Neuroscience 13:344.

    Example:
        >>> import jax.numpy as jnp, erbp_jax as ej
        >>> from erbp_jax.learning.three_factor import Signals, start_terms, write
        >>> terms, spike, silent = ej.Clopath().terms, jnp.array([1.0]), jnp.array([0.0])
        >>> for membrane in (-70.6, -60.0, -40.0):  # at rest, depolarised, above theta_plus; mV
        ...     states, post = start_terms(terms, 1, 1), Signals(silent, membrane=jnp.array([membrane]))
        ...     for _ in range(20):
        ...         states, change = write(terms, states, Signals(spike), post)
        ...     print(round(1e3 * float(change[0, 0]), 2))
        0.0
        -0.04
        7.34

    Raises:
        ValueError: a time constant that is not positive.
    """

    theta_minus: _Potential = -70.6
    """Low-passed membrane potential above which plasticity begins."""
    theta_plus: _Potential = -45.3
    """Membrane potential above which weights are potentiated."""
    depression: NonNegative = 14e-5
    """Amplitude of depression."""
    potentiation: NonNegative = 8e-5
    """Amplitude of potentiation."""
    tau_x: PositiveTime = 15.0
    """Time constant of the presynaptic trace."""
    tau_minus: PositiveTime = 10.0
    """Time constant of the low-passed membrane potential in the depression."""
    tau_plus: PositiveTime = 7.0
    """Time constant of the low-passed membrane potential in the potentiation."""
    tau_homeostasis: PositiveTime = 1000.0
    """Time constant of the mean depolarisation that scales the depression."""
    reference: Annotated[float, Unit("mV^2"), Above(0.0)] = 60.0
    """The mean depolarisation at which the depression has its amplitude."""
    homeostasis: float | None = None
    """Constant that replaces the mean depolarisation."""
    rest: _Potential = -70.6
    """The resting potential."""

    def __post_init__(self) -> None:
        for name in ("tau_x", "tau_minus", "tau_plus", "tau_homeostasis", "reference"):
            if not getattr(self, name) > 0:
                raise ValueError(f"Clopath: {name} must be > 0, got {getattr(self, name)}")

    @property
    def rule(self) -> ThreeFactor:
        """The rule with these parameters, on every projection: `ej.fit(network, ej.Clopath().rule, data)`."""
        return ThreeFactor((self.terms,))

    @property
    def terms(self) -> tuple[Term, Term]:
        """Depression at presynaptic spikes, potentiation where the trace of such spikes meets a high membrane."""
        trace = Trace(self.tau_x, 1.0 / self.tau_x)
        return (
            Term(Spike(), Depression(self), -self.depression),
            Term(trace, Potentiation(self), self.potentiation),
        )


def hippocampus(**changes: Any) -> Clopath:
    """The parameters of hippocampal slices."""
    values = {"theta_minus": -41.0, "theta_plus": -38.0, "depression": 3.8e-4, "potentiation": 0.2e-4}
    return Clopath(**{**values, **changes})


@dataclass(frozen=True)
class Depression(Factor):
    """`(homeostasis / reference) (ubar_- - theta_-)_+`."""

    p: Clopath

    def init_state(self, shape: tuple[int, ...]) -> DepressionState:
        return DepressionState(jnp.full(shape, self.p.rest, jnp.float32), jnp.zeros(shape, jnp.float32))

    def step(self, state: DepressionState, seen: Signals) -> tuple[DepressionState, jax.Array]:
        u, p = _membrane(seen), self.p
        homeostasis = state.square if p.homeostasis is None else p.homeostasis
        value = homeostasis / p.reference * jax.nn.relu(state.low - p.theta_minus)
        square = _follow(state.square, (u - p.rest) ** 2, p.tau_homeostasis)
        return DepressionState(_follow(state.low, u, p.tau_minus), square), value


@dataclass(frozen=True)
class Potentiation(Factor):
    """`(u - theta_+)_+ (ubar_+ - theta_-)_+`."""

    p: Clopath

    def init_state(self, shape: tuple[int, ...]) -> jax.Array:
        return jnp.full(shape, self.p.rest, jnp.float32)

    def step(self, state: jax.Array, seen: Signals) -> tuple[jax.Array, jax.Array]:
        u, p = _membrane(seen), self.p
        value = jax.nn.relu(u - p.theta_plus) * jax.nn.relu(state - p.theta_minus)
        return _follow(state, u, p.tau_plus), value


def _membrane(seen: Signals) -> jax.Array:
    return seen.needed("the voltage-based rule", "membrane")


def _follow(state: jax.Array, value: jax.Array, tau: float) -> jax.Array:
    keep = decay(tau)
    return keep * state + (1.0 - keep) * value
