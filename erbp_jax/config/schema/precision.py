"""Bits of weights and states."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from erbp_jax.config.schema.base import Integer, Positive, Section, listed

WeightBits = Annotated[Integer, Field(ge=2, le=16)]
StateBits = Annotated[Integer, Field(ge=8, le=16)]


class Precision(Section):
    """Floats if nothing is given."""

    weight_bits: WeightBits | None = None
    """Learn with weights of 2 to 16 bits."""
    rounding: Literal["stochastic", "nearest"] = "stochastic"
    """Rounding of a weight after every update."""
    weight_range: Annotated[tuple[Positive, ...], BeforeValidator(listed), Field(min_length=1)] | None = None
    """Largest weight, one or one for each layer; weights saturate there. If not given 16 times the largest initial
    weight in a layer that reads pixels, 8 times in hidden ones, 4 times in the last."""
    state_bits: StateBits | None = None
    """Keep potentials, synaptic currents and dendrites in 8 to 16 bits, rounded to nearest after every tick."""
    state_range: Positive = 32.0
    """Largest potential or current, in units of the weights."""
    dendrite_range: Positive = 512.0
    """Largest dendritic potential, in units of the feedback weights."""
