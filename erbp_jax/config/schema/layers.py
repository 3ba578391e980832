"""The layers of a network: a number of units, or what a layer of maps is."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from erbp_jax.config.schema.base import Count, Finite, Positive, Section


class ConvLayer(Section):
    """Maps through shared kernels."""

    kind: Literal["conv"]
    channels: Count
    """Maps."""
    kernel: Count
    """Height and width of the window."""
    stride: Count = 1
    padding: Literal["same", "valid"] = "same"
    initial: tuple[Finite, Finite] | None = None
    """Weights start as U(low, high); if not given as U(-b, b), b = network.init_gain sqrt(7 / (synapses onto a unit +
    synapses from a unit))."""


class PoolLayer(Section):
    """Windows of each map onto one unit, through equal synapses that do not learn."""

    kind: Literal["pool"]
    size: Count
    stride: Count | None = None
    """As the size if not given."""
    padding: Literal["same", "valid"] = "valid"
    mode: Literal["average", "sum"] = "average"
    gain: Positive = 1.0
    """Weight of a synapse; for averages over the window's area."""


PLAIN = "units"
"""The tag, in a union of kinds, of what is a plain value and says no kind."""


def _which(value: Any) -> str | None:
    """The kind of a spec; whatever is none is to be a number."""
    if isinstance(value, dict):
        return value.get("kind")
    return getattr(value, "kind", PLAIN)


LayerSpec = Annotated[
    Annotated[Count | Literal["auto"], Tag(PLAIN)]
    | Annotated[ConvLayer, Tag("conv")]
    | Annotated[PoolLayer, Tag("pool")],
    Discriminator(_which),
]
MOST_LAYERS = 64
"""The input among them: each is compiled on its own."""
Layers = Annotated[tuple[LayerSpec, ...], Field(min_length=2, max_length=MOST_LAYERS)]
