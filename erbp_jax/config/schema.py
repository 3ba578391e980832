"""The shape of a config: every key, its type, its range and its unit.

Times are in milliseconds and rates in hertz, so that a config says the same at any `encoding.dt`; keys that count
ticks say so. `erbp_jax.config.build` turns them into ticks, once.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from erbp_jax.neurons.mihalas_niebur import MihalasNiebur

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Section(BaseModel):
    """A group of keys: frozen, and closed to keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Data(Section):
    name: Literal["mnist", "digits"] = "mnist"
    dir: str | None = None
    train_size: Count | None = None
    test_size: Count | None = None
    validation_size: Annotated[int, Field(ge=0)] = 0
    """Held-out training samples that take the place of the test set, for choosing hyper-parameters."""


class EncodingBase(Section):
    dt: Positive = 1.0
    """Length of a tick, ms."""
    steps: Count = 60
    """Ticks of a presentation."""
    test_steps: Count | None = None
    """Ticks of a presentation at test; as in training if not given."""


class PoissonEncoding(EncodingBase):
    kind: Literal["poisson"] = "poisson"
    max_rate: Positive = 250.0
    """Mean rate of a white pixel, Hz."""
    dead_time: NonNegative = 0.0
    """Silence after a spike, ms; the shortest interval is `dead_time + dt`."""


class RegularEncoding(EncodingBase):
    kind: Literal["regular"] = "regular"
    max_rate: Positive = 250.0


class EscapeEncoding(EncodingBase):
    kind: Literal["escape"] = "escape"
    dead_time: NonNegative = 3.0
    beta: Finite = 0.5
    gamma: Finite = -0.215
    base_rate: Positive = 100.0
    threshold: Finite = 0.1
    slope: Positive = 0.05


Encoding = Annotated[PoissonEncoding | RegularEncoding | EscapeEncoding, Field(discriminator="kind")]


class NoNoise(Section):
    kind: Literal["none"] = "none"


class GaussianNoise(Section):
    kind: Literal["gaussian"] = "gaussian"
    sigma: Positive
    """Standard deviation per tick, in units of the membrane potential."""


class KickNoise(Section):
    kind: Literal["poisson_kicks"] = "poisson_kicks"
    rate: Positive = 1000.0
    """Background spikes per neuron, Hz."""
    amplitude: Finite = 0.05
    """What a background spike adds to the membrane at once, in units of the membrane potential."""


Noise = Annotated[NoNoise | GaussianNoise | KickNoise, Field(discriminator="kind")]


class FiringNeuron(Section):
    """What the integrate-and-fire family has in common."""

    threshold: Positive = 1.0
    refractory: NonNegative = 3.0
    """Time for which a neuron is held after a spike, ms; the shortest interval is `refractory + dt`."""
    reset: Literal["value", "subtract", "none"] = "value"
    noise: Noise = NoNoise()
    integration: Literal["exact", "euler"] = "exact"


class LIFNeuron(FiringNeuron):
    """First-order synapse: equations 2 of the talk. Time constants in ms."""

    kind: Literal["lif"] = "lif"
    tau_mem: NonNegative = 1.0
    tau_syn: NonNegative = 4.0


class LeakyNeuron(FiringNeuron):
    """No synapse of its own: equations 1."""

    kind: Literal["leaky"]
    tau_mem: NonNegative = 10.0


class SecondOrderNeuron(FiringNeuron):
    """Second-order synapse: equations 3."""

    kind: Literal["second_order_lif"]
    tau_mem: NonNegative = 10.0
    tau_syn: NonNegative = 5.0
    tau_rise: NonNegative = 2.0
    bias: Finite = 0.0
    """Added to the synaptic current every ms."""


class DualCompartmentNeuron(FiringNeuron):
    """A soma and a dendrite, coupled: equations 4."""

    kind: Literal["dual_compartment_lif"]
    tau_mem: Positive = 10.0
    tau_den: Positive = 10.0
    tau_syn: NonNegative = 5.0
    to_soma: Finite = 1.0
    to_dendrite: Finite = 0.2
    bias: Finite = 0.0
    """Added to the synaptic current every ms."""


class TwoCompartmentNeuron(LIFNeuron):
    """The eRBP neuron as one object: the soma of `lif`, and a dendrite that takes error spikes."""

    kind: Literal["two_compartment"]  # type: ignore[assignment]
    tau_dendrite: NonNegative = 5.0


_MIHALAS_NIEBUR = MihalasNiebur()


class MihalasNieburNeuron(Section):
    """Adaptive threshold and spike-induced currents: equations 5. ms, mV and mV/ms."""

    kind: Literal["mihalas_niebur"]
    a: Finite = _MIHALAS_NIEBUR.a
    a1: Finite = _MIHALAS_NIEBUR.a1
    a2: Finite = _MIHALAS_NIEBUR.a2
    r1: Finite = _MIHALAS_NIEBUR.r1
    r2: Finite = _MIHALAS_NIEBUR.r2
    b: Positive = _MIHALAS_NIEBUR.b
    g: Positive = _MIHALAS_NIEBUR.g
    k1: Positive = _MIHALAS_NIEBUR.k1
    k2: Positive = _MIHALAS_NIEBUR.k2
    e_leak: Finite = _MIHALAS_NIEBUR.e_leak
    v_reset: Finite = _MIHALAS_NIEBUR.v_reset
    theta_reset: Finite = _MIHALAS_NIEBUR.theta_reset
    theta_inf: Finite = _MIHALAS_NIEBUR.theta_inf
    bias: Finite = _MIHALAS_NIEBUR.bias
    v_init: Finite = _MIHALAS_NIEBUR.v_init
    theta_init: Finite = _MIHALAS_NIEBUR.theta_init
    i1_init: Finite = _MIHALAS_NIEBUR.i1_init
    i2_init: Finite = _MIHALAS_NIEBUR.i2_init
    integration: Literal["exact", "euler"] = "euler"


