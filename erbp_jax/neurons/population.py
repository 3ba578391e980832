"""Many unconnected neurons under steady input: each tile of them goes through all ticks while it is in the cache."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from erbp_jax.neurons.base import Neuron, Parametric
from erbp_jax.params import Params
from erbp_jax.random import new_key

TILE = 8000
"""Neurons that are worked on at a time: a few states of float32 each stay well inside a core's second-level cache."""


def run_population(
    neuron: Neuron,
    current: jax.Array,
    *,
    steps: int,
    state: Any = None,
    key: jax.Array | None = None,
    params: Params | None = None,
    tile: int = TILE,
) -> tuple[Any, jax.Array]:
    """Step N neurons for `steps` ticks, each under its own constant input `current[N]`.

    Neurons that exchange no spikes may take their ticks in any order. Tick by tick the population's state crosses the
    memory bus once per tick; by tiles it crosses once in all. The spikes are those of a run tick by tick; noise is a
    function of key, tile and tick.

    The state is any pytree. Which axis of a leaf is that of the neurons is seen from states of N and of N + 1 neurons;
    a leaf without one is what all neurons share, the same in all tiles (a count of ticks).

    Args:
        state: where to start, as `init_state((N,))`; at rest if not given.
        key: for neurons with noise, `[]`.
        params: of a neuron with trainable parameters, as `init((N,), key)`.
        tile: neurons at a time.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.neurons import LIF, run_population
        >>> neuron = LIF(tau_mem=0.0, tau_syn=0.0, refractory=3)
        >>> state, counts = run_population(neuron, jnp.array([0.5, 2.0]), steps=100)
        >>> counts.tolist()
        [0, 25]

    Returns:
        The state after the last tick and how often each neuron fired, int32 `[N]`.

    Raises:
        ValueError: a current that is no vector, a tile below 1, `params` for a neuron that has none, and what the
            neuron refuses.
    """
    if current.ndim != 1:
        raise ValueError(f"run_population: current must have shape [N], got {current.shape}")
    if tile < 1:
        raise ValueError(f"run_population: tile must be at least 1 neuron, got {tile}")
    n = current.shape[0]
    tile = min(tile, n)
    tiles = -(-n // tile)
    state = neuron.init_state((n,), current.dtype) if state is None else state
    state_axes = _neuron_axes(lambda m: neuron.init_state((m,), current.dtype), n)
    parameter_axes = []
    if params is not None:
        if not isinstance(neuron, Parametric):
            raise ValueError(f"run_population: {type(neuron).__name__} has no trainable parameters (no `init`)")
        parameter_axes = _neuron_axes(lambda m: neuron.init((m,), new_key(0)), n)

    def through_time(operand):
        number, state, current, neuron_params = operand
        step = neuron.step if params is None else partial(neuron.step, params=neuron_params)

        def tick(carry, t):
            state, count = carry
            noise = None if key is None else jax.random.fold_in(jax.random.fold_in(key, number), t)
            state, spikes = step(state, current, key=noise)
            return (state, count + spikes.astype(jnp.int32)), None

        return jax.lax.scan(tick, (state, jnp.zeros((tile,), jnp.int32)), jnp.arange(steps, dtype=jnp.int32))[0]

    def split(x, axis):
        """One tile after the other along a new first axis; what all neurons share goes to each."""
        if axis is None:
            return jnp.broadcast_to(x, (tiles, *x.shape))
        x = jnp.moveaxis(x, axis, 0)
        x = jnp.pad(x, [(0, tiles * tile - n)] + [(0, 0)] * (x.ndim - 1)).reshape(tiles, tile, *x.shape[1:])
        return jnp.moveaxis(x, 1, axis + 1)

    def join(x, axis):
        if axis is None:
            return x[0]
        x = jnp.moveaxis(x, axis + 1, 1)
        return jnp.moveaxis(x.reshape(tiles * tile, *x.shape[2:])[:n], 0, axis)

    operands = (
        jnp.arange(tiles, dtype=jnp.int32),
        _leafwise(split, state, state_axes),
        split(current, 0),
        _leafwise(split, params, parameter_axes),
    )
    state, count = jax.lax.map(through_time, operands)
    return _leafwise(join, state, state_axes), join(count, 0)


def _neuron_axes(make: Callable[[int], Any], n: int) -> list[int | None]:
    """For every leaf of what `make` makes of n neurons, the axis along which it grows with them."""
    here, there = (jax.tree.leaves(jax.eval_shape(lambda m=m: make(m))) for m in (n, n + 1))
    return [
        next((i for i, (a, b) in enumerate(zip(x.shape, y.shape, strict=True)) if a != b), None)
        for x, y in zip(here, there, strict=True)
    ]


def _leafwise(change: Callable[[jax.Array, int | None], jax.Array], tree: Any, axes: list[int | None]) -> Any:
    leaves, structure = jax.tree.flatten(tree)
    return structure.unflatten([change(x, axis) for x, axis in zip(leaves, axes, strict=True)])
