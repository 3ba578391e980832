"""Event-driven contrastive divergence: symmetric STDP under a global signal g(t)."""

import math
from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp

from erbp_jax.learning.three_factor.factors import Spike, Trace
from erbp_jax.learning.three_factor.modulators import Schedule
from erbp_jax.learning.three_factor.rule import Term, ThreeFactor
from erbp_jax.registry import register
from erbp_jax.units import PositiveTime, Ticks


@dataclass(frozen=True)
class Phases:
    r"""When a presentation of `2T` ticks shows data, and when and with which sign it learns.

    .. math::
        g(t) = +1 \;(\tau_{br} \le t < 0.98\, T), \quad -1 \;(T + \tau_{br} \le t < 1.98\, T), \quad 0 \text{ else}

    Data drive the visible neurons in the first half; in the second the network reconstructs. Both learn for equally
    many ticks, or weights would drift where both halves look alike. `length` 2T and `burn_in` in ticks; the published
    code has 100 and 10. Source: Neftci et al. 2014 and its published code.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.learning.three_factor import Phases
        >>> phases = Phases(length=100, burn_in=10)
        >>> phases.plus, phases.minus
        ((10, 49), (60, 99))

    Raises:
        ValueError: a burn-in that leaves nothing of the data phase.
    """

    length: int = 100
    burn_in: int = 10

    def __post_init__(self) -> None:
        if not 0 <= self.burn_in < self.plus[1]:
            raise ValueError(f"Phases: burn_in {self.burn_in} must lie within [0, {self.plus[1]}) ticks")

    @property
    def plus(self) -> tuple[int, int]:
        """Ticks of the data phase that learn: from, to (excluded)."""
        return self.burn_in, round(0.49 * self.length)

    @property
    def minus(self) -> tuple[int, int]:
        """Ticks of the reconstruction that learn."""
        return self.data + self.plus[0], self.data + self.plus[1]

    @property
    def data(self) -> int:
        """Ticks for which data are shown."""
        return self.length // 2

    def __call__(self, ticks: jax.Array) -> jax.Array:
        """g, float32, of `ticks` (int32)."""
        inside = [(ticks >= a) & (ticks < b) for a, b in (self.plus, self.minus)]
        return inside[0].astype(jnp.float32) - inside[1].astype(jnp.float32)


def symmetric_stdp(tau: float = 4.0) -> tuple[Term, Term]:
    r"""`e[t] = x_i[t] s_j[t] + s_i[t] x_j[t]` with traces of time constant tau (ticks): `K = exp(-|dt| / tau)`, both
    signs of dt alike; a pair within one tick counts once.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.learning.three_factor import Signals, start_terms, symmetric_stdp, write
        >>> terms = symmetric_stdp(tau=4.0)
        >>> def pair(pre, post):  # spikes in two ticks
        ...     states, total = start_terms(terms, 1, 1), 0.0
        ...     for i, j in zip(pre, post):
        ...         states, change = write(terms, states, Signals(jnp.array([i])), Signals(jnp.array([j])))
        ...         total += float(change[0, 0])
        ...     return round(total, 3)
        >>> pair([1.0, 0.0], [0.0, 1.0]), pair([0.0, 1.0], [1.0, 0.0])  # pre before post, post before pre
        (0.779, 0.779)
    """
    return Term(Trace(tau, instant=True), Spike()), Term(Spike(), Trace(tau))


def scale(eta: float, phases: Phases, refractory: int, tau: float = 4.0) -> float:
    r"""The height A of the kernel for which a phase of learning changes weights by `eta <z_i z_j>` in the mean.

    A spike stands for `refractory` ticks of z = 1, the kernel's area is `2 tau_e - 1` with
    `tau_e = 1 / (1 - exp(-1 / tau))`, a phase has `len(plus)` ticks:
    `A = eta refractory^2 / (len(plus) (2 tau_e - 1))`.
    """
    area = 2.0 / (1.0 - math.exp(-1.0 / tau)) - 1.0
    return eta * refractory**2 / ((phases.plus[1] - phases.plus[0]) * area)


@register("rule", "ecd")
def ecd(
    steps: int,
    tau: Annotated[PositiveTime, "Time constant of the symmetric kernel."] = 4.0,
    settle: Annotated[Ticks, "Time at the start of a presentation before the data phase learns."] = 10,
) -> ThreeFactor:
    """Event-driven contrastive divergence: a presentation's first half learns with the sign +1, its second with -1.

    All of a presentation's `steps`, and the times, are in ticks. What is shown in the second half is up to the encoder;
    `experiments/ecd_mnist.py` has a network that reconstructs. Source: Neftci et al. 2014, Front. Neurosci. 7:272.

    Example:
        >>> from erbp_jax.learning.three_factor.ecd import ecd
        >>> phases = ecd(steps=60).modulator.signal
        >>> phases.plus, phases.minus
        ((10, 29), (40, 59))
    """
    return ThreeFactor((symmetric_stdp(tau),), Schedule(Phases(steps, settle)))
