"""How long a sample is shown; the encoders say the rest."""

from typing import Annotated

from erbp_jax.config.schema.base import Count, Positive, Section
from erbp_jax.learning.base import OTHERWISE
from erbp_jax.units import Unit


class EncodingBase(Section):
    """How samples become spikes."""

    dt: Annotated[Positive, Unit("ms")] = 1.0
    """Length of a tick."""
    steps: Annotated[Count, Unit("ticks")] = OTHERWISE.steps
    """Ticks of a presentation."""
    test_steps: Annotated[Count, Unit("ticks")] | None = None
    """Ticks of a presentation at test; as in training if not given."""
