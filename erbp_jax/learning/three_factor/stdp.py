"""Spike-timing-dependent plasticity of pairs of spikes."""

from typing import Literal

from erbp_jax.kernels import Kernel
from erbp_jax.learning.three_factor.factors import KernelTrace, NearestKernel, Spike
from erbp_jax.learning.three_factor.rule import Term

Pairing = Literal["all", "nearest"]


def pair_stdp(kernel: Kernel, pairing: Pairing = "all") -> tuple[Term, Term]:
    r"""The causal and the acausal term of pair-based STDP.

    .. math:: e_{ij}[t] = s_j[t] \sum_{t_i < t} K(t - t_i) + s_i[t] \sum_{t_j < t} K(t_j - t)

    `"all"` pairs every two spikes less than a window apart; `"nearest"` pairs each postsynaptic spike with the last
    presynaptic one before it, and each presynaptic spike with the last postsynaptic one. A pair within one tick does
    nothing. State: the window's spikes, or one counter, a neuron; none a synapse.
    Source: Song, Miller, Abbott 2000; Morrison, Diesmann, Gerstner 2008 (pairings).
    """
    side = {"all": KernelTrace, "nearest": NearestKernel}[pairing]
    return Term(side(kernel, causal=True), Spike()), Term(Spike(), side(kernel, causal=False))
