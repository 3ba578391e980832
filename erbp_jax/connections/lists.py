"""Sums over lists of synapses, with memory for the list and never for list times rows.

A list has S synapses from units `pre[S]` of J onto units `post[S]` of O. There are two ways. Synapse by synapse: some
synapses at once, each with all rows, contiguous in memory; the work is S for every row, whatever spikes. Spike by
spike: the rows walk in lock-step through their spikes and the synapses of each; the work is that of the synapses that
are addressed.
`benchmarks/sparse.py` has both and the matrix.
"""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp

from erbp_jax.counting import places
from erbp_jax.random import integers, split

Carry = TypeVar("Carry")
Table = dict[str, jax.Array]

AT_ONCE = 2**18
"""Numbers of a step synapse by synapse, of up to 4096 synapses: they stay in the cache. Measured on a CPU."""


def table(pre: jax.Array, post: jax.Array, sources: int) -> Table:
    """A list with what a walk over spikes needs: `order[S]` sorts it by source, and the synapses of source j are
    `order[start[j]:start[j + 1]]`."""
    counts = jnp.zeros((sources,), jnp.int32).at[pre].add(1)
    start = jnp.concatenate([jnp.zeros((1,), jnp.int32), jnp.cumsum(counts, dtype=jnp.int32)])
    return {"pre": pre, "post": post, "order": jnp.argsort(pre, stable=True).astype(jnp.int32), "start": start}


def distinct(key: jax.Array, sets: int, size: int, among: int) -> jax.Array:
    """Sets of `size` different numbers below `among`, each such set alike likely, int32 `[sets, size]`, ascending.

    Memory is that of the result, the work `sets * size**2`.
    Source: Bentley and Floyd 1987, "A sample of brilliance", algorithm F2.
    """

    def draw(chosen, step):
        place, key = step
        top = among - size + place
        number = integers(key, (sets,), 0, top + 1)
        number = jnp.where((chosen == number[:, None]).any(1), top, number)
        return chosen.at[:, place].set(number), None

    steps = jnp.arange(size, dtype=jnp.int32), split(key, size)
    chosen, _ = jax.lax.scan(draw, jnp.full((sets, size), -1, jnp.int32), steps)
    return jnp.sort(chosen, 1)


def current(weight: jax.Array, pre: jax.Array, post: jax.Array, spikes: jax.Array, outputs: int) -> jax.Array:
    """`sum_s weight[s] spikes[r, pre[s]]` at `post[s]`, `[R, O]`, synapse by synapse."""
    by_unit = spikes.T

    def add(total, some):
        pre, post, weight = some
        return total.at[post].add(weight[:, None] * by_unit[pre], mode="drop"), None

    at_once = _at_once(len(pre), len(spikes))
    parts = _parts(at_once, (pre, 0), (post, outputs), (weight, 0))
    total, _ = jax.lax.scan(add, jnp.zeros((outputs, len(spikes)), weight.dtype), parts)
    return total.T


def outer(pre: jax.Array, post: jax.Array, spikes: jax.Array, factor: jax.Array) -> jax.Array:
    """`sum_r spikes[r, pre[s]] factor[r, post[s]]`, `[S]`, synapse by synapse."""
    before, after = spikes.T, factor.T
    parts = _parts(_at_once(len(pre), len(spikes)), (pre, 0), (post, 0))
    return jax.lax.map(lambda some: (before[some[0]] * after[some[1]]).sum(1), parts).reshape(-1)[: len(pre)]


Visit = Callable[[Carry, jax.Array, jax.Array, jax.Array, jax.Array], Carry]


def walk(spikes: jax.Array, listed: Table, visit: Visit[Carry], carry: Carry) -> Carry:
    """Fold `visit(carry, sources[R, 1], synapses[R, C], exists[R, C], values[R, 1])` over the synapses that spikes
    `[R, J]` address, all rows in lock-step, up to C synapses of one spike in a turn."""
    rows, sources = spikes.shape
    order, start = listed["order"], listed["start"]
    found, row = places(spikes), jnp.arange(rows, dtype=jnp.int32)
    ahead = jnp.arange(_width(len(order), sources), dtype=jnp.int32)[None]

    def turn(loop):
        rank, seen, carry = loop  # [R] spikes that are done, synapses of the next one that are done
        source = jnp.minimum(found.column(row, rank), sources - 1)
        first, last = start[source] + seen, start[source + 1]
        at = first[:, None] + ahead
        exists = (at < last[:, None]) & (rank < found.counts)[:, None]
        synapses = order[jnp.where(exists, at, 0)]
        carry = visit(carry, source[:, None], synapses, exists, spikes[row, source][:, None])
        more = first + ahead.shape[1] < last
        return jnp.where(more, rank, rank + 1), jnp.where(more, seen + ahead.shape[1], 0), carry

    start_of_rows = jnp.zeros((rows,), jnp.int32)
    return jax.lax.while_loop(lambda loop: (loop[0] < found.counts).any(), turn, (start_of_rows, start_of_rows, carry))[
        2
    ]


def _width(synapses: int, sources: int) -> int:
    """Synapses of a turn: a quarter more than a source has on average, so that most are done in one."""
    return min(max(-(-5 * synapses // (4 * sources)), 8), 1024)


def _at_once(synapses: int, rows: int) -> int:
    return min(synapses, max(AT_ONCE // max(rows, 1), 64), 4096)


def _parts(size: int, *lists: tuple[jax.Array, int]) -> tuple[jax.Array, ...]:
    """Lists `[S]` in parts `[n, size]`, filled up with the number that comes with each."""
    short = -len(lists[0][0]) % size
    return tuple(jnp.pad(x, (0, short), constant_values=fill).reshape(-1, size) for x, fill in lists)
