"""Reward-modulated STDP, with and without an eligibility trace (Florian 2007)."""

from typing import Annotated

from erbp_jax.learning.three_factor.factors import Spike, Trace
from erbp_jax.learning.three_factor.modulators import Modulator, SpikeReward
from erbp_jax.learning.three_factor.rule import Term, ThreeFactor
from erbp_jax.registry import register
from erbp_jax.units import Part, PositiveTime

REWARD = SpikeReward()
ModulatorPart = Annotated[Modulator, Part("modulator"), "The reward."]
Causal = Annotated[PositiveTime, "Time constant of the presynaptic trace."]
Before = Annotated[float, "Increment of the presynaptic trace at a spike."]
After = Annotated[float, "Increment of the postsynaptic trace at a spike."]
Acausal = Annotated[PositiveTime, "Time constant of the postsynaptic trace."]


def modulated_terms(
    tau_causal: float = 20.0, tau_acausal: float = 20.0, causal: float = 1.0, acausal: float = -1.0
) -> tuple[Term, Term]:
    r"""The pair term that reward multiplies.

    .. math::
        \zeta_{ij}[t] = P^+_i[t]\, s_j[t] + P^-_j[t]\, s_i[t], \qquad
        P^\pm[t] = e^{-1/\tau_\pm} P^\pm[t-1] + A_\pm s[t]

    A spike counts in the traces of its own tick, so a pair within one tick makes `causal + acausal`, 0 by default.
    """
    return (
        Term(Trace(tau_causal, causal, instant=True), Spike()),
        Term(Spike(), Trace(tau_acausal, acausal, instant=True)),
    )


@register("rule", "mstdp")
def mstdp(
    modulator: ModulatorPart = REWARD,
    tau_causal: Causal = 20.0,
    tau_acausal: Acausal = 20.0,
    causal: Before = 1.0,
    acausal: After = -1.0,
) -> ThreeFactor:
    """MSTDP: `dw_ij[t] = gamma r[t] zeta_ij[t]`; gamma is the learning rate of the optimiser.

    State: one trace per neuron and side. The reward r that an output spike of tick t earns acts on zeta[t] and changes
    the weights that tick t + 1 sees. The kernel as `modulated_terms`.
    Source: Florian 2007, Neural Computation 19:1468.

    Example:
        >>> import jax.numpy as jnp, erbp_jax as ej
        >>> from erbp_jax.learning.three_factor import Signals, start_terms, write
        >>> rule = ej.mstdp(ej.SpikeReward())
        >>> terms = rule.terms[0]  # zeta, before the reward multiplies it
        >>> def pair(pre, post):  # spikes in two ticks
        ...     states, total = start_terms(terms, 1, 1), 0.0
        ...     for i, j in zip(pre, post):
        ...         states, change = write(terms, states, Signals(jnp.array([i])), Signals(jnp.array([j])))
        ...         total += float(change[0, 0])
        ...     return round(total, 3)
        >>> pair([1.0, 0.0], [0.0, 1.0]), pair([0.0, 1.0], [1.0, 0.0])  # pre before post, post before pre
        (0.951, -0.951)
    """
    return ThreeFactor((modulated_terms(tau_causal, tau_acausal, causal, acausal),), modulator)


@register("rule", "mstdpet")
def mstdpet(
    modulator: ModulatorPart = REWARD,
    tau_eligibility: Annotated[PositiveTime, "Time constant of the eligibility trace."] = 25.0,
    tau_causal: Causal = 20.0,
    tau_acausal: Acausal = 20.0,
    causal: Before = 1.0,
    acausal: After = -1.0,
) -> ThreeFactor:
    """MSTDPET: the reward multiplies an eligibility trace of zeta, `z[t] = exp(-1/tau) z[t-1] + zeta[t] / tau`.

    State: as MSTDP, and one number per synapse. Time constants in ticks.
    Source: Florian 2007, Neural Computation 19:1468.

    Example:
        >>> import erbp_jax as ej
        >>> ej.mstdpet(ej.SpikeReward(), tau_eligibility=25.0).tau_eligibility
        25.0
    """
    return ThreeFactor((modulated_terms(tau_causal, tau_acausal, causal, acausal),), modulator, tau_eligibility)
