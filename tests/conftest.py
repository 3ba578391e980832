"""Strict numerics for every test, and the small things that many tests need."""

import gc
import os
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

if "PYTEST_XDIST_WORKER" not in os.environ:  # all workers share what one of them has compiled
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="erbp_jax_tests_")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.3"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

# Half of a compilation's time is that of these emitters. `XLA_FLAGS= make test` compiles with them, as users do. XLA
# ends a process that gives it a flag which it does not know: these are known to the jaxlib of Python 3.11.
if version("jaxlib").startswith("0.10."):
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1")

import jax
import pytest

from erbp_jax import registry
from tests.thorough import listed

jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_disable_most_optimizations", True)  # of what modules compile while they are collected
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Mark what `make test` leaves to `make thorough`."""
    names, ids = listed(), {item.nodeid for item in items}
    for item in items:
        if item.nodeid in names or item.nodeid.split("[")[0] in names:
            item.add_marker("thorough")
    ids |= {name.split("[")[0] for name in ids}
    if config.args == config.getini("testpaths") and (unknown := names - ids):
        raise pytest.UsageError(f"tests/thorough.py: no such tests: {', '.join(sorted(unknown))}")


def pytest_collection_finish():
    """A twelfth of a test's time was Python's search for cycles, through all modules, at every few objects of a trace.

    What is there now stays; what the tests make is looked through less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 5)


def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput"):
        shutil.rmtree(os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)


@pytest.fixture(autouse=True, scope="module")
def _programs(request):
    """Most of a test's time is LLVM's, which optimises what runs once: it does so for files marked `optimized` alone.

    What a file's tests compiled is of no use to the next file's.
    """
    jax.config.update("jax_disable_most_optimizations", request.node.get_closest_marker("optimized") is None)
    yield
    jax.clear_caches()


@pytest.fixture(autouse=True)
def _registered():
    """What a test registers is gone after it: what lists all kinds does not depend on the tests before."""
    yield
    for at, entry in list(registry._ENTRIES.items()):
        if not entry.make.__module__.startswith("erbp_jax."):
            del registry._ENTRIES[at]


@pytest.fixture
def key():
    return jax.random.key(7, impl="threefry2x32")


@pytest.fixture
def without_pictures(monkeypatch):
    """As where the extra is not installed: a command's pictures take as long as a small training."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)


@pytest.fixture(scope="session")
def cli_environment():
    """Environment of the command line's own processes: the compilation cache of all tests."""
    return {**os.environ, "JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "COLUMNS": "200"}


@pytest.fixture(scope="session")
def bare_environment(tmp_path_factory, cli_environment):
    """The same without matplotlib."""
    hidden = tmp_path_factory.mktemp("hidden")
    (hidden / "matplotlib.py").write_text("raise ImportError")
    path = [str(hidden), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**cli_environment, "PYTHONPATH": os.pathsep.join(path)}


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
