"""What a rule that was made for labels takes in their place where the targets are curves."""

from dataclasses import replace

from erbp_jax.encoding import Curves, LabelNeurons
from erbp_jax.errors import UserError
from erbp_jax.learning.backprop import BackProp
from erbp_jax.learning.base import Rule
from erbp_jax.learning.erbp import ERBP
from erbp_jax.learning.loss import CrossEntropy, CurveError, SquaredError
from erbp_jax.learning.wiring import Direct


def for_curves(rule: Rule) -> Rule:
    """eRBP with `Curves` for its teacher; (random) back-propagation with `CurveError` for its loss, where that is the
    default. The direct feedback of both is not zero-sum then, for outputs that follow curves share their errors. Other
    rules, and other teachers and losses, stay.

    Raises:
        UserError: readouts that learn, which predict one class among several; a loss of labels that was chosen.
    """
    if isinstance(rule, ERBP) and any(readout is not None and readout.learns for readout in rule.local):
        raise UserError("ERBP: learned readouts predict labels, and the targets are curves; take errors of the output")
    if isinstance(rule, ERBP) and isinstance(rule.label, LabelNeurons):
        each = rule.feedback if isinstance(rule.feedback, tuple) else (rule.feedback,)
        shared = tuple(replace(f, zero_sum=False) for f in each)
        feedback = shared if isinstance(rule.feedback, tuple) else shared[0]
        return replace(rule, label=Curves(rule.label.classes), feedback=feedback)
    if isinstance(rule, BackProp):
        loss, wiring = rule.loss, rule.wiring
        if isinstance(loss, (CrossEntropy, SquaredError)):
            if loss != CrossEntropy():
                raise UserError(f"loss: {loss} is of labels, and the targets are curves; CurveError() is of these")
            loss = CurveError()
        if isinstance(wiring, Direct):
            wiring = replace(wiring, feedback=replace(wiring.feedback, zero_sum=False))
        return replace(rule, loss=loss, wiring=wiring)
    return rule
