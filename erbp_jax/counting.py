"""Finding the few that are active among many, without sorting; counts that outgrow 32 bits."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

Carry = TypeVar("Carry")


_POWERS = 2.0 ** np.arange(16, dtype=np.float32)[:, None]
_GRADED = 1.0 + 1.0 / (32.0 * _POWERS.reshape(1, 1, 1, 16))
"""What a place that is neither 0 nor 1 counts as in a product with the powers: its bit and 1/32."""


class Places(NamedTuple):
    """Where rows of numbers are not 0, 32 places to a word."""

    words: jax.Array  # [R, W] uint32, lowest bit first
    ends: jax.Array  # [R, W] int32, active places in this word and all before it
    graded: jax.Array  # [] bool, whether there is a number besides 0 and 1

    @property
    def counts(self) -> jax.Array:
        """Active places of every row, `[R]`."""
        return jax.lax.population_count(self.words).astype(jnp.int32).sum(-1, dtype=jnp.int32)

    def column(self, row: jax.Array, rank: jax.Array) -> jax.Array:
        """The column of the `rank`-th (from 0) active place of `row`, int32; any column if there are not so many."""
        ends = self.ends[row]
        word = jnp.minimum((ends <= rank[..., None]).sum(-1, dtype=jnp.int32), self.words.shape[1] - 1)
        ended = jnp.take_along_axis(ends, jnp.maximum(word - 1, 0)[..., None], -1)[..., 0]
        before = jnp.where(word > 0, ended, 0)
        return 32 * word + nth_set_bit(self.words[row, word], rank - before)


def places(active: jax.Array) -> Places:
    """The places of `active[R, K]`, bools or numbers, that are not 0.

    The words come from products with powers of two, exact in float32 for 16 bits at a time; on a CPU faster than
    shifts and integer sums, and everything after it works on K / 32 numbers. The factors are literals: the compiler
    merges equal products of those, so that looking for the same places again costs nothing. The same product tells
    whether all active places are 1: each that is not adds 1/32, and 16 of them less than a bit.
    """
    rows, columns = active.shape
    width = -(-columns // 32)
    padded = jnp.pad(active, ((0, 0), (0, 32 * width - columns))).reshape(rows, width, 2, 16)
    if active.dtype == bool:
        marked = padded.astype(jnp.float32)
    else:
        marked = jnp.where(padded == 1, 1.0, jnp.where(padded == 0, 0.0, _GRADED)).astype(jnp.float32)
    exact = jnp.matmul(marked, _POWERS, precision=jax.lax.Precision.HIGHEST)[..., 0]
    halves = exact.astype(jnp.uint32)
    graded = jnp.any(halves.astype(jnp.float32) != exact)
    words = halves[..., 0] | (halves[..., 1] << 16)
    counts = jax.lax.population_count(words).astype(jnp.float32)
    ends = jnp.matmul(counts, np.triu(np.ones((width, width), np.float32)), precision=jax.lax.Precision.HIGHEST)
    return Places(words, ends.astype(jnp.int32), graded)


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


Visit = Callable[[Carry, jax.Array, jax.Array, jax.Array | float], Carry]


def walk_rows(numbers: jax.Array, visit: Visit[Carry], carry: Carry) -> Carry:
    """Fold `visit(carry, column[R], exists[R], value)` over what is not 0 in `numbers[R, K]`, all rows in lock-step.

    The walk ends when the row with the most places is done; `exists` is false in rows that are done before. `value`
    is the number there, `[R, 1]`, 0 in rows that are done; if all are 1, as spikes are, it is not looked up but the
    constant 1, for random access to all numbers costs more than the rest of a turn.
    """
    found = places(numbers)
    rows = jnp.arange(numbers.shape[0], dtype=jnp.int32)

    def turns(carry: Carry, last: jax.Array, look_up: Callable[[jax.Array, jax.Array], jax.Array | float]) -> Carry:
        def turn(loop: tuple[jax.Array, Carry]) -> tuple[jax.Array, Carry]:
            rank, carry = loop
            column = jnp.minimum(found.column(rows, jnp.broadcast_to(rank, rows.shape)), numbers.shape[1] - 1)
            exists = rank < found.counts
            return rank + 1, visit(carry, column, exists, look_up(column, exists))

        return jax.lax.while_loop(lambda loop: loop[0] < last, turn, (jnp.int32(0), carry))[1]

    def value(column, exists):
        seen = numbers.at[rows, column].get(mode="promise_in_bounds")
        return jnp.where(exists, seen, 0)[:, None]

    longest = found.counts.max()
    if numbers.dtype == bool:
        return turns(carry, longest, lambda *_: 1.0)
    # Not a `cond`, of which both branches are worked out under `vmap`: one of the two walks has no turns.
    carry = turns(carry, jnp.where(found.graded, 0, longest), lambda *_: 1.0)
    return turns(carry, jnp.where(found.graded, longest, 0), value)


def walk_active(
    active: jax.Array, at_once: int, visit: Callable[[Carry, jax.Array, jax.Array], Carry], carry: Carry
) -> Carry:
    """Fold `visit(carry, rows[c], columns[c])` over what is not 0 in `active[R, K]`, row by row, c of them a turn.

    In the last turn places that do not exist have row R. The work is that of the active places, not of R * K.
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


