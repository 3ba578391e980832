"""Membrane-gated plasticity: a presynaptic spike potentiates where the membrane is high, and rates are regulated."""

from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp

from erbp_jax.learning.three_factor.factors import Factor, Signals, Spike
from erbp_jax.learning.three_factor.rule import Term, ThreeFactor
from erbp_jax.neurons.firing import decay
from erbp_jax.registry import register
from erbp_jax.units import Above, Infinite, NonNegative, PositiveTime


@register("rule", "membrane_gated", finish=lambda made: made.rule)
@dataclass(frozen=True)
class MembraneGate(Factor):
    r"""The postsynaptic factor of the membrane-gated rule.

    .. math::
        f[t] = \Theta(V[t]) - \alpha\, (\nu[t] - C), \qquad \nu[t+1] = e^{-1/\tau_\nu} \nu[t] + s[t], \\
        \Theta(V) = \min(\max(g\, (V - V_{th}), -A_-), A_+)

    Theta is a ramp of slope g between `depression` -A- and `potentiation` A+; `slope=inf` makes it the two-level gate
    of the paper, A+ above V_th and -A- at or below. nu is a calcium trace of the neuron's own spikes before this tick:
    under a steady rate of r spikes per tick it settles at about r tau, so the rate is driven towards what balances
    Theta. V is read after the reset, so that a presynaptic spike in the tick of a postsynaptic one meets the reset
    potential. V and `threshold` in one unit, `tau` in ticks.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.learning.three_factor import MembraneGate, Signals
        >>> gate = MembraneGate(threshold=0.5, potentiation=1.0, depression=0.25)
        >>> seen = Signals(jnp.zeros(2), membrane=jnp.array([0.2, 0.9]))
        >>> gate.step(gate.init_state((2,)), seen)[1].tolist()
        [-0.25, 1.0]

    Raises:
        ValueError: a time constant, a slope or a level out of range.
    """

    threshold: float
    """Membrane potential above which a presynaptic spike potentiates."""
    potentiation: NonNegative = 1.0
    """Maximal potentiation by a spike."""
    depression: NonNegative = 1.0
    """Maximal depression by a spike."""
    slope: Annotated[float, Above(0.0), Infinite()] = float("inf")
    """Slope of the ramp between depression and potentiation; infinite for a two-level gate."""
    alpha: NonNegative = 0.0
    """Strength of depression by the spikes of the neuron."""
    target: float = 0.0
    """Calcium trace at which the spikes of the neuron have no effect."""
    tau: PositiveTime = 200.0
    """Time constant of the calcium trace."""

    def __post_init__(self) -> None:
        for name in ("tau", "slope"):
            if not getattr(self, name) > 0:
                raise ValueError(f"MembraneGate: {name} must be > 0, got {getattr(self, name)}")
        for name in ("potentiation", "depression", "alpha"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"MembraneGate: {name} must be >= 0, got {getattr(self, name)}")

    @property
    def rule(self) -> ThreeFactor:
        """The rule with this factor, on every projection: `ej.fit(network, MembraneGate(0.5).rule, data)`."""
        return ThreeFactor((membrane_gated(self),))

    def init_state(self, shape: tuple[int, ...]) -> jax.Array:
        return jnp.zeros(shape, jnp.float32)

    def step(self, state: jax.Array, seen: Signals) -> tuple[jax.Array, jax.Array]:
        above = seen.needed("MembraneGate", "membrane") - self.threshold
        if self.slope == float("inf"):
            gate = jnp.where(above > 0, self.potentiation, -self.depression)
        else:
            gate = jnp.clip(self.slope * above, -self.depression, self.potentiation)
        value = gate - self.alpha * (state - self.target)
        return decay(self.tau) * state + seen.spikes, value


def membrane_gated(gate: MembraneGate) -> tuple[Term]:
    r"""`dw_ij = eta (Theta(V_j) - alpha (nu_j - C)) s_i`, written at presynaptic spikes; eta is the optimiser's.

    State: one calcium trace per neuron. Source: Sheik et al. 2016 (arXiv 1701.01495).

    Example:
        >>> import jax.numpy as jnp, erbp_jax as ej
        >>> from erbp_jax.learning.three_factor import MembraneGate, Signals, start_terms, write
        >>> terms = ej.membrane_gated(MembraneGate(threshold=0.5, depression=0.25))
        >>> spike, silent = jnp.array([1.0]), jnp.array([0.0])
        >>> for membrane in (0.2, 0.9):  # a presynaptic spike meets a low and a high membrane
        ...     post = Signals(silent, membrane=jnp.array([membrane]))
        ...     print(write(terms, start_terms(terms, 1, 1), Signals(spike), post)[1].tolist())
        [[-0.25]]
        [[1.0]]
    """
    return (Term(Spike(), gate),)
