"""Synapses between layers: what they transmit, and how they learn."""

from erbp_jax.connections.base import Connection
from erbp_jax.connections.dense import Dense
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
    "Dense",
    "GaussianBlankOut",
    "Reliable",
    "SharedBlankOut",
    "Transmission",
]
