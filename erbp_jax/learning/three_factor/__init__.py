"""The three-factor family: rules composed of presynaptic factor, postsynaptic factor and modulator."""

from erbp_jax.learning.three_factor.factors import Factor, Gate, KernelTrace, NearestKernel, Signals, Spike, Trace
from erbp_jax.learning.three_factor.forward_table import ForwardTableSTDP
from erbp_jax.learning.three_factor.modulators import Modulation, Modulator, Schedule, SpikeReward, Unmodulated
from erbp_jax.learning.three_factor.rule import Term, ThreeFactor, over_terms, start_terms, write
from erbp_jax.learning.three_factor.stdp import pair_stdp

__all__ = [
    "Factor",
    "ForwardTableSTDP",
    "Gate",
    "KernelTrace",
    "Modulation",
    "Modulator",
    "NearestKernel",
    "Schedule",
    "Signals",
    "Spike",
    "SpikeReward",
    "Term",
    "ThreeFactor",
    "Trace",
    "Unmodulated",
    "over_terms",
    "pair_stdp",
    "start_terms",
    "write",
]
