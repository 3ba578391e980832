"""Synapses between layers: what they transmit, and how they learn."""

from erbp_jax.connections.base import Connection
from erbp_jax.connections.conv import Conv2d
from erbp_jax.connections.dense import Dense
from erbp_jax.connections.pool import Pool2d
from erbp_jax.connections.transmission import (
    BlankOut,
    GaussianBlankOut,
    Reliable,
    SharedBlankOut,
    Transmission,
)

__all__ = [
    "BlankOut",
    "Connection",
    "Conv2d",
    "Dense",
    "GaussianBlankOut",
    "Pool2d",
    "Reliable",
    "SharedBlankOut",
    "Transmission",
]
