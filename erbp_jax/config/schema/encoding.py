"""How images become spikes."""

from typing import Annotated, Literal

from pydantic import Field

from erbp_jax.config.schema.base import Count, Finite, NonNegative, Positive, Section


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
