"""From images and labels to spikes."""

from erbp_jax.encoding.analog import Analog
from erbp_jax.encoding.base import Encoder
from erbp_jax.encoding.escape import ExponentialEscape
from erbp_jax.encoding.label import LabelNeurons
from erbp_jax.encoding.poisson import Poisson
from erbp_jax.encoding.regular import Regular

__all__ = ["Analog", "Encoder", "ExponentialEscape", "LabelNeurons", "Poisson", "Regular"]
