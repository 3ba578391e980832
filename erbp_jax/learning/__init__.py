"""Learning rules, one per file, behind one contract."""

from erbp_jax.learning.backprop import BackProp
from erbp_jax.learning.base import (
    Aligned,
    Block,
    DenseWork,
    ErrorSpikes,
    Given,
    LearningState,
    Rule,
    Suggested,
    Suggests,
    Supervision,
    Timed,
)
from erbp_jax.learning.erbp import ERBP, ERBPState
from erbp_jax.learning.feedback import RandomFeedback
from erbp_jax.learning.gate import Boxcar
from erbp_jax.learning.learned_readout import LearnedReadout
from erbp_jax.learning.local import LocalRule, Step, plasticity
from erbp_jax.learning.loss import CrossEntropy, CurveError, Loss, SquaredError
from erbp_jax.learning.readout import LocalReadout, Readout
from erbp_jax.learning.wiring import Direct, Layerwise, Symmetric, Wiring

__all__ = [
    "ERBP",
    "Aligned",
    "BackProp",
    "Block",
    "Boxcar",
    "CrossEntropy",
    "CurveError",
    "DenseWork",
    "Direct",
    "ERBPState",
    "ErrorSpikes",
    "Given",
    "Layerwise",
    "LearnedReadout",
    "LearningState",
    "LocalReadout",
    "LocalRule",
    "Loss",
    "RandomFeedback",
    "Readout",
    "Rule",
    "SquaredError",
    "Step",
    "Suggested",
    "Suggests",
    "Supervision",
    "Symmetric",
    "Timed",
    "Wiring",
    "plasticity",
]
