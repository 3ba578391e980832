"""Learning rules, one a file, behind one contract."""

from erbp_jax.learning.base import BlockResult, LocalRule, Rule
from erbp_jax.learning.erbp import ERBP, ERBPState
from erbp_jax.learning.feedback import RandomFeedback
from erbp_jax.learning.gate import Boxcar

__all__ = ["ERBP", "BlockResult", "Boxcar", "ERBPState", "LocalRule", "RandomFeedback", "Rule"]
