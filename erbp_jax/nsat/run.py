"""The time loop of a machine, and its input as lists of events."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.nsat.machine import Events, Machine, State, Tick
from erbp_jax.nsat.tables import Arrays


def run(
    machine: Machine,
    arrays: Arrays,
    state: State,
    events: Events,
    *,
    record: Callable[[Tick, jax.Array], Any] = lambda tick, t: tick.spikes,
    first: int | jax.Array = 1,
) -> tuple[State, Any]:
    """Run the ticks `first, first + 1, ...`, one for each row of `events` `[T, E]`. Chunks of a run equal the whole.

    `record(tick, t)` says what to keep of each tick; it comes back with a leading axis `[T]`.
    """
    ticks = first + jnp.arange(events.rows.shape[0], dtype=jnp.int32)

    def body(state, now):
        t, events = now
        state, tick = machine.step(arrays, state, events, t)
        return state, record(tick, t)

    return jax.lax.scan(body, state, (ticks, events))


def event_lists(per_lane: Sequence[np.ndarray], *, ticks: int, first: int = 1, capacity: int | None = None) -> Events:
    """Rows `(tick, axon)`, ascending in tick, of every lane as padded lists for the ticks `first .. first + ticks - 1`.

    Within a tick the events of a lane keep their order. `capacity`: events a tick, of all lanes; the most there are if
    not given. Events of other ticks are left out.

    Raises:
        ValueError: a tick with more events than `capacity`.
    """
    lane = np.concatenate([np.full(len(e), i, np.int32) for i, e in enumerate(per_lane)])
    rows = np.concatenate([np.asarray(e, np.int32).reshape(-1, 2) for e in per_lane])
    tick = rows[:, 0] - first
    inside = (tick >= 0) & (tick < ticks)
    lane, tick, axon = lane[inside], tick[inside], rows[inside, 1]
    order = np.argsort(tick, kind="stable")
    lane, tick, axon = lane[order], tick[order], axon[order]
    counts = np.bincount(tick, minlength=ticks)
    most = int(counts.max()) if len(tick) else 0
    capacity = most if capacity is None else capacity
    if most > capacity:
        raise ValueError(f"tick {first + int(counts.argmax())} has {most} events, more than the capacity of {capacity}")
    place = np.arange(len(tick)) - np.repeat(np.cumsum(counts) - counts, counts)
    padded_rows = np.full((ticks, capacity), len(per_lane), np.int32)
    padded_axons = np.zeros((ticks, capacity), np.int32)
    padded_rows[tick, place], padded_axons[tick, place] = lane, axon
    return Events(jnp.asarray(padded_rows), jnp.asarray(padded_axons))
