"""Finding the few that are active among many, without sorting; counts that outgrow 32 bits."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

Carry = TypeVar("Carry")


_POWERS = 2.0 ** np.arange(16, dtype=np.float32)[:, None]


class Places(NamedTuple):
    """Where the true places of rows of bools are, 32 of them to a word."""

    words: jax.Array  # [R, W] uint32, lowest bit first
    ends: jax.Array  # [R, W] int32, true places in this word and all before it

    @property
    def counts(self) -> jax.Array:
        """True places of every row, `[R]`."""
        return jax.lax.population_count(self.words).astype(jnp.int32).sum(-1, dtype=jnp.int32)

    def column(self, row: jax.Array, rank: jax.Array) -> jax.Array:
        """The column of the `rank`-th (from 0) true place of `row`, int32; any column if there are not so many."""
        ends = self.ends[row]
        word = jnp.minimum((ends <= rank[..., None]).sum(-1, dtype=jnp.int32), self.words.shape[1] - 1)
        ended = jnp.take_along_axis(ends, jnp.maximum(word - 1, 0)[..., None], -1)[..., 0]
        before = jnp.where(word > 0, ended, 0)
        return 32 * word + nth_set_bit(self.words[row, word], rank - before)


def places(active: jax.Array) -> Places:
    """The true places of `active[R, K]`.

    The words come from products with powers of two, exact in float32 for 16 bits at a time; on a CPU faster than
    shifts and integer sums, and everything after it works on K / 32 numbers. The factors are literals: the compiler
    merges equal products of those, so that looking for the same places again costs nothing.
    """
    rows, columns = active.shape
    width = -(-columns // 32)
    padded = jnp.pad(active, ((0, 0), (0, 32 * width - columns))).astype(jnp.float32).reshape(rows, width, 2, 16)
    halves = (padded @ _POWERS)[..., 0].astype(jnp.uint32)
    words = halves[..., 0] | (halves[..., 1] << 16)
    counts = jax.lax.population_count(words).astype(jnp.float32)
    return Places(words, (counts @ np.triu(np.ones((width, width), np.float32))).astype(jnp.int32))


def nth_set_bit(word: jax.Array, n: jax.Array) -> jax.Array:
    """The place of the n-th (from 0) set bit of a uint32, int32: five halvings; some place if there is none."""
    place = jnp.zeros(word.shape, jnp.int32)
    for width in (16, 8, 4, 2, 1):
        low = jax.lax.population_count(word & jnp.uint32(2**width - 1)).astype(jnp.int32)
        beyond = n >= low
        n = jnp.where(beyond, n - low, n)
        word = jnp.where(beyond, word >> width, word)
        place = place + jnp.where(beyond, width, 0)
    return place


def walk_rows(active: jax.Array, visit: Callable[[Carry, jax.Array, jax.Array], Carry], carry: Carry) -> Carry:
    """Fold `visit(carry, column[R], exists[R])` over the true places of `active[R, K]`, all rows in lock-step.

    The walk ends when the row with the most places is done; `exists` is false in rows that are done before.
    """
    found = places(active)
    rows = jnp.arange(active.shape[0], dtype=jnp.int32)

    def turn(loop):
        rank, carry = loop
        column = jnp.minimum(found.column(rows, jnp.broadcast_to(rank, rows.shape)), active.shape[1] - 1)
        return rank + 1, visit(carry, column, rank < found.counts)

    return jax.lax.while_loop(lambda loop: loop[0] < found.counts.max(), turn, (jnp.int32(0), carry))[1]


def walk_active(
    active: jax.Array, at_once: int, visit: Callable[[Carry, jax.Array, jax.Array], Carry], carry: Carry
) -> Carry:
    """Fold `visit(carry, rows[c], columns[c])` over the true places of `active[R, K]`, row by row, c of them a turn.

    In the last turn places that do not exist have row R. The work is that of the true places, not of R * K.
    """
    rows, columns = active.shape
    found = places(active)
    ends = (found.counts.astype(jnp.float32) @ jnp.triu(jnp.ones((rows, rows), jnp.float32))).astype(jnp.int32)

    def turn(loop):
        first, carry = loop
        wanted = first + jnp.arange(at_once, dtype=jnp.int32)
        row = (ends[None] <= wanted[:, None]).sum(1, dtype=jnp.int32)  # R beyond the last
        inside = jnp.minimum(row, rows - 1)
        column = found.column(inside, wanted - (ends - found.counts)[inside])
        return first + at_once, visit(carry, row, jnp.minimum(column, columns - 1))

    return jax.lax.while_loop(lambda loop: loop[0] < ends[-1], turn, (jnp.int32(0), carry))[1]


def wide_zeros(n: int) -> jax.Array:
    """n counters at zero, uint32 `[n, 2]`: low and high words of 64 bits."""
    return jnp.zeros((n, 2), jnp.uint32)


def wide_add(counters: jax.Array, amounts: jax.Array) -> jax.Array:
    """`counters[n, 2] + sum_b amounts[n, B]`, exactly. Amounts are int32 >= 0; at most 65,536 of them are summed."""
    if amounts.shape[-1] > 2**16:
        raise ValueError(f"wide_add: {amounts.shape[-1]} amounts at once, at most 65,536 can be summed")
    amounts = amounts.astype(jnp.uint32)
    low, high = (amounts & 0xFFFF).sum(-1, dtype=jnp.uint32), (amounts >> 16).sum(-1, dtype=jnp.uint32)
    shifted = low + (high << 16)
    carry = (high >> 16) + (shifted < low).astype(jnp.uint32)
    total = counters[:, 0] + shifted
    return jnp.stack([total, counters[:, 1] + carry + (total < shifted).astype(jnp.uint32)], -1)


def wide_value(counters: jax.Array | np.ndarray) -> np.ndarray:
    """What counters `[..., n, 2]` stand at, int64 `[..., n]`, on the host."""
    words = np.asarray(counters).astype(np.int64)
    return words[..., 0] + (words[..., 1] << 32)
