"""Synapses between layers: what they transmit, and how they learn."""

from erbp_jax.connections.base import Arrived, Connection
from erbp_jax.connections.conv import Conv2d
from erbp_jax.connections.dense import Dense
from erbp_jax.connections.linear import LinearConnection
from erbp_jax.connections.pool import Pool2d
from erbp_jax.connections.transmission import (
    BlankOut,
    GaussianBlankOut,
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
    "Dense",
    "GaussianBlankOut",
    "LinearConnection",
    "Params",
    "Pool2d",
    "Reliable",
    "SharedBlankOut",
    "Transmission",
]
