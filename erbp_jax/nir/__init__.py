"""Exchange of networks with other simulators by NIR, the Neuromorphic Intermediate Representation (extra `nir`)."""

from erbp_jax.nir.connections import Affine, Convolution, Pooling, Scale, Wire
from erbp_jax.nir.evaluating import Evaluated, evaluate_nir
from erbp_jax.nir.exporting import to_nir
from erbp_jax.nir.files import read, write
from erbp_jax.nir.importing import from_nir
from erbp_jax.nir.info import info
from erbp_jax.nir.neuron import NIRNeuron, NIRState, Relay, RelayState
from erbp_jax.nir.values import Values

__all__ = [
    "Affine",
    "Convolution",
    "Evaluated",
    "NIRNeuron",
    "NIRState",
    "Pooling",
    "Relay",
    "RelayState",
    "Scale",
    "Values",
    "Wire",
    "evaluate_nir",
    "from_nir",
    "info",
    "read",
    "to_nir",
    "write",
]
