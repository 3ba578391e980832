"""These tests are written as a user writes, whose JAX promotes types and ranks as it does by default."""

import jax
import pytest


@pytest.fixture(autouse=True, scope="package")
def _as_a_user():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield
