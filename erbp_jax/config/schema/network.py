"""Layers, and the synapses between them."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from erbp_jax.config.schema.base import NonNegative, Positive, Probability, Section, listed
from erbp_jax.config.schema.components import Adaptation, LayerSpec, Neuron
from erbp_jax.config.sections import default_section
from erbp_jax.units import Unit

MOST_LAYERS = 64
"""The input among them: each is compiled on its own."""
Layers = Annotated[tuple[LayerSpec, ...], Field(min_length=2, max_length=MOST_LAYERS)]


class ReliableTransmission(Section):
    kind: Literal["reliable"] = "reliable"


class BlankOutTransmission(Section):
    kind: Literal["blank_out", "shared_blank_out"] = "blank_out"
    p: Annotated[tuple[Probability, ...], BeforeValidator(listed), Field(min_length=1)] = (0.65,)
    """Transmission probability: one, or one for each layer after the input. At 1 no random numbers are drawn."""


Transmission = Annotated[ReliableTransmission | BlankOutTransmission, Field(discriminator="kind")]


class NetworkSection(Section):
    layers: Layers = (784, 100, 10)
    """Units per layer, the input first; or `{kind: conv, ...}` and the like, which says how a layer is connected to the
    one before. The first and the last may be `auto`: the values of a sample and the classes of the data."""
    neuron: Neuron = default_section("neuron")
    """The neurons of all layers."""
    output_neuron: Neuron | None = None
    """Neurons of the last layer, if they differ from the others."""
    adaptation: Adaptation | None = None
    """Homeostatic adaptation of the hidden neurons during learning, if any."""
    transmission: Transmission = ReliableTransmission()
    """How spikes cross the synapses."""
    events: Literal["auto", "none", "input", "all"] = "auto"
    """Layers whose presynaptic spikes are processed one by one instead of by a matrix product: the same sums in
    another order. `auto`: the input layer, on a CPU, if that is faster: for given spike trains by a cost model of the
    layer's size and the spikes of the data, otherwise if less than a twentieth of the inputs spike in a tick."""
    delay: Annotated[NonNegative, Unit("ms")] = 0.0
    """Delay from a spike to its arrival at the next layer."""
    recurrent: bool = False
    """Whether each hidden layer has an all-to-all projection onto itself, with a delay of one tick."""
    init_gain: Positive = 1.0
    """Weights start as U(-b, b), b = init_gain sqrt(7 / (inputs + outputs))."""

    @model_validator(mode="after")
    def _between_units(self) -> "NetworkSection":
        first, *between, last = self.layers
        if not isinstance(first, int | str) or _units(last) is None:
            raise ValueError("layers: the first and the last must be numbers of units, or auto: pixels and classes")
        if "auto" in between:
            raise ValueError("layers: only the first and the last may be auto")
        return self

    @property
    def ends(self) -> tuple[int, int]:
        """Units of the first layer and of the last, once these are known (`sized`)."""
        first, last = self.layers[0], _units(self.layers[-1])
        assert isinstance(first, int)
        assert isinstance(last, int)
        return first, last

    @property
    def first_dense(self) -> int | None:
        """Units of the layer after the input, if each is connected to all inputs."""
        layer = self.layers[1]
        dense = isinstance(layer, int | str) or layer.kind == "dense"
        return _units(layer) if dense else None

    def sized(self, inputs: int, outputs: int) -> Self:
        """The same section with these in place of `auto`."""
        first, *between, last = self.layers
        ends = [n if given == "auto" else given for given, n in ((first, inputs), (last, outputs))]
        return self.model_copy(update={"layers": (ends[0], *between, ends[1])})


def _units(layer: Any) -> Any:
    """The units of a layer that specifies them, or `auto`."""
    return layer if isinstance(layer, int | str) else getattr(layer, "outputs", None)
