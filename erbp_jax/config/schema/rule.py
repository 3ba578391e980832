"""Learning rules."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from erbp_jax.config.schema.base import Bound, Count, NonNegative, Positive, Section, listed

Gate = tuple[Bound, Bound]


def _gates(value: Any) -> Any:
    """`[low, high]` for all layers, or a list of such pairs, one a layer."""
    if isinstance(value, (list, tuple)) and value and not isinstance(value[0], (list, tuple)):
        return (tuple(value),)
    return value


class ERBPRule(Section):
    kind: Literal["erbp", "perbp"] = "erbp"
    gate: Annotated[tuple[Gate, ...], BeforeValidator(_gates), Field(min_length=1)] = ((-2.0, 2.0),)
    """Boxcar on the synaptic current: `[low, high]`, or one such pair a layer; in units of the weights."""
    feedback_scale: Annotated[tuple[NonNegative, ...], BeforeValidator(listed), Field(min_length=1)] = (1.0,)
    """Size of the random feedback, or, of a layer with `learned` errors, what these are multiplied by on their way back
    through the readout's weights: one number, or one for each hidden layer."""
    errors: Annotated[
        tuple[Literal["output", "local", "learned"], ...], BeforeValidator(listed), Field(min_length=1)
    ] = ("output",)
    """Whose errors reach a hidden layer: the output's, or those of the layer's own guess at the label, which it makes
    through its feedback weights turned round. These stay as they are (`local`) or learn to guess (`learned`). One, or
    one for each hidden layer."""
    readout_gain: Positive = 3.0
    """Root mean square of the current into a neuron of a layer's own readout if every unit fired: in thresholds, or,
    where it learns, at first and in nats."""
    readout_rate: Positive = 3.0
    """Learning rate of a `learned` readout, in those of the network."""
    tau_readout: NonNegative = 5.0
    """Membrane time constant of a `learned` readout, ms."""
    readouts: Count = 1
    """Readouts a layer with `local` errors has, each with its own random weights and error neurons for all classes."""
    zero_sum: bool = True
    output_scale: NonNegative = 1.0
    """Weight from an error neuron to the dendrite of its own output neuron."""
    tau_dendrite: NonNegative = 5.0
    error_weight: Positive = 0.9
    error_threshold: Positive = 1.0
    label_period: Positive = 4.0
    """Interval between label spikes, ms."""
    burn_in: NonNegative = 10.0
    """Time at the start of a presentation in which nothing is learned, ms."""
    blank_out_gates_learning: bool = False
    rate_penalty: Annotated[tuple[NonNegative, ...], BeforeValidator(listed), Field(min_length=1)] = (0.0,)
    """What a spike costs a hidden unit, in units of its dendritic potential: one, or one for each hidden layer."""

    @model_validator(mode="after")
    def _consistent(self) -> "ERBPRule":
        for low, high in self.gate:
            if not low < high:
                raise ValueError(f"gate: low must lie below high, got [{low}, {high}]")
        for name, kinds in _READOUT_KEYS.items():
            given, default = getattr(self, name), type(self).model_fields[name].default
            if given != default and not set(kinds) & set(self.errors):
                needed = " or ".join(f"`errors: {kind}`" for kind in kinds)
                raise ValueError(f"{name}: {given} has no layer to work on; it needs {needed}")
        return self


_READOUT_KEYS = {
    "readout_gain": ("local", "learned"),
    "readout_rate": ("learned",),
    "tau_readout": ("learned",),
    "readouts": ("local",),
}
"""Which errors of a layer's own a key is for."""


class SurrogateSection(Section):
    kind: Literal["boxcar", "fast_sigmoid", "arctan", "triangular"] = "boxcar"
    width: Positive = 1.0
    """In units of the membrane potential."""


class CrossEntropyLoss(Section):
    kind: Literal["cross_entropy"] = "cross_entropy"
    gain: Positive = 10.0
    """Logits are `gain` times the output's rates, as fractions of the highest rate."""


class SquaredErrorLoss(Section):
    kind: Literal["squared_error"] = "squared_error"


Loss = Annotated[CrossEntropyLoss | SquaredErrorLoss, Field(discriminator="kind")]


class GradientRule(Section):
    """What BP and RBP have in common."""

    form: Literal["spiking", "rate"] = "spiking"
    """Through time with surrogate derivatives, or on the non-spiking network of the same layers."""
    surrogate: SurrogateSection = SurrogateSection()
    smoothing: Positive = 0.5
    """Scale of the threshold noise in the transfer function of the rate form, in units of the membrane potential."""
    loss: Loss = CrossEntropyLoss()
    segment: Count | None = None
    """Ticks that the backward pass keeps at a time; the rest is computed again. All of them if not given."""


class BPRule(GradientRule):
    kind: Literal["bp"]


class RBPRule(GradientRule):
    kind: Literal["rbp"]
    wiring: Literal["direct", "layerwise"] = "direct"
    """From the output to every hidden layer, as in eRBP, or back through one layer after the other."""
    feedback_scale: NonNegative = 1.0
    zero_sum: bool = True
    """For direct wiring: every hidden unit's feedback sums to zero over the classes."""


Rule = Annotated[ERBPRule | BPRule | RBPRule, Field(discriminator="kind")]
