"""One pass over a data set: every sample once, whatever the batches, within a program or from the host."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.evaluation.passes import batches, over


@pytest.mark.parametrize("size", [1, 3, 7, 10])
def test_every_sample_comes_once_and_in_order(size):
    data = jnp.arange(7, dtype=jnp.float32).reshape(7, 1) + jnp.array([[0.0, 100.0]])
    one = lambda index: (data[index], index)  # noqa: E731
    values, index = jax.jit(lambda: over(7, size, one))()
    np.testing.assert_array_equal(values, data)
    np.testing.assert_array_equal(index, np.arange(7))
    parts = [(np.asarray(index), new) for index, new in batches(7, size)]
    assert {len(index) for index, _ in parts} == {size}
    np.testing.assert_array_equal(np.concatenate([index[:new] for index, new in parts]), np.arange(7))
    assert parts[-1][0].max() == 6  # filled up with copies
