"""The longest vector of incoming weights, and saturation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.learning.tricks import keep_within, max_norm
from erbp_jax.learning.tricks.bounds import weights_within
from erbp_jax.trace import Tree
from tests.learning.tricks import oracles

BOUND = 3.0


def start():
    params, step = oracles.stream(2, seed=4, lists=False)
    return params, step


def test_weights_after_the_step_are_those_of_a_loop():
    params, step = start()
    link = max_norm(BOUND)
    out, _ = jax.jit(link.update)(step, link.init(params), params)
    moved = 0
    for old, new, bounded in zip(*(t.projections for t in (params, step, out)), strict=True):
        want = oracles.within_norm(*(np.asarray(x["weight"], np.float64) for x in (old, new)), BOUND)
        np.testing.assert_allclose(old["weight"] + bounded["weight"], want, rtol=1e-4, atol=2e-5)
        norms = np.sqrt((want**2).sum(tuple(range(want.ndim - 1))))
        moved += np.sum(norms > 0.999 * BOUND)
    assert 2 <= moved < 8
    np.testing.assert_array_equal(out.populations[0]["tau"], step.populations[0]["tau"])


def test_brought_back_once_is_brought_back_for_good():
    params, step = start()
    link = max_norm(BOUND)
    state = link.init(params)
    once = jax.tree.map(jnp.add, params, link.update(step, state, params)[0])
    again, _ = link.update(jax.tree.map(jnp.zeros_like, once), state, once)
    jax.tree.map(lambda x: np.testing.assert_array_equal(x, 0.0), again)


def test_within_the_bound_steps_are_left_alone():
    params, step = start()
    out, _ = max_norm(1e6).update(step, (), params)
    jax.tree.map(np.testing.assert_array_equal, out, step)


def test_lists_and_bounds_of_nothing_are_refused():
    listed = Tree(({"weight": jnp.ones((2, 3))}, {"weight": jnp.ones(4)}), ({}, {}))
    with pytest.raises(ValueError, match=r"max_norm: .projections\[1\]\['weight'\] is a list"):
        max_norm(1.0).init(listed)
    with pytest.raises(ValueError, match="must be above 0"):
        max_norm(0.0)
    with pytest.raises(ValueError, match="needs the parameters"):
        max_norm(1.0).update(listed, ())


def test_weights_saturate_and_parameters_of_neurons_do_not():
    params = Tree(({"weight": jnp.array([0.5, -0.5, 0.0])},), ({"tau": jnp.array([5.0])},))
    step = Tree(({"weight": jnp.array([1.0, -1.0, 0.25])},), ({"tau": jnp.array([1.0])},))
    link = weights_within(-1, 0.75)
    out, _ = link.update(step, link.init(params), params)
    np.testing.assert_allclose(params.projections[0]["weight"] + out.projections[0]["weight"], [0.75, -1.0, 0.25])
    np.testing.assert_array_equal(out.populations[0]["tau"], 1.0)
    everything, _ = keep_within(-1.0, 0.75).update(step, (), params)
    np.testing.assert_allclose(everything.populations[0]["tau"], 0.75 - 5.0)


@pytest.mark.parametrize("number", [int, float, np.float32, jnp.float32, lambda x: jnp.asarray(float(x))])
def test_any_number_is_a_bound_and_none_is_passed_by_an_ulp(number):
    p = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, 10_000), jnp.float32)
    for high in (1, 0.7):
        bound = number(high) if high == 1 else np.float32(high)
        one = keep_within(-1 * bound, bound)
        step, _ = jax.jit(one.update)(jnp.full_like(p, 2.0), one.init(p), jnp.clip(p, -bound, bound))
        after = jnp.clip(p, -bound, bound) + step
        assert after.max() <= bound
        np.testing.assert_allclose(after, bound, rtol=1e-6)
    inside = keep_within(number(-5), number(5))
    step = jnp.asarray(np.random.default_rng(1).normal(0, 1, 10_000), jnp.float32)
    np.testing.assert_array_equal(inside.update(step, inside.init(p), p)[0], step)


def test_bounds_the_wrong_way_round_are_refused():
    for low, high in ((1.0, -1.0), (jnp.float32(1), jnp.float32(-1))):
        with pytest.raises(ValueError, match="low must be below high, got 1 and -1"):
            keep_within(low, high)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float16, jnp.bfloat16])
def test_a_bound_that_was_applied_once_is_kept(dtype):
    weights = {"weight": jnp.asarray(np.random.default_rng(2).normal(0, 1, (64, 32)), dtype)}
    link, nothing = max_norm(2.0), {"weight": jnp.zeros((64, 32), dtype)}
    once = jax.tree.map(jnp.add, weights, link.update(nothing, link.init(weights), weights)[0])
    np.testing.assert_array_equal(link.update(nothing, link.init(weights), once)[0]["weight"], 0)
