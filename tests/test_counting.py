"""Finding the active places: against NumPy's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.counting import (
    Wide,
    places,
    walk_active,
    walk_rows,
    wide,
    wide_add,
    wide_product,
    wide_sum,
    wide_total,
    wide_value,
    wide_zeros,
)


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

    def visit(carry, column, exists, value):
        assert value == 1.0
        seen, turns = carry
        return seen.at[jnp.arange(6), jnp.where(exists, column, 45)].add(turns + 1, mode="drop"), turns + 1

    seen, turns = jax.jit(lambda a: walk_rows(a, visit, (jnp.zeros((6, 45), int), 0)))(active)
    np.testing.assert_array_equal(seen, np.where(active, active.cumsum(1), 0))
    assert turns == active.sum(1).max()


@pytest.mark.parametrize("values", [[1.0], [0.1, 1.0], [2.0, -1.0], [np.nan, 1e-30, np.inf], [1.0 + 2**-23]])
def test_a_walk_hands_over_the_numbers_and_looks_them_up_only_if_there_are_others_than_one(values):
    rng = np.random.default_rng(3)
    numbers = np.where(rng.random((5, 70)) < 0.4, rng.choice(values, (5, 70)), 0.0).astype(np.float32)

    def visit(carry, column, exists, value):
        seen, looked_up = carry
        at = jnp.arange(5), jnp.where(exists, column, 70)
        value, constant = jnp.broadcast_to(value, (5, 1))[:, 0], isinstance(value, float)
        return seen.at[at].set(value, mode="drop"), looked_up | (not constant)

    found = jax.jit(places)(numbers)
    assert bool(found.graded) == (values != [1.0])
    np.testing.assert_array_equal(found.counts, (numbers != 0).sum(1))
    walk = jax.jit(lambda x: walk_rows(x, visit, (jnp.zeros((5, 70)), jnp.asarray(False))))
    seen, looked_up = walk(numbers)
    np.testing.assert_array_equal(seen, numbers)
    assert looked_up == (values != [1.0])
    both = jax.jit(jax.vmap(lambda x: walk_rows(x, visit, (jnp.zeros((5, 70)), jnp.asarray(False)))))
    seen, looked_up = both(np.stack([numbers, (numbers != 0).astype(np.float32)]))
    np.testing.assert_array_equal(seen, [numbers, numbers != 0])
    np.testing.assert_array_equal(looked_up, [values != [1.0], False])


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


def exact(numbers):
    return np.asarray(numbers, object)


def test_wide_counters_hold_more_than_32_bits():
    rng = np.random.default_rng(0)
    counters, want = wide_zeros(3), exact([0, 0, 0])
    add = jax.jit(lambda counters, amounts: wide_add(counters, wide_sum(wide(amounts), -1)))
    for size in (0, 1, 1000, 2**16, 2**16 + 1, 200_000):
        amounts = rng.integers(0, 2**32, (3, size))
        amounts[0] = 2**32 - 1
        for _ in range(3):
            counters, want = add(counters, jnp.asarray(amounts, jnp.uint32)), want + exact(amounts.tolist()).sum(1)
    np.testing.assert_array_equal(wide_value(counters), want)
    assert (want > 2**48).all()


@pytest.mark.parametrize("take", [np.asarray, np.sum, lambda w: np.asarray([1]) + w], ids=["array", "sum", "added"])
def test_wide_numbers_are_not_taken_for_an_array_of_their_words(take):
    with pytest.raises(TypeError, match="wide_value"):
        take(wide(jnp.arange(3)))


def test_wide_sums_and_products_are_those_of_whole_numbers():
    rng = np.random.default_rng(1)
    a, b = (rng.integers(0, 2**32, 500) for _ in range(2))
    a[:4], b[:4] = [0, 1, 2**32 - 1, 2**31], [2**32 - 1, 2**32 - 1, 2**31 - 1, 2]
    words = [jnp.asarray(x, jnp.uint32) for x in (a, b)]
    most = int(max(exact(a) * exact(b)))
    got = jax.jit(lambda a, b: wide_product(a, b, most))(*words)
    np.testing.assert_array_equal(wide_value(got).astype(np.uint64), (exact(a) * exact(b)).astype(np.uint64))
    for factor in (0, 1, 2**31, 2**32 + 5, 2**40):
        got = wide_product(words[0] >> 10, factor, 2**62)
        np.testing.assert_array_equal(wide_value(got), exact(a >> 10) * factor)
    high = rng.integers(0, 2**20, 500)
    both = exact(a) + (exact(high) << 32)
    wides = Wide(words[0], jnp.asarray(high, jnp.uint32))
    np.testing.assert_array_equal(wide_value(wide_sum(wides)), both.sum())
    np.testing.assert_array_equal(wide_value(wide_add(wides, wides)), 2 * both)
    np.testing.assert_array_equal(
        wide_value(wide_total(words[0].reshape(5, 100), 2**40)), exact(a).reshape(5, 100).sum(1)
    )
    few = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(wide_value(wide_total(jnp.asarray(few), 66)), few.sum(1))
    np.testing.assert_array_equal(wide_value(wide_product(jnp.asarray(few), 3, 33)), 3 * few)
