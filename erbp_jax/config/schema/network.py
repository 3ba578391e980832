"""Layers, and the synapses between them."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from erbp_jax.config.schema.base import NonNegative, Positive, Probability, Section, listed
from erbp_jax.config.schema.components import LayerSpec, Neuron
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
    """Chance to transmit: one, or one for each layer after the input. Where it is 1 nothing is drawn."""


Transmission = Annotated[ReliableTransmission | BlankOutTransmission, Field(discriminator="kind")]


class NetworkSection(Section):
    layers: Layers = (784, 100, 10)
    """Units per layer, the input first; or `{kind: conv, ...}` and the like, which says how a layer is connected to the
    one before."""
    neuron: Neuron = default_section("neuron")
    """The neurons of all layers."""
    output_neuron: Neuron | None = None
    """The last layer's neurons, if they differ from the others."""
    transmission: Transmission = ReliableTransmission()
    """How spikes cross the synapses."""
    events: Literal["auto", "none", "input", "all"] = "auto"
    """Layers whose presynaptic spikes are worked through one by one, in the place of a matrix product: the same sums in
    another order. `auto`: the input layer, on a CPU, if less than a twentieth of the inputs spike in a tick."""
    delay: Annotated[NonNegative, Unit("ms")] = 0.0
    """From a spike to its arrival at the next layer."""
    init_gain: Positive = 1.0
    """Weights start as U(-b, b), b = init_gain sqrt(7 / (inputs + outputs))."""

    @model_validator(mode="after")
    def _between_units(self) -> "NetworkSection":
        if not isinstance(self.layers[0], int) or _units(self.layers[-1]) is None:
            raise ValueError("layers: the first and the last must be numbers of units: pixels and classes")
        return self

    @property
    def ends(self) -> tuple[int, int]:
        """Units of the first layer and of the last."""
        first, last = self.layers[0], _units(self.layers[-1])
        assert isinstance(first, int)
        assert last is not None
        return first, last


def _units(layer: Any) -> int | None:
    """The units of a layer that says them."""
    return layer if isinstance(layer, int) else getattr(layer, "outputs", None)
