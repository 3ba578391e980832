"""The three-factor family: rules composed of presynaptic factor, postsynaptic factor and modulator."""

from erbp_jax.learning.three_factor.clopath import Clopath
from erbp_jax.learning.three_factor.ecd import Phases, symmetric_stdp
from erbp_jax.learning.three_factor.factors import Factor, Gate, KernelTrace, NearestKernel, Signals, Spike, Trace
from erbp_jax.learning.three_factor.forward_table import ForwardTableSTDP
from erbp_jax.learning.three_factor.membrane_gated import MembraneGate, membrane_gated
from erbp_jax.learning.three_factor.modulators import (
    ClassReward,
    GivenReward,
    Modulation,
    Modulator,
    Schedule,
    SpikeReward,
    TrialReward,
    Unmodulated,
)
from erbp_jax.learning.three_factor.reward import mstdp, mstdpet
from erbp_jax.learning.three_factor.rule import Term, ThreeFactor, over_terms, start_terms, write
from erbp_jax.learning.three_factor.stdp import pair_stdp, stdp
from erbp_jax.learning.three_factor.urbanczik_senn import dendritic_prediction, urbanczik_senn

__all__ = [
    "ClassReward",
    "Clopath",
    "Factor",
    "ForwardTableSTDP",
    "Gate",
    "GivenReward",
    "KernelTrace",
    "MembraneGate",
    "Modulation",
    "Modulator",
    "NearestKernel",
    "Phases",
    "Schedule",
    "Signals",
    "Spike",
    "SpikeReward",
    "Term",
    "ThreeFactor",
    "Trace",
    "TrialReward",
    "Unmodulated",
    "dendritic_prediction",
    "membrane_gated",
    "mstdp",
    "mstdpet",
    "over_terms",
    "pair_stdp",
    "start_terms",
    "stdp",
    "symmetric_stdp",
    "urbanczik_senn",
    "write",
]
