"""Where spikes go: synaptic operations, counted exactly and per sample, for any connection.

A spike is whatever is not 0. Counts are whole numbers of 64 bits (`Wide`): a tick of one sample may address more than
2^32 synapses.
"""

from functools import singledispatch
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.connections.base import Connection
from erbp_jax.connections.conv import Conv2d
from erbp_jax.connections.dense import Dense
from erbp_jax.connections.pool import Pool2d
from erbp_jax.connections.transmission import Reliable
from erbp_jax.counting import WORD, Wide, places, wide_product, wide_sum, wide_total, wide_zeros

EXACT = 2**24
"""Whole numbers up to here are float32."""


def addressed(connection: Connection, pre: jax.Array) -> Wide:
    r"""Synapses that the spikes `pre[..., I]` address, `[...]`: the one definition of a synaptic operation.

    .. math:: \sum_i [s_i \ne 0]\, f_i

    with f the connection's fan-out.
    """
    fan_out = _fan_out(connection)
    most = int(fan_out.sum())
    if fan_out.min() == fan_out.max():
        return wide_product(_spikes(connection, pre), int(fan_out[0]), most)
    high, low = (
        jnp.where(pre != 0, jnp.asarray(words, jnp.uint32).reshape((1,) * (pre.ndim - 1) + (-1,)), 0)
        for words in np.divmod(fan_out, WORD)
    )
    return wide_total(low, most) if most < WORD else wide_sum(Wide(low, high), -1)


def delivered(connection: Connection, pre: jax.Array, key: jax.Array | None) -> Wide:
    """Of the addressed synapses those that transmit under the `key[...]` of the tick, `[...]`.

    Raises:
        ValueError: a transmission that draws no masks, so that nothing can be counted.
    """
    if _is_reliable(connection):
        return addressed(connection, pre)
    return wide_total(_crossing(connection, pre, key), synapses(connection))


def writes(connection: Connection, pre: jax.Array, gate: jax.Array | None, key: jax.Array | None = None) -> Wide:
    """Plasticity events: presynaptic spikes `pre[..., I]` at synapses whose `gate[..., O]` is open, `[...]`.

    All gates are open if there is none. With the transmission's `key`, only where the spike was transmitted. None where
    a connection has no parameters: there is nothing to write.

    Raises:
        ValueError: as `delivered`, with a key.
    """
    if not learns(connection):
        return wide_zeros(*pre.shape[:-1])
    if key is not None and _is_reliable(connection):
        key = None
    if gate is None:
        return addressed(connection, pre) if key is None else delivered(connection, pre, key)
    arriving = arrivals(connection, pre) if key is None else _crossing(connection, pre, key)
    most = synapses(connection)
    if arriving.shape[-1] == 1:
        return wide_product(arriving[..., 0], gate.sum(-1, dtype=jnp.int32), most)
    return wide_total(jnp.where(gate, arriving, 0), most)


def synapses(connection: Connection) -> int:
    """All of a connection's, each position of shared weights counted."""
    return int(_fan_out(connection).sum())


def learns(connection: Connection) -> bool:
    """Whether the connection has parameters, so that a rule finds something to move."""
    return bool(jax.tree.leaves(_shapes(connection)))


@singledispatch
def arrivals(connection: Any, pre: jax.Array) -> jax.Array:
    r"""Spikes that reach each postsynaptic unit, `pre[..., I] -> [..., O]`, int32.

    .. math:: a_o = \sum_i [s_i \ne 0]\, n_{io}, \qquad n_{io} \text{ synapses from i to o}, \quad
        \sum_o n_{io} = f_i

    A connection that knows a cheap way registers it, and may return `[..., 1]` if all units receive the same. For any
    other the synapses are looked up once, one input after the other, by what it makes of a spike with all weights at
    one: memory `[I, O]`.

    Raises:
        ValueError: what is found does not fit the connection's fan-out.
    """
    table = _look_up(connection)
    spikes = (pre != 0).astype(jnp.float32)
    return jnp.matmul(spikes, table, precision=jax.lax.Precision.HIGHEST).astype(jnp.int32)


