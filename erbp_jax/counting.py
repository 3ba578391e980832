"""Finding the few that are active among many, without sorting; counts that outgrow 32 bits."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

Carry = TypeVar("Carry")


def running_count(chosen: jax.Array, block: int = 32) -> jax.Array:
    """Cumulative sum of bools `[R, I]` along the rows, int32.

    Products with triangles of ones, block by block and then over blocks: exact in float32, and three times as
    fast on a CPU as a scan.
    """
    rows, inputs = chosen.shape
    blocks = -(-inputs // block)
    padded = jnp.pad(chosen, ((0, 0), (0, blocks * block - inputs))).astype(jnp.float32).reshape(rows, blocks, block)
    within = padded @ jnp.triu(jnp.ones((block, block), jnp.float32))
    before = within[..., -1] @ jnp.triu(jnp.ones((blocks, blocks), jnp.float32), 1)
    return (within + before[..., None]).reshape(rows, -1)[:, :inputs].astype(jnp.int32)


def walk_active(
    active: jax.Array, at_once: int, visit: Callable[[Carry, jax.Array, jax.Array], Carry], carry: Carry
) -> Carry:
    """Fold `visit(carry, rows[c], columns[c])` over the true places of `active[R, K]`, row by row, c of them a turn.

    In the last turn places that do not exist have row R. The work is that of the true places, not of R * K.
    """
    rows, columns = active.shape
    rank = running_count(active)
    counts = rank[:, -1]
    ends = (counts.astype(jnp.float32) @ jnp.triu(jnp.ones((rows, rows), jnp.float32))).astype(jnp.int32)

    def turn(loop):
        first, carry = loop
        wanted = first + jnp.arange(at_once, dtype=jnp.int32)
        row = (ends[None] <= wanted[:, None]).sum(1, dtype=jnp.int32)  # R beyond the last
        inside = jnp.minimum(row, rows - 1)
        place = wanted - (ends - counts)[inside]
        column = (rank[inside] <= place[:, None]).sum(1, dtype=jnp.int32)
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
