"""Reward-modulated STDP, with and without an eligibility trace (Florian 2007)."""

from erbp_jax.learning.three_factor.factors import Spike, Trace
from erbp_jax.learning.three_factor.modulators import Modulator, SpikeReward
from erbp_jax.learning.three_factor.rule import Term, ThreeFactor

REWARD = SpikeReward()


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


def mstdp(modulator: Modulator = REWARD, **kernel: float) -> ThreeFactor:
    """MSTDP: `dw_ij[t] = gamma r[t] zeta_ij[t]`; gamma is the learning rate of the optimiser.

    State: one trace a neuron and side. The reward r that an output spike of tick t earns acts on zeta[t] and changes
    the weights that tick t + 1 sees. `kernel` as `modulated_terms`. Source: Florian 2007, Neural Computation 19:1468.
    """
    return ThreeFactor((modulated_terms(**kernel),), modulator)


def mstdpet(modulator: Modulator = REWARD, tau_eligibility: float = 25.0, **kernel: float) -> ThreeFactor:
    """MSTDPET: the reward multiplies an eligibility trace of zeta, `z[t] = exp(-1/tau) z[t-1] + zeta[t] / tau`.

    State: as MSTDP, and one number a synapse. `tau_eligibility` in ticks.
    Source: Florian 2007, Neural Computation 19:1468.
    """
    return ThreeFactor((modulated_terms(**kernel),), modulator, tau_eligibility)
