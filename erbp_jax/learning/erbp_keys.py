"""eRBP as a config writes it: flat keys, one value or one for each layer."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from erbp_jax.encoding import LabelNeurons, teacher_for
from erbp_jax.errors import UserError
from erbp_jax.learning.base import Suggested
from erbp_jax.learning.erbp import ERBP
from erbp_jax.learning.feedback import RandomFeedback
from erbp_jax.learning.gate import Boxcar
from erbp_jax.learning.learned_readout import LearnedReadout
from erbp_jax.learning.readout import LocalReadout, Readout
from erbp_jax.network import Network
from erbp_jax.neurons import Dendrite, ErrorNeurons
from erbp_jax.registry import Context, register
from erbp_jax.units import Above, Count, Infinite, Listed, NonNegative, Positive, Ticks, Time, Unit

Gate = tuple[float, float]
Errors = Literal["output", "local", "learned"]
READOUT_KEYS = {
    "readout_gain": (("local", "learned"), 3.0),
    "readout_rate": (("learned",), 3.0),
    "tau_readout": (("learned",), 5.0),
    "readouts": (("local",), 1),
}
"""Which errors of a layer's own a key is for, and its default."""


def consistent(section: Any) -> None:
    """Refuse gates that are upside down, and keys of readouts that no layer has.

    Raises:
        ValueError: says which.
    """
    for low, high in section.gate:
        if not low < high:
            raise ValueError(f"gate: low must lie below high, got [{low}, {high}]")
    for name, (kinds, default) in READOUT_KEYS.items():
        given = getattr(section, name)
        if given != default and not set(kinds) & set(section.errors):
            needed = " or ".join(f"`errors: {kind}`" for kind in kinds)
            raise ValueError(f"{name}: {given} has no layer to work on; it needs {needed}")


def suggested(section: Mapping[str, Any]) -> Suggested | None:
    """What suits a section, as plain data; None if its feedback scales are invalid, which is reported elsewhere."""
    scale = section.get("feedback_scale", 3.0)
    scales = scale if isinstance(scale, (list, tuple)) else [scale]
    if not all(isinstance(s, (int, float)) and s >= 0 for s in scales):
        return None
    return ERBP(LabelNeurons(2), feedback=RandomFeedback(float(max(scales, default=1.0)))).suggested()


@register("rule", "erbp", "perbp", family="eRBP", errors=True, check=consistent, suggested=suggested)
def erbp(
    context: Context,
    network: Network,
    classes: int,
    gate: Annotated[
        tuple[Gate, ...],
        Listed(of_lists=True),
        Infinite(),
        "Boxcar on the synaptic current: `[low, high]`, or one such pair a layer; in units of the weights.",
    ] = ((-2.0, 2.0),),
    feedback_scale: Annotated[
        tuple[NonNegative, ...],
        Listed(),
        "Size of the random feedback, or, of a layer with `learned` errors, what these are multiplied by on their way "
        "back through the readout's weights: one number, or one for each hidden layer. What matters is the learning "
        "rate times this: best near 0.03 in the recipes of configs/, near 0.003 with the default neurons.",
    ] = (3.0,),
    errors: Annotated[
        tuple[Errors, ...],
        Listed(),
        "Whose errors reach a hidden layer: the output's, or those of the layer's own local classifier, which reads "
        "the layer through its feedback weights transposed. These stay as they are (`local`) or learn (`learned`). "
        "One, or one for each hidden layer.",
    ] = ("output",),
    readout_gain: Annotated[
        Positive,
        "Root mean square of the current into a neuron of a local classifier if every unit fired: in thresholds, or, "
        "where it learns, at first and in nats.",
    ] = 3.0,
    readout_rate: Annotated[Positive, "Learning rate of a `learned` readout, relative to that of the network."] = 3.0,
    tau_readout: Annotated[Time, "Membrane time constant of a `learned` readout."] = 5.0,
    readouts: Annotated[
        Count,
        "Readouts that a layer with `local` errors has, each with its own random weights and error neurons for all "
        "classes.",
    ] = 1,
    zero_sum: Annotated[
        bool, "Every hidden unit's feedback sums to zero over the classes; not where targets are curves."
    ] = True,
    output_scale: Annotated[NonNegative, "Weight from an error neuron to the dendrite of its output neuron."] = 1.0,
    tau_dendrite: Annotated[Time, "Time constant of the dendrites that integrate the errors."] = 5.0,
    error_weight: Annotated[Positive, "Weight of a label or an output spike onto its error neurons."] = 0.9,
    error_threshold: Annotated[Positive, "Threshold of the error neurons, in the unit of their weight."] = 1.0,
    label_period: Annotated[float, Unit("ms", "ticks"), Above(0.0), "Interval between label spikes."] = 4.0,
    burn_in: Annotated[Ticks, "Time at the start of a presentation without learning."] = 10,
    blank_out_gates_learning: Annotated[bool, "Whether only synapses that transmitted the spike change."] = False,
    rate_penalty: Annotated[
        tuple[NonNegative, ...],
        Listed(),
        "Strength of activity regularisation, in units of the dendritic potential: one, or one for each hidden layer.",
    ] = (0.0,),
    per_gain: Annotated[
        bool,
        "Gates in units of the synapse's gain, 1 / (1 - exp(-dt / tau_syn)), and the learning rate per unit of it: the "
        "same numbers then suit neurons of any tau_syn.",
    ] = False,
) -> ERBP:
    """Event-driven random back-propagation.

    Raises:
        UserError: a number of values that does not fit the layers.
    """
    del burn_in  # of the schedule
    layers = len(network.populations)

    def each(name: str, values: tuple[Any, ...], wanted: int, what: str) -> tuple[Any, ...]:
        if len(values) not in (1, wanted):
            raise UserError(
                f"{context.key}.{name}: one value, or one for each of the {wanted} {what}; got {len(values)}"
            )
        return values * wanted if len(values) == 1 else values

    def readout(kind: Errors) -> Readout | None:
        match kind:
            case "local":
                return LocalReadout(readout_gain, readouts)
            case "learned":
                return LearnedReadout(readout_gain, readout_rate, tau_readout)
        return None

    gates = each("gate", gate, layers, "layers")
    scales = each("feedback_scale", feedback_scale, layers - 1, "hidden layers")
    kinds = each("errors", errors, layers - 1, "hidden layers")
    return ERBP(
        label=teacher_for(classes, int(label_period)),
        gates=tuple(Boxcar(*pair) for pair in gates),
        error=ErrorNeurons(error_weight, error_threshold),
        dendrite=Dendrite(tau_dendrite),
        feedback=tuple(RandomFeedback(scale, zero_sum and classes > 1) for scale in scales),
        output_scale=output_scale,
        blank_out_gates_learning=blank_out_gates_learning,
        rate_penalty=each("rate_penalty", rate_penalty, layers - 1, "hidden layers"),
        local=tuple(readout(kind) for kind in kinds),
        per_gain=per_gain,
    )
