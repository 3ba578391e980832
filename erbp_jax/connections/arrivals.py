"""Counts of connections that remember nothing, as functions of spikes: the names from before `Connection` had them."""

from typing import Any

import jax

from erbp_jax.connections.base import Arrived, Connection
from erbp_jax.counting import Wide
from erbp_jax.params import Params


def addressed(connection: Connection, pre: jax.Array) -> Wide:
    """As `Connection.addressed`."""
    return connection.addressed(Params({}), Arrived(pre))


def delivered(connection: Connection, pre: jax.Array, key: jax.Array | None) -> Wide:
    """As `Connection.delivered`."""
    return connection.delivered(Params({}), Arrived(pre, key))


def writes(connection: Connection, pre: jax.Array, gate: jax.Array | None, key: jax.Array | None = None) -> Wide:
    """As `Connection.writes`, gated with a key."""
    return connection.writes(Params({}), Arrived(pre, key), gate, gated=key is not None)


def synapses(connection: Any) -> int:
    """As `Connection.synapses`."""
    return connection.synapses


def learns(connection: Any) -> bool:
    """As `Connection.learns`."""
    return connection.learns
