"""The events of a tick: from outside, from other cores, from the neurons themselves."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.counting import walk_active
from erbp_jax.nsat.tables import Arrays, Layout

NEVER = -2000
"""The tick of the last event of a unit that has had none."""


class Events(NamedTuple):
    """External events as a list; the row R stands for none. A leading axis of ticks in a run.

    Example:
        >>> import numpy as np
        >>> from erbp_jax.nsat.run import event_lists
        >>> events = event_lists([np.array([[1, 0], [2, 3]])], ticks=2)
        >>> events.rows.tolist(), events.axons.tolist()
        ([[0], [0]], [[0], [3]])
    """

    rows: jax.Array  # [E] replica
    axons: jax.Array  # [E], axons of all cores one after the other


class Arriving:
    """The events of one tick by their sources, in the order in which the reference visits them."""

    def __init__(self, layout: Layout, arrays: Arrays, events: Events, spikes: jax.Array, routed: jax.Array):
        self.layout, self.arrays, self.events, self.spikes, self.routed = layout, arrays, events, spikes, routed

    def visit(self, first: int, count: int, do: Callable[[Any, jax.Array, jax.Array], Any], carry: Any) -> Any:
        """Fold `do(carry, rows[E], units[E])` over the events of the units `[first, first + count)`."""
        replicas, axons = self.spikes.shape[0], self.layout.axons
        if not count:
            return carry
        if first >= axons:
            active = self.spikes[:, first - axons : first - axons + count]
            return walk_active(active, at_once(replicas, count), lambda c, r, k: do(c, r, k + first), carry)
        if self.events.axons.shape[0]:
            inside = (self.events.axons >= first) & (self.events.axons < first + count)
            carry = do(carry, jnp.where(inside, self.events.rows, replicas), self.events.axons)
        if self.layout.routes:
            axon = self.arrays.route_axon
            inside = self.routed & ((axon >= first) & (axon < first + count))[None]
            carry = walk_active(inside, at_once(replicas, self.layout.routes), lambda c, r, k: do(c, r, axon[k]), carry)
        return carry

    def mark(self, last: jax.Array, tick: jax.Array) -> jax.Array:
        """`last[R, U]` with this tick where a unit had an event."""
        axons = self.layout.axons
        last = last.at[:, axons:].set(jnp.where(self.spikes, tick, last[:, axons:]))
        if self.events.axons.shape[0]:
            last = last.at[self.events.rows, self.events.axons].set(tick, mode="drop")
        if self.layout.routes:
            came = jnp.where(self.routed, tick, NEVER)
            last = last.at[:, self.arrays.route_axon].max(came)
        return last


def at_once(replicas: int, units: int) -> int:
    """Events a turn: about what a tick has when one unit in fifty is active."""
    return max(8, min(replicas * units, 256, replicas * units // 50))
