"""Finding the active places: against NumPy's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.counting import places, walk_active, walk_rows, wide_add, wide_value, wide_zeros


@pytest.mark.parametrize("shape", [(1, 1), (3, 32), (5, 33), (40, 784)])
@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_places_of_the_true_ones(shape, rate):
    active = np.random.default_rng(0).random(shape) < rate
    rows, columns = shape
    everywhere = jnp.arange(rows)[:, None], jnp.arange(columns)[None] + jnp.zeros((rows, 1), int)
    found, column = jax.jit(lambda a: (places(a), places(a).column(*everywhere)))(active)
    np.testing.assert_array_equal(found.counts, active.sum(1))
    for chosen, got in zip(active, np.asarray(column), strict=True):
        want = np.flatnonzero(chosen)
        np.testing.assert_array_equal(got[: len(want)], want)


@pytest.mark.parametrize("rate", [0.0, 0.2, 1.0])
def test_rows_walk_in_lock_step(rate):
    active = np.random.default_rng(2).random((6, 45)) < rate

    def visit(carry, column, exists):
        seen, turns = carry
        return seen.at[jnp.arange(6), jnp.where(exists, column, 45)].add(turns + 1, mode="drop"), turns + 1

    seen, turns = jax.jit(lambda a: walk_rows(a, visit, (jnp.zeros((6, 45), int), 0)))(active)
    np.testing.assert_array_equal(seen, np.where(active, active.cumsum(1), 0))
    assert turns == active.sum(1).max()


@pytest.mark.parametrize("rate", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("at_once", [1, 7, 500])
def test_every_active_place_is_visited_once_and_in_order(rate, at_once):
    rows, columns = 6, 45
    active = np.random.default_rng(1).random((rows, columns)) < rate

    def visit(carry, row, column):
        seen, n = carry
        place = jnp.where(row < rows, n + jnp.arange(at_once), rows * columns)
        return seen.at[place].set(jnp.stack([row, column], 1), mode="drop"), n + at_once

    start = jnp.full((rows * columns, 2), -1), jnp.int32(0)
    seen, _ = jax.jit(lambda a: walk_active(a, at_once, visit, start))(active)
    want = np.argwhere(active)
    np.testing.assert_array_equal(np.asarray(seen)[: len(want)], want)
    assert (np.asarray(seen)[len(want) :] == -1).all()


def test_wide_counters_hold_more_than_32_bits():
    rng = np.random.default_rng(0)
    counters, want = wide_zeros(3), np.zeros(3, np.int64)
    add = jax.jit(wide_add)
    for size in (1, 1000, 2**16):
        amounts = rng.integers(0, 2**31, (3, size))
        amounts[0] = 2**31 - 1
        for _ in range(3):
            counters, want = add(counters, jnp.asarray(amounts, jnp.int32)), want + amounts.sum(1)
    np.testing.assert_array_equal(wide_value(counters), want)
    assert (want > 2**45).all()
    with pytest.raises(ValueError, match="65,536"):
        wide_add(counters, jnp.ones((3, 2**16 + 1), jnp.int32))
