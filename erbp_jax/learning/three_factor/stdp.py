"""Spike-timing-dependent plasticity of pairs of spikes."""

from typing import Annotated, Literal

from erbp_jax.kernels import Exponential, Kernel
from erbp_jax.learning.three_factor.factors import KernelTrace, NearestKernel, Spike
from erbp_jax.learning.three_factor.modulators import Modulator, Unmodulated
from erbp_jax.learning.three_factor.rule import Term, ThreeFactor
from erbp_jax.registry import register
from erbp_jax.units import Part, PositiveTime

Pairing = Literal["all", "nearest"]
EXPONENTIAL, UNMODULATED = Exponential(), Unmodulated()


def pair_stdp(kernel: Kernel, pairing: Pairing = "all") -> tuple[Term, Term]:
    r"""The causal and the acausal term of pair-based STDP.

    .. math:: e_{ij}[t] = s_j[t] \sum_{t_i < t} K(t - t_i) + s_i[t] \sum_{t_j < t} K(t_j - t)

    `"all"` pairs every two spikes less than a window apart; `"nearest"` pairs each postsynaptic spike with the last
    presynaptic one before it, and each presynaptic spike with the last postsynaptic one. A pair within one tick does
    nothing. State: the window's spikes, or one counter, per neuron; none per synapse.
    Source: Song, Miller, Abbott 2000; Morrison, Diesmann, Gerstner 2008 (pairings).

    Example:
        >>> import jax.numpy as jnp, erbp_jax as ej
        >>> from erbp_jax.kernels import Exponential
        >>> from erbp_jax.learning.three_factor import Signals, start_terms, write
        >>> terms = ej.pair_stdp(Exponential(window=64), "nearest")
        >>> def pair(pre, post):  # spikes in two ticks
        ...     states, total = start_terms(terms, 1, 1), 0.0
        ...     for i, j in zip(pre, post):
        ...         states, change = write(terms, states, Signals(jnp.array([i])), Signals(jnp.array([j])))
        ...         total += float(change[0, 0])
        ...     return round(total, 3)
        >>> pair([1.0, 0.0], [0.0, 1.0]), pair([0.0, 1.0], [1.0, 0.0])  # pre before post, post before pre
        (0.951, -0.951)
    """
    side = {"all": KernelTrace, "nearest": NearestKernel}[pairing]
    return Term(side(kernel, causal=True), Spike()), Term(Spike(), side(kernel, causal=False))


@register("rule", "stdp")
def stdp(
    kernel: Annotated[
        Kernel, Part("kernel"), "Weight change as a function of the interspike interval of a pair."
    ] = EXPONENTIAL,
    pairing: Annotated[Pairing, "All pairs of spikes, or each spike with the last spike of the other neuron."] = "all",
    modulator: Annotated[Modulator, Part("modulator"), "The third factor."] = UNMODULATED,
    tau_eligibility: Annotated[PositiveTime | None, "Time constant of an eligibility trace; none if not given."] = None,
) -> ThreeFactor:
    r"""Pair-based STDP on every projection, optionally modulated.

    .. math:: \Delta w_{ij} = \eta \sum_{t_i, t_j} M(t)\, K(t_j - t_i)

    over all pairs of a presynaptic spike at t_i and a postsynaptic spike at t_j, or over the nearest ones. Times are in
    ticks; K has the unit of the weights. M is the modulator `[B]` or `[B, O]` in the tick of the later spike, 1 if
    there is none.
    Source: Song, Miller, Abbott 2000, Nat. Neurosci. 3:919; pairings, Morrison, Diesmann, Gerstner 2008, Biol.
    Cybern. 98:459.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.kernels import Exponential
        >>> rule = ej.stdp(Exponential(acausal=-1.05), "nearest")
        >>> rule.terms[0][0].pre.kernel.acausal, rule.supervised
        (-1.05, False)
        >>> data = ej.data.load("digits").subset(100, 20)
        >>> network = ej.mlp(64, 10, gain=3.0)
        >>> before = ej.fit(network, rule, data, epochs=0, progress=False)
        >>> after = ej.fit(network, rule, data, epochs=1, steps=10, progress=False)
        >>> weights = [model.params.trained.projections[0]["weight"] for model in (before, after)]
        >>> bool((weights[0] != weights[1]).any())
        True
    """
    return ThreeFactor((pair_stdp(kernel, pairing),), modulator, tau_eligibility)
