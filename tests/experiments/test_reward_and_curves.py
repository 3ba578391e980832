"""A bandit learned from reward, and curves that outputs follow; both in short."""

import importlib
import sys

import jax
import pytest

pytestmark = pytest.mark.optimized


@pytest.fixture(autouse=True)
def _as_a_user():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture
def script(root, monkeypatch):
    """An experiment, imported by its name."""
    monkeypatch.syspath_prepend(str(root / "experiments"))
    loaded = []

    def load(name):
        loaded.append(name)
        return importlib.import_module(name)

    yield load
    for name in loaded:
        sys.modules.pop(name, None)


def test_a_bandit_is_learned_from_reward(script):
    shares = script("bandit").shares(1500, 2)
    assert (shares > 0.95).all()


def test_outputs_follow_curves_they_have_never_seen(script):
    regression = script("regression")
    models = regression.follow(regression.data_set(200, 50), epochs=20, seed=0, progress=False)
    assert models["BP"].metrics["test_nmse"] < 0.2
    assert models["eRBP"].metrics["test_nmse"] < 0.3
