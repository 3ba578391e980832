"""Synapses between layers: what they transmit, and how they learn."""

from erbp_jax.connections.base import Arrived, Connection
from erbp_jax.connections.conv import Conv2d
from erbp_jax.connections.delayed import Delayed
from erbp_jax.connections.dense import Dense
from erbp_jax.connections.host import Delays, SynapseList
from erbp_jax.connections.linear import LinearConnection
from erbp_jax.connections.placed import PlacedConnection
from erbp_jax.connections.pool import Pool2d
from erbp_jax.connections.sparse import Sparse
from erbp_jax.connections.transmission import (
    BlankOut,
    Reliable,
    SharedBlankOut,
    Transmission,
)
from erbp_jax.params import Params

__all__ = [
    "Arrived",
    "BlankOut",
    "Connection",
    "Conv2d",
    "Delayed",
    "Delays",
    "Dense",
    "LinearConnection",
    "Params",
    "PlacedConnection",
    "Pool2d",
    "Reliable",
    "SharedBlankOut",
    "Sparse",
    "SynapseList",
    "Transmission",
]
