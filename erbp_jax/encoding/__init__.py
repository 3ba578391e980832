"""From samples and targets to spikes."""

from erbp_jax.encoding.analog import Analog
from erbp_jax.encoding.base import Encoder, TickEncoder
from erbp_jax.encoding.curves import Curves, teacher_for
from erbp_jax.encoding.escape import ExponentialEscape
from erbp_jax.encoding.frames import Frames
from erbp_jax.encoding.label import LabelNeurons
from erbp_jax.encoding.poisson import Poisson
from erbp_jax.encoding.regular import Regular
from erbp_jax.encoding.teacher import Teacher

__all__ = [
    "Analog",
    "Curves",
    "Encoder",
    "ExponentialEscape",
    "Frames",
    "LabelNeurons",
    "Poisson",
    "Regular",
    "Teacher",
    "TickEncoder",
    "teacher_for",
]
