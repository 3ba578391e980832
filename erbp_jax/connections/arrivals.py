"""Where spikes go: synaptic operations, counted exactly and per sample, for any connection."""

from functools import singledispatch
from typing import Any

import jax
import jax.numpy as jnp

from erbp_jax.connections.base import Connection
from erbp_jax.connections.dense import Dense
from erbp_jax.counting import places


@singledispatch
def arrivals(connection: Any, pre: jax.Array) -> jax.Array:
    r"""Spikes that are sent to each postsynaptic unit, `pre[..., I] -> [..., O]`, float32 and whole.

    .. math:: a_o = \sum_i s_i\, [\text{there is a synapse } i \to o], \qquad s_i \in \{0, 1\}

    A pass of the connection with all weights at one; a connection that knows a cheaper way registers it, and may return
    `[..., 1]` if all units receive the same. Exact up to 2^24 spikes times synapses in a tick.
    """
    return connection.reliable()(_ones(connection), pre)


@arrivals.register
def _(connection: Dense, pre: jax.Array) -> jax.Array:
    if getattr(connection.transmission, "by_events", False):
        # The transmission has looked for the spikes already: this is one look, not two, after compilation.
        found = places(pre.reshape(-1, connection.inputs) != 0).counts
        return found.astype(jnp.float32).reshape(*pre.shape[:-1], 1)
    return pre.sum(-1, keepdims=True)


def addressed(connection: Connection, pre: jax.Array) -> jax.Array:
    """Synapses that the spikes `pre[..., I]` address: spikes times fan-out, int32 `[...]`."""
    arriving = arrivals(connection, pre)
    everyone = connection.outputs if arriving.shape[-1] == 1 else 1
    return everyone * arriving.sum(-1).astype(jnp.int32)


def delivered(connection: Connection, pre: jax.Array, key: jax.Array | None) -> jax.Array:
    """Of the addressed synapses those that transmit under the `key[...]` of the tick, int32 `[...]`.

    Raises:
        ValueError: a transmission that draws no masks, so that nothing can be counted.
    """
    if connection.reliable() == connection:
        return addressed(connection, pre)
    transmission = getattr(connection, "transmission", None)
    if transmission is not None and not transmission.has_masks:
        raise ValueError(f"{type(transmission).__name__} draws no masks: delivered spikes cannot be counted")
    return connection(_ones(connection), pre, key=key).sum(-1).astype(jnp.int32)


def writes(connection: Connection, pre: jax.Array, gate: jax.Array | None, key: jax.Array | None = None) -> jax.Array:
    """Plasticity events: presynaptic spikes `pre[..., I]` at synapses whose `gate[..., O]` is open, int32 `[...]`.

    All gates are open if there is none. With the transmission's `key`, only where the spike was transmitted.
    """
    if gate is None:
        return addressed(connection, pre) if key is None else delivered(connection, pre, key)
    arriving = arrivals(connection, pre) if key is None else connection(_ones(connection), pre, key=key)
    is_open = gate.astype(jnp.float32)
    if arriving.shape[-1] == 1:
        return (arriving[..., 0] * is_open.sum(-1)).astype(jnp.int32)
    return (arriving * is_open).sum(-1).astype(jnp.int32)


def _ones(connection: Connection) -> Any:
    shapes = jax.eval_shape(connection.init, jax.random.key(0, impl="threefry2x32"))
    return jax.tree.map(lambda w: jnp.ones(w.shape, w.dtype), shapes)
