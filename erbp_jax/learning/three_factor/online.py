"""Learning from given spike trains, tick by tick: for rules outside the trainer, in notebooks and experiments."""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax

from erbp_jax import simulate
from erbp_jax.learning.base import BlockResult, Rule
from erbp_jax.network import Network, NetworkState, Params
from erbp_jax.random import fold_each


class Stream(NamedTuple):
    """Everything that goes on from tick to tick."""

    params: Params
    optimizer: Any
    network: NetworkState
    rule: Any
    tick: jax.Array  # [] int32


def start(
    network: Network, rule: Rule, optimizer: optax.GradientTransformation, params: Params, batch: int = 1
) -> Stream:
    """At rest, before the first tick."""
    zero = jnp.zeros((), jnp.int32)
    return Stream(params, optimizer.init(params), network.init_state(batch), rule.init_state(network, batch), zero)


def output_spikes(result: BlockResult, params: Params) -> jax.Array:
    """The last layer's spikes `[k, B, K]`."""
    del params
    return result.output


def learn(
    network: Network,
    rule: Rule,
    optimizer: optax.GradientTransformation,
    fixed: Any,
    stream: Stream,
    spikes: jax.Array,
    target: jax.Array,
    *,
    key: jax.Array,
    block: int = 1,
    record: Callable[[BlockResult, Params], Any] = output_spikes,
) -> tuple[Stream, Any]:
    """Run `spikes[T, B, I]` with `target[B]` and `key[B]` through the network, and learn after every block of ticks.

    The batch's samples share the weights, their updates add up; for lanes with weights of their own, `vmap` this.

    Returns:
        The stream after the last tick, and what `record(result of the block, new parameters)` kept of every block.

    Raises:
        ValueError: T is not a whole number of blocks, or the rule trains weights of its own: the trainer does that.
    """
    if rule.own(fixed) is not None:
        raise ValueError(f"learn: {type(rule).__name__} trains weights of its own, and they would be held here")

    def body(carry, ticks):
        params, optimizer_state, network_state, rule_state = carry
        seen = jax.lax.dynamic_slice_in_dim(spikes, ticks[0] - stream.tick, block)
        tick_key = fold_each(key[None, :], ticks[:, None].astype(jnp.uint32) + 1)
        result = rule.block(network, params, fixed, network_state, rule_state, seen, target, ticks=ticks, key=tick_key)
        step, optimizer_state = optimizer.update(result.update, optimizer_state, params)
        params = cast(Params, optax.apply_updates(params, step))
        return (params, optimizer_state, result.network, result.state), record(result, params)

    carry, kept = simulate.over_time(body, stream[:4], start=stream.tick, steps=len(spikes), block=block)
    return Stream(*carry, stream.tick + len(spikes)), kept


def keep_within(low: Any, high: Any) -> optax.GradientTransformation:
    """Cut steps so that every weight stays in `[low, high]` (numbers, or pytrees shaped like the parameters):
    hard bounds, to be the last of a chain."""

    def update(updates, state, params=None):
        if params is None:
            raise ValueError("keep_within needs the parameters")

        def spread(bound):
            """The bound, shaped like the parameters."""
            tree = jax.tree.map(lambda _: bound, params) if isinstance(bound, float) else bound
            return jax.tree.map(lambda b, x: jnp.broadcast_to(jnp.asarray(b, x.dtype), x.shape), tree, params)

        lows, highs = spread(low), spread(high)
        cut = jax.tree.map(lambda u, p, a, b: jnp.clip(p + u, a, b) - p, updates, params, lows, highs)
        return cut, state

    def init(params):
        del params
        return optax.EmptyState()

    return optax.GradientTransformation(init, update)
