"""Strict numerics for every test, and the small things that many tests need."""

import os
from pathlib import Path

import jax
import pytest

jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def key():
    return jax.random.key(7, impl="threefry2x32")


@pytest.fixture(scope="session")
def cli_environment(tmp_path_factory):
    """Environment of the command line's own processes: a compilation cache that all tests of a worker share."""
    cache = tmp_path_factory.mktemp("xla")
    return {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(cache), "JAX_PLATFORMS": "cpu", "COLUMNS": "200"}


@pytest.fixture(scope="session")
def mnist():
    """The real MNIST, where it is installed."""
    from erbp_jax import data
    from erbp_jax.errors import UserError

    try:
        return data.load("mnist")
    except UserError as error:
        pytest.skip(str(error).splitlines()[0])


@pytest.fixture(scope="session")
def root():
    return Path(__file__).parents[1]