WORD = 2**32


class Wide(NamedTuple):
    """Whole numbers of 64 bits, also where 64-bit types are off: their low and high words."""

    low: jax.Array  # [...] uint32
    high: jax.Array  # [...] uint32

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        """Refused: the two words, one above the other, would be taken for numbers with one more axis."""
        raise TypeError("wide numbers are two words each; `wide_value` makes them int64 on the host")


def wide(amounts: jax.Array) -> Wide:
    """Whole numbers >= 0 below 2^32 `[...]` in 64 bits."""
    return Wide(amounts.astype(jnp.uint32), jnp.zeros(amounts.shape, jnp.uint32))


def wide_zeros(*shape: int) -> Wide:
    return wide(jnp.zeros(shape, jnp.uint32))


def wide_stack(numbers: Sequence[Wide], axis: int = 0) -> Wide:
    """`jnp.stack` of wide numbers of one shape."""
    return Wide(*(jnp.stack(words, axis) for words in zip(*numbers, strict=True)))


def wide_add(a: Wide, b: Wide) -> Wide:
    """`a + b` modulo 2^64; shapes broadcast."""
    low = a.low + b.low
    return Wide(low, a.high + b.high + (low < b.low).astype(jnp.uint32))


def wide_product(a: jax.Array, b: jax.Array | int, most: int) -> Wide:
    """`a b`, exactly, of whole numbers >= 0 whose products are at most `most`, below 2^64; shapes broadcast.

    Arrays are below 2^32; `b` may be any Python number.
    """
    high = b // WORD if isinstance(b, int) else 0
    a, b = a.astype(jnp.uint32), jnp.asarray(b % WORD if isinstance(b, int) else b, jnp.uint32)
    if most < WORD:
        return wide(a * b)
    a_low, a_high, b_low, b_high = a & 0xFFFF, a >> 16, b & 0xFFFF, b >> 16
    middle = a_high * b_low + ((a_low * b_low) >> 16)
    other = a_low * b_high + (middle & 0xFFFF)
    return Wide(a * b, a_high * b_high + (middle >> 16) + (other >> 16) + a * jnp.uint32(high))


def wide_sum(numbers: Wide, axis: int = 0) -> Wide:
    """The sum along an axis, exactly, modulo 2^64."""
    low, high = (jnp.moveaxis(words, axis, 0) for words in numbers)
    while len(low) != 1:
        at_once = min(max(len(low), 1), 2**16)  # of 16 bits: their sum is one of 32
        low, high = (_in_parts(words, at_once) for words in (low, high))
        small, large = (half.sum(1, dtype=jnp.uint32) for half in (low & 0xFFFF, low >> 16))
        low = small + (large << 16)
        high = high.sum(1, dtype=jnp.uint32) + (large >> 16) + (low < small).astype(jnp.uint32)
    return Wide(low[0], high[0])


def _in_parts(words: jax.Array, size: int) -> jax.Array:
    """`[n, ...] -> [parts, size, ...]`, filled up with zeros."""
    parts = max(-(-len(words) // size), 1)
    filled = jnp.pad(words, ((0, parts * size - len(words)), *((0, 0),) * (words.ndim - 1)))
    return filled.reshape(parts, size, *words.shape[1:])


def wide_total(amounts: jax.Array, most: int) -> Wide:
    """The sum of whole numbers `amounts[..., n]` >= 0 along the last axis, exactly; it is at most `most`."""
    if most < WORD:
        return wide(amounts.astype(jnp.uint32).sum(-1, dtype=jnp.uint32))
    return wide_sum(wide(amounts), -1)


def wide_value(numbers: Any) -> np.ndarray:
    """What wide numbers stand for, int64, on the host."""
    low, high = (np.asarray(words).astype(np.int64) for words in numbers)
    return low + (high << 32)