@arrivals.register
def _(connection: Dense, pre: jax.Array) -> jax.Array:
    return _spikes(connection, pre)[..., None]


@arrivals.register
def _(connection: Conv2d, pre: jax.Array) -> jax.Array:
    seen = connection.windows.total(_maps(connection, pre).sum(-1, keepdims=True, dtype=jnp.int32))
    every = jnp.broadcast_to(seen, (*seen.shape[:-1], connection.channels))
    return every.reshape(*pre.shape[:-1], connection.outputs)


@arrivals.register
def _(connection: Pool2d, pre: jax.Array) -> jax.Array:
    seen = connection.windows.total(_maps(connection, pre).astype(jnp.int32))
    return seen.reshape(*pre.shape[:-1], connection.outputs)


def _maps(connection: Conv2d | Pool2d, pre: jax.Array) -> jax.Array:
    return pre.reshape(-1, *connection.input_shape) != 0


def _spikes(connection: Any, pre: jax.Array) -> jax.Array:
    """How many of `pre[..., I]` are spikes, int32 `[...]`."""
    if getattr(getattr(connection, "transmission", None), "by_events", False):
        # The transmission has looked for the spikes already: this is one look, not two, after compilation.
        return places(pre.reshape(-1, pre.shape[-1])).counts.reshape(pre.shape[:-1])
    fired = pre != 0
    if pre.shape[-1] <= EXACT:  # floats are summed faster than whole numbers
        return fired.astype(jnp.float32).sum(-1).astype(jnp.int32)
    return fired.sum(-1, dtype=jnp.int32)


def _crossing(connection: Any, pre: jax.Array, key: jax.Array | None) -> jax.Array:
    """Spikes that cross to each unit under the key, int32 `[..., O]`: the currents of unit weights."""
    transmission = getattr(connection, "transmission", None)
    if transmission is not None and not transmission.has_masks:
        raise ValueError(f"{type(transmission).__name__} draws no masks: delivered spikes cannot be counted")
    name = type(connection).__name__
    if connection.inputs > EXACT:
        raise ValueError(f"{name}: crossing spikes are counted in float32, for up to {EXACT} inputs")
    with jax.ensure_compile_time_eval():
        ones = jnp.ones((connection.outputs,), jnp.float32)
        of_each = np.asarray(connection.transpose(_ones(connection), ones))
    if not np.array_equal(of_each, _fan_out(connection)):
        raise ValueError(
            f"{name}: with all weights at one a spike does not give each of its synapses a current of one, so that "
            "crossing spikes cannot be counted"
        )
    current = connection(_ones(connection), (pre != 0).astype(jnp.float32), key=key)
    return current.astype(jnp.int32)


def _look_up(connection: Any) -> np.ndarray:
    """How many synapses lead from each input to each output, float32 `[I, O]`."""
    fan_out = _fan_out(connection)
    with jax.ensure_compile_time_eval():
        alone, ones = connection.reliable(), _ones(connection)
        one = jax.jit(lambda unit: alone(ones, jax.nn.one_hot(unit, alone.inputs, dtype=jnp.float32)[None])[0])
        table = np.stack([np.asarray(one(unit)) for unit in range(alone.inputs)])
    for found in (table, (table != 0).astype(np.float32)):
        if np.array_equal(found.sum(1), fan_out):
            return found
    raise ValueError(f"{type(connection).__name__}: its synapses do not fit its fan-out; register it with `arrivals`")


def _is_reliable(connection: Any) -> bool:
    return connection.reliable() == connection or isinstance(getattr(connection, "transmission", None), Reliable)


def _fan_out(connection: Any) -> np.ndarray:
    with jax.ensure_compile_time_eval():
        return np.asarray(connection.fan_out()).astype(np.int64)


def _shapes(connection: Any) -> Any:
    return jax.eval_shape(connection.init, jax.random.key(0, impl="threefry2x32"))


def _ones(connection: Any) -> Any:
    return jax.tree.map(lambda w: jnp.ones(w.shape, w.dtype), _shapes(connection))
