"""Layers, and the synapses between them."""

from typing import Annotated, Literal

from pydantic import Field

from erbp_jax.config.schema.base import Count, NonNegative, Positive, Probability, Section
from erbp_jax.config.schema.neuron import LIFNeuron, Neuron


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
    output_neuron: Neuron | None = None
    """The last layer's neurons, if they differ from the others."""
    transmission: Transmission = ReliableTransmission()
    delay: NonNegative = 0.0
    """From a spike to its arrival at the next layer, ms."""
    init_gain: Positive = 1.0
    """Weights start as U(-b, b), b = init_gain sqrt(7 / (inputs + outputs))."""
