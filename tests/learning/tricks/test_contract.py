"""What every trick is: a link like any other, by the registry."""

import doctest
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from erbp_jax.config import check
from erbp_jax.config.construct import construct
from erbp_jax.registry import entries
from erbp_jax.units import Clock
from tests.learning.tricks import oracles

NEEDED = {"max_norm": {"bound": 2.0}, "keep_within": {"low": -1.0, "high": 1.0}, "write_threshold": {"threshold": 0.5}}
KINDS = sorted(entry.kind for entry in entries("trick"))
EXTRA = {"errors": jnp.float32(3.0), "eligibility": (jnp.float32(4.0), jnp.float32(0.0))}


def link(kind):
    section = {"tricks": [{"kind": kind, **NEEDED.get(kind, {})}]}
    (trick,) = check({"network": {"layers": [64, 8, 10]}, "optimizer": section}, "t").optimizer.tricks
    return optax.with_extra_args_support(construct(trick, "here", Clock(1.0)))


@pytest.mark.parametrize("module", ["bounds", "moments", "rates", "steps", "writes"])
def test_the_examples_of_the_docstrings(module):
    failed, tried = doctest.testmod(importlib.import_module(f"erbp_jax.learning.tricks.{module}"))
    assert tried > 0
    assert failed == 0


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_side_by_side_are_each_alone(kind):
    one, params = link(kind), oracles.stream(2, 7, lists=False)
    updates = [oracles.stream(2, seed, lists=False) for seed in range(2)]
    stacked = [jax.tree.map(lambda *x: jnp.stack(x), *step) for step in zip(*updates, strict=True)]

    def run(params, steps):
        state, out = one.init(params), []
        for step in steps:
            step, state = one.update(step, state, params, **EXTRA)
            out.append(step)
        return out, state

    together = jax.jit(jax.vmap(run))(jax.tree.map(lambda *x: jnp.stack(x), *params), stacked)
    for s in range(2):
        alone = jax.jit(run)(params[s], updates[s])
        jax.tree.map(lambda a, b, s=s: np.testing.assert_allclose(a[s], b, rtol=1e-5, atol=1e-6), together, alone)


@pytest.mark.parametrize("kind", KINDS)
def test_types_stay_and_nothing_becomes_nan(kind):
    """Updates of zero, then such small ones that their squares are not there in 16 bits, then zero again."""
    dtype = jnp.float16
    one = link(kind)
    params = jax.tree.map(lambda x: x.astype(dtype), oracles.stream(1, lists=False)[0])
    state, like, run = one.init(params), None, jax.jit(one.update)
    for size in (0.0, 2.0**-14, 0.0):
        update = jax.tree.map(lambda x, size=size: jnp.sign(x) * jnp.asarray(size, dtype), params)
        step, state = run(update, state, params, **EXTRA)
        assert all(x.dtype == dtype and np.isfinite(np.asarray(x, np.float32)).all() for x in jax.tree.leaves(step))
        assert all(np.isfinite(np.asarray(x, np.float64)).all() for x in jax.tree.leaves(state))
        shapes = jax.tree.map(lambda x: (x.shape, x.dtype), state)
        assert like in (None, shapes)
        like = shapes
        if size and kind in ("factored_moments", "neuron_rms", "shifts", "sign"):
            assert np.abs(np.asarray(step.projections[0]["weight"], np.float32)).max() > 0.5
        if not size and kind not in ("keep_within", "max_norm", "write_threshold"):
            assert all(not np.any(np.asarray(x, np.float32)) for x in jax.tree.leaves(step))


@pytest.mark.parametrize("kind", KINDS)
def test_a_tree_without_leaves_passes(kind):
    one = link(kind)
    step, _ = one.update((), one.init(()), (), **EXTRA)
    assert step == ()
    hash(one)
