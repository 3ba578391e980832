"""From the rule section of a config to a learning rule."""

from erbp_jax.config import schema
from erbp_jax.config.time import ticks
from erbp_jax.encoding import Curves, LabelNeurons
from erbp_jax.errors import UserError
from erbp_jax.learning import (
    ERBP,
    BackProp,
    Boxcar,
    CrossEntropy,
    CurveError,
    Direct,
    Layerwise,
    LearnedReadout,
    LocalReadout,
    Loss,
    RandomFeedback,
    Readout,
    Rule,
    SquaredError,
    Symmetric,
    Wiring,
)
from erbp_jax.neurons import Dendrite, ErrorNeurons, Surrogate


def build_rule(config: schema.Config, *, curves: bool = False) -> Rule:
    """The learning rule of a config; `curves` says that the data's targets are curves and not labels.

    Raises:
        UserError: times off the grid of ticks, or a number of values that does not fit the layers.
    """
    match config.rule:
        case schema.ERBPRule():
            return _erbp(config, config.rule, curves)
        case schema.BPRule():
            return _gradient(config, config.rule, curves, Symmetric())
        case schema.RBPRule(wiring="layerwise"):
            return _gradient(config, config.rule, curves, Layerwise(config.rule.feedback_scale))
        case schema.RBPRule():
            return _gradient(config, config.rule, curves, Direct(_feedback(config.rule, config.rule.feedback_scale)))


def _erbp(config: schema.Config, rule: schema.ERBPRule, curves: bool) -> ERBP:
    dt, layers = config.encoding.dt, len(config.network.layers) - 1
    outputs = config.network.ends[1]
    gates = _for_each("gate", rule.gate, layers, "layers")
    scales = _for_each("feedback_scale", rule.feedback_scale, layers - 1, "hidden layers")
    errors = _for_each("errors", rule.errors, layers - 1, "hidden layers")
    return ERBP(
        label=Curves(outputs) if curves else LabelNeurons(outputs, ticks("rule.label_period", rule.label_period, dt)),
        gates=tuple(Boxcar(*pair) for pair in gates),
        error=ErrorNeurons(rule.error_weight, rule.error_threshold),
        dendrite=Dendrite(rule.tau_dendrite / dt),
        feedback=tuple(_feedback(rule, scale) for scale in scales),
        output_scale=rule.output_scale,
        blank_out_gates_learning=rule.blank_out_gates_learning,
        rate_penalty=_for_each("rate_penalty", rule.rate_penalty, layers - 1, "hidden layers"),
        local=tuple(_readout(rule, kind, dt) for kind in errors),
    )


def _readout(rule: schema.ERBPRule, kind: str, dt: float) -> Readout | None:
    match kind:
        case "local":
            return LocalReadout(rule.readout_gain, rule.readouts)
        case "learned":
            return LearnedReadout(rule.readout_gain, rule.readout_rate, rule.tau_readout / dt)
    return None


def _feedback(rule: schema.ERBPRule | schema.RBPRule, scale: float) -> RandomFeedback:
    return RandomFeedback(scale, rule.zero_sum)


def _for_each(key: str, values: tuple, wanted: int, what: str) -> tuple:
    if len(values) not in (1, wanted):
        raise UserError(f"rule.{key}: one value, or one for each of the {wanted} {what}; got {len(values)}")
    return values * wanted if len(values) == 1 else values


def _gradient(config: schema.Config, rule: schema.GradientRule, curves: bool, wiring: Wiring) -> BackProp:
    surrogate = Surrogate(rule.surrogate.kind, rule.surrogate.width)
    tau = config.task.tau if isinstance(config.task, schema.RegressionTask) else 20.0
    loss = CurveError(tau / config.encoding.dt) if curves else _loss(rule.loss)
    return BackProp(surrogate, loss, wiring, rule.segment)


def _loss(section: schema.Loss) -> Loss:
    match section:
        case schema.CrossEntropyLoss():
            return CrossEntropy(section.gain)
        case schema.SquaredErrorLoss():
            return SquaredError()