Neuron = Annotated[
    LIFNeuron | LeakyNeuron | SecondOrderNeuron | DualCompartmentNeuron | MihalasNieburNeuron | TwoCompartmentNeuron,
    Field(discriminator="kind"),
]


class ReliableTransmission(Section):
    kind: Literal["reliable"] = "reliable"


class BlankOutTransmission(Section):
    kind: Literal["blank_out", "shared_blank_out", "gaussian_blank_out"] = "blank_out"
    p: Probability = 0.65
    """Chance to transmit."""


Transmission = Annotated[ReliableTransmission | BlankOutTransmission, Field(discriminator="kind")]


class NetworkSection(Section):
    layers: Annotated[tuple[Count, ...], Field(min_length=2)] = (784, 100, 10)
    """Units per layer, the input first."""
    neuron: Neuron = LIFNeuron()
    transmission: Transmission = ReliableTransmission()
    delay: NonNegative = 0.0
    """From a spike to its arrival at the next layer, ms."""
    init_gain: Positive = 1.0
    """Weights start as U(-b, b), b = init_gain sqrt(7 / (inputs + outputs))."""


Gate = tuple[float, float]


def _gates(value: Any) -> Any:
    """`[low, high]` for all layers, or a list of such pairs, one a layer."""
    if isinstance(value, (list, tuple)) and value and not isinstance(value[0], (list, tuple)):
        return (tuple(value),)
    return value


def _listed(value: Any) -> Any:
    """A number stands for a list of one."""
    return (value,) if isinstance(value, (int, float)) else value


class ERBPRule(Section):
    kind: Literal["erbp", "perbp"] = "erbp"
    gate: Annotated[tuple[Gate, ...], BeforeValidator(_gates), Field(min_length=1)] = ((-2.0, 2.0),)
    """Boxcar on the synaptic current: `[low, high]`, or one such pair a layer; in units of the weights."""
    feedback_scale: Annotated[tuple[NonNegative, ...], BeforeValidator(_listed), Field(min_length=1)] = (1.0,)
    """Size of the random feedback: one number, or one for each hidden layer."""
    zero_sum: bool = True
    output_scale: NonNegative = 1.0
    """Weight from an error neuron to the dendrite of its own output neuron."""
    tau_dendrite: NonNegative = 5.0
    error_weight: Positive = 0.9
    error_threshold: Positive = 1.0
    error_floor: bool = True
    label_period: Positive = 4.0
    """Interval between label spikes, ms."""
    burn_in: NonNegative = 10.0
    """Time at the start of a presentation in which nothing is learned, ms."""
    blank_out_gates_learning: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> "ERBPRule":
        for low, high in self.gate:
            if not low < high:
                raise ValueError(f"gate: low must lie below high, got [{low}, {high}]")
        return self


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


class Optimizer(Section):
    kind: Literal["sgd", "adam"] = "sgd"
    learning_rate: Positive = 1e-3
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_decay: NonNegative = 0.0
    """Fraction of each weight, times the learning rate, that is taken off at every update (decoupled)."""
    schedule: Literal["constant", "exponential", "cosine", "linear"] = "exponential"
    decay: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Factor on the learning rate per epoch, for the exponential schedule; it falls smoothly, not in steps."""
    final: NonNegative = 0.0
    """Fraction of the learning rate at the end, for the cosine and linear schedules."""

    @model_validator(mode="after")
    def _fits(self) -> "Optimizer":
        if self.kind == "adam" and self.momentum:
            raise ValueError(f"momentum: adam has its own, got {self.momentum}; it belongs to kind sgd")
        return self


class Training(Section):
    epochs: Count = 10
    batch_size: Count = 100
    update_every: Count | None = None
    """Ticks over which updates are summed before the weights move; a gradient rule's length of back-propagation
    through time. If not given 5 for local rules, the whole presentation for gradient rules."""
    checkpoint_every: Positive = 1.0
    """Epochs between checkpoints; fractions are allowed."""
    test_batch_size: Count = 500
    reset_state: bool = True
    """Start every presentation at rest; if not, each place of the batch goes on from the sample before, as the
    original did."""
    alignment: bool = True
    """Measure after every epoch how far feedback and updates are from gradient descent."""
    seeds: Count = 1
    """Seeds trained side by side in one program: seed, seed + 1, ..."""


class Config(Section):
    """One experiment."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    data: Data = Data()
    encoding: Encoding = PoissonEncoding()
    network: NetworkSection = NetworkSection()
    rule: Rule = ERBPRule()
    optimizer: Optimizer = Optimizer()
    training: Training = Training()
