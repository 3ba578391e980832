"""The time loop of a machine, and its input as lists of events."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.nsat.arriving import Events
from erbp_jax.nsat.machine import Machine, State, Tick
from erbp_jax.nsat.tables import Arrays


def run(
    machine: Machine,
    arrays: Arrays,
    state: State,
    events: Events,
    *,
    record: Callable[[Tick, jax.Array], Any] = lambda tick, _: tick.spikes,
    first: int | jax.Array = 1,
) -> tuple[State, Any]:
    """Run the ticks `first, first + 1, ...`, one for each row of `events` `[T, E]`. Chunks of a run equal the whole.

    `record(tick, t)` says what to keep of each tick; it comes back with a leading axis `[T]`.

    Example:
        >>> import jax, numpy as np
        >>> from erbp_jax.nsat.erbp import Recipe, erbp_program
        >>> from erbp_jax.nsat.machine import Machine
        >>> from erbp_jax.nsat.run import event_lists, run
        >>> program = erbp_program(Recipe(layers=(16, 8, 3)), learning=False)
        >>> machine, arrays, _ = Machine.of(program)
        >>> events = event_lists([np.array([[1, 0], [2, 3]])], ticks=10)
        >>> def go(state, events):
        ...     return run(machine, arrays, state, events)
        >>> start = machine.init(program, arrays, draws=jax.random.split(jax.random.key(0), 1))
        >>> state, spikes = jax.eval_shape(go, start, events)
        >>> spikes.shape
        (10, 1, 17)
    """
    ticks = first + jnp.arange(events.rows.shape[0], dtype=jnp.int32)

    def body(state, now):
        t, events = now
        state, tick = machine.step(arrays, state, events, t)
        return state, record(tick, t)

    return jax.lax.scan(body, state, (ticks, events))


def count_spikes(
    machine: Machine, arrays: Arrays, state: State, events: Events, *, first: int | jax.Array = 1
) -> tuple[State, jax.Array]:
    """Run as `run` does, and keep no more than how often every neuron fired, int32 `[R, N]`.

    Example:
        >>> import jax, numpy as np
        >>> from erbp_jax.nsat.erbp import Recipe, erbp_program
        >>> from erbp_jax.nsat.machine import Machine
        >>> from erbp_jax.nsat.run import count_spikes, event_lists
        >>> program = erbp_program(Recipe(layers=(16, 8, 3)), learning=False)
        >>> machine, arrays, _ = Machine.of(program)
        >>> events = event_lists([np.array([[1, 0], [2, 3]])], ticks=10)
        >>> def go(state, events):
        ...     return count_spikes(machine, arrays, state, events)
        >>> start = machine.init(program, arrays, draws=jax.random.split(jax.random.key(0), 1))
        >>> state, counts = jax.eval_shape(go, start, events)
        >>> counts.shape
        (1, 17)
    """

    def body(carry, now):
        state, counts = carry
        t, events = now
        state, tick = machine.step(arrays, state, events, t)
        return (state, counts + tick.spikes.astype(jnp.int32)), None

    ticks = first + jnp.arange(events.rows.shape[0], dtype=jnp.int32)
    counts = jnp.zeros((state.x.shape[0], machine.layout.neurons), jnp.int32)
    return jax.lax.scan(body, (state, counts), (ticks, events))[0]


def event_lists(
    per_replica: Sequence[np.ndarray], *, ticks: int, first: int = 1, capacity: int | None = None
) -> Events:
    """Rows `(tick, axon)`, ascending in tick, of every replica as padded lists for ticks `first .. first + ticks - 1`.

    Within a tick the events of a replica keep their order. Events of other ticks are left out. `capacity` as `padded`.

    Example:
        >>> import numpy as np
        >>> from erbp_jax.nsat.run import event_lists
        >>> lists = event_lists([np.array([[1, 0], [2, 3]]), np.array([[1, 5]])], ticks=2)
        >>> lists.rows.tolist(), lists.axons.tolist()  # by tick; replica 2 is none, where a tick has fewer events
        ([[0, 1], [0, 2]], [[0, 5], [3, 0]])
    """
    replica = np.concatenate([np.full(len(e), i, np.int32) for i, e in enumerate(per_replica)])
    rows = np.concatenate([np.asarray(e, np.int32).reshape(-1, 2) for e in per_replica])
    tick = rows[:, 0] - first
    inside = (tick >= 0) & (tick < ticks)
    replica, tick, axon = replica[inside], tick[inside], rows[inside, 1]
    order = np.argsort(tick, kind="stable")
    return padded(tick[order], replica[order], axon[order], replicas=len(per_replica), ticks=ticks, capacity=capacity)


def padded(
    tick: np.ndarray, replica: np.ndarray, axon: np.ndarray, *, replicas: int, ticks: int, capacity: int | None = None
) -> Events:
    """Events `[E]` in ascending ticks 0 .. ticks - 1 as lists of equal length `[ticks, capacity]`.

    `capacity`: events per tick, of all replicas; the most there are if not given.

    Raises:
        ValueError: a tick with more events than `capacity`.
    """
    counts = np.bincount(tick, minlength=ticks)
    most = int(counts.max()) if len(tick) else 0
    capacity = most if capacity is None else capacity
    if most > capacity:
        raise ValueError(f"tick {int(counts.argmax())} has {most} events, more than the capacity of {capacity}")
    place = np.arange(len(tick)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.full((ticks, capacity), replicas, np.int32)
    axons = np.zeros((ticks, capacity), np.int32)
    rows[tick, place], axons[tick, place] = replica, axon
    return Events(jnp.asarray(rows), jnp.asarray(axons))
