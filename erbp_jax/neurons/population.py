"""Many unconnected neurons under steady input: each tile of them goes through all ticks while it is in the cache."""

from typing import Any

import jax
import jax.numpy as jnp

from erbp_jax.neurons.base import Neuron

TILE = 8000
"""Neurons that are worked on at a time: a few states of float32 each stay well inside a core's second-level cache."""


def run_population(
    neuron: Neuron,
    current: jax.Array,
    *,
    steps: int,
    state: Any = None,
    key: jax.Array | None = None,
    tile: int = TILE,
) -> tuple[Any, jax.Array]:
    """Step N neurons for `steps` ticks, each under its own constant input `current[N]`.

    Neurons that exchange no spikes may take their ticks in any order. Tick by tick the population's state crosses the
    memory bus once a tick; tile by tile it crosses once in all. The spikes are those of a run tick by tick; noise is a
    function of key, tile and tick.

    Args:
        state: where to start, fields `[N]`; at rest if not given.
        key: for neurons with noise, `[]`.
        tile: neurons at a time.

    Returns:
        The state after the last tick, fields `[N]`, and how often each neuron fired, int32 `[N]`.

    Raises:
        ValueError: a current that is no vector, a tile below 1, and what the neuron refuses.
    """
    if current.ndim != 1:
        raise ValueError(f"run_population: current must have shape [N], got {current.shape}")
    if tile < 1:
        raise ValueError(f"run_population: tile must be at least 1 neuron, got {tile}")
    n = current.shape[0]
    tile = min(tile, n)
    tiles = -(-n // tile)
    state = neuron.init_state((n,), current.dtype) if state is None else state

    def through_time(operand):
        number, state, current = operand

        def tick(carry, t):
            state, count = carry
            own = None if key is None else jax.random.fold_in(jax.random.fold_in(key, number), t)
            state, spikes = neuron.step(state, current, key=own)
            return (state, count + spikes.astype(jnp.int32)), None

        return jax.lax.scan(tick, (state, jnp.zeros((tile,), jnp.int32)), jnp.arange(steps, dtype=jnp.int32))[0]

    def split(x):
        return jnp.pad(x, (0, tiles * tile - n)).reshape(tiles, tile)

    operands = (jnp.arange(tiles, dtype=jnp.int32), jax.tree.map(split, state), split(current))
    return jax.tree.map(lambda x: x.reshape(-1)[:n], jax.lax.map(through_time, operands))
