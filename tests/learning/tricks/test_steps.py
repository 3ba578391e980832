"""A learning rate that follows the error spikes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.learning.tricks import scale_by_errors
from tests.learning.tricks.oracles import by_errors


def shares(errors, **keys):
    link, one = scale_by_errors(**keys), {"weight": jnp.ones(())}

    def step(state, e):
        out, state = link.update(one, state, errors=e)
        return state, out["weight"]

    return np.asarray(jax.lax.scan(step, link.init(one), jnp.asarray(errors, jnp.float32))[1])


@pytest.mark.parametrize("reference", [None, 6.0])
def test_the_share_is_that_of_a_loop(reference):
    errors = np.random.default_rng(0).poisson(np.linspace(12, 2, 60))
    got = shares(errors, decay=0.9, settle=10, reference=reference)
    np.testing.assert_allclose(got, by_errors(errors, 0.9, 10, reference), rtol=1e-5)
    assert got.min() < 0.75


def test_constant_errors_keep_the_rate():
    np.testing.assert_array_equal(shares(np.full(500, 3.0), decay=0.99, settle=50), 1.0)
    np.testing.assert_allclose(shares(np.full(500, 3.0), decay=0.99, reference=12.0), 0.25, rtol=1e-6)


def test_without_error_neurons_the_rate_is_whole():
    np.testing.assert_array_equal(shares(np.zeros(300), decay=0.9), 1.0)


def test_a_new_task_brings_the_rate_back():
    """Errors fall to a twentieth and come back; what is to come does not matter for what is."""
    first = 20 * np.exp(-np.arange(2000) / 400.0)
    errors = np.concatenate([first, first])
    got = shares(errors, decay=0.9, settle=50)
    assert got[1999] < 0.02
    assert got[2000:2300].max() > 0.9
    np.testing.assert_array_equal(shares(errors[:700], decay=0.9, settle=50), got[:700])


def test_what_is_missing_is_named():
    link = scale_by_errors()
    with pytest.raises(ValueError, match="needs errors="):
        link.update({}, link.init({}))
    with pytest.raises(ValueError, match="reference above 0"):
        scale_by_errors(reference=0.0)
