"""Connections that remember nothing, called with rows of spikes."""

from erbp_jax.connections import Arrived


def current(connection, params, spikes, key=None):
    """`spikes[..., I]`, `key[...]` -> `[..., O]`."""
    return connection(params, (), spikes, key=key)[1]


def updated(connection, params, spikes, post, key=None):
    """The local update of the weights, gated with a key."""
    return connection.plasticity(params, Arrived(spikes, key), post, gated=key is not None)["weight"]
