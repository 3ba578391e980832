"""Dendritic prediction of somatic spiking (Urbanczik and Senn 2014)."""

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.learning.three_factor.factors import Factor, Signals
from erbp_jax.learning.three_factor.rule import Term, ThreeFactor
from erbp_jax.neurons.firing import decay
from erbp_jax.registry import register
from erbp_jax.units import Positive, PositiveTime, Rate


@dataclass(frozen=True)
class Logistic:
    r"""The rate function.

    .. math:: \phi(u) = \frac{\phi_{max}}{1 + k e^{\beta (\theta - u)}}, \qquad
        h(u) = \frac{\phi'(u)}{\phi(u)} = \frac{\beta}{1 + k^{-1} e^{-\beta(\theta - u)}}

    phi in spikes per tick; u, theta in the unit of the membrane (dimensionless: rest 0, mean excitation near 1).
    """

    maximum: float = 0.15
    k: float = 0.5
    beta: float = 5.0
    theta: float = 1.0

    def __call__(self, u: jax.Array) -> jax.Array:
        return self.maximum / (1.0 + self.k * jnp.exp(self.beta * (self.theta - u)))

    def sensitivity(self, u: jax.Array) -> jax.Array:
        """h(u)."""
        return self.beta / (1.0 + jnp.exp(-self.beta * (self.theta - u)) / self.k)


class PSPState(NamedTuple):
    slow: jax.Array  # [..., N]
    fast: jax.Array  # [..., N]


@dataclass(frozen=True)
class PSP(Factor):
    r"""The postsynaptic potential that a unit weight would make: `(e^{-t/tau_L} - e^{-t/tau_s}) tau_L / (tau_L -
    tau_s)`.

    Time constants in ticks. Raises ValueError: they are equal or not positive.
    """

    tau_leak: float = 10.0
    tau_syn: float = 3.0

    def __post_init__(self) -> None:
        if not (self.tau_leak > 0 and self.tau_syn > 0 and self.tau_leak != self.tau_syn):
            raise ValueError(f"PSP: time constants must be > 0 and differ, got {self.tau_leak} and {self.tau_syn}")

    def init_state(self, shape: tuple[int, ...]) -> PSPState:
        return PSPState(jnp.zeros(shape, jnp.float32), jnp.zeros(shape, jnp.float32))

    def step(self, state: PSPState, seen: Signals) -> tuple[PSPState, jax.Array]:
        slow = decay(self.tau_leak) * state.slow + seen.spikes
        fast = decay(self.tau_syn) * state.fast + seen.spikes
        return PSPState(slow, fast), (slow - fast) * (self.tau_leak / (self.tau_leak - self.tau_syn))


@dataclass(frozen=True)
class PredictionError(Factor):
    r"""`(S[t] - phi(V*[t])) h(V*[t])`: what the soma did minus what the dendrite predicted.

    Reads spikes S and, as the current, the dendritic prediction V* of the somatic potential.
    """

    rate: Logistic = Logistic()

    def step(self, state: Any, seen: Signals) -> tuple[Any, jax.Array]:
        predicted = seen.needed("PredictionError", "current")
        return state, (seen.spikes - self.rate(predicted)) * self.rate.sensitivity(predicted)

    over = step


RATE, POTENTIAL = Logistic(), PSP()


def urbanczik_senn(rate: Logistic = RATE, psp: PSP = POTENTIAL) -> tuple[Term]:
    r"""`PI_i = (S - phi(V*)) h(V*) PSP_i`; the weight change is eta times its low-pass of 100 ms.

    With `ThreeFactor(..., tau_eligibility=100)`, or added to the eligibility by hand (`write`). It is zero in the mean
    where the soma fires as the dendrite predicts. State: two numbers per input, the low-pass one per synapse.
    Source: Urbanczik and Senn 2014, Neuron 81:521.

    Example:
        >>> import jax.numpy as jnp, erbp_jax as ej
        >>> from erbp_jax.learning.three_factor import Signals, start_terms, write
        >>> terms = ej.urbanczik_senn()
        >>> states, silent = start_terms(terms, 1, 1), jnp.array([0.0])
        >>> states, _ = write(terms, states, Signals(jnp.array([1.0])), Signals(silent, current=silent))
        >>> for spikes in (1.0, 0.0):  # the soma fires more, and less, than the dendrite predicts
        ...     post = Signals(jnp.array([spikes]), current=jnp.array([1.0]))
        ...     print(bool(write(terms, states, Signals(silent), post)[1][0, 0] > 0))
        True
        False
    """
    return (Term(psp, PredictionError(rate)),)


@register("rule", "urbanczik_senn")
def dendritic_prediction(
    maximum: Annotated[Rate, "Maximal firing rate of the soma."] = 0.15,
    k: Annotated[Positive, "Parameter k of the rate function."] = 0.5,
    beta: Annotated[Positive, "Slope of the rate function."] = 5.0,
    theta: Annotated[float, "Midpoint of the rate function, in units of the membrane potential."] = 1.0,
    tau_leak: Annotated[PositiveTime, "Decay time constant of a postsynaptic potential."] = 10.0,
    tau_syn: Annotated[PositiveTime, "Rise time constant of a postsynaptic potential."] = 3.0,
    tau_eligibility: Annotated[PositiveTime, "Time constant of the low-pass filter of the weight change."] = 100.0,
) -> ThreeFactor:
    """Dendritic prediction of somatic spiking, the synaptic current being the prediction: `urbanczik_senn`, low-passed.

    Times in ticks, `maximum` in spikes per tick. Source: Urbanczik and Senn 2014, Neuron 81:521.

    Example:
        >>> import erbp_jax as ej
        >>> data = ej.data.load("digits").subset(100, 20)
        >>> ej.fit(ej.mlp(64, 10), ej.dendritic_prediction(), data, epochs=1, steps=20, progress=False).rule.supervised
        False
    """
    rate = Logistic(maximum, k, beta, theta)
    return ThreeFactor((urbanczik_senn(rate, PSP(tau_leak, tau_syn)),), tau_eligibility=tau_eligibility)
