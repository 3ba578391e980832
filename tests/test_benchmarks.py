"""Benchmarks: what they compare is equal, they can be found, and a mistaken name is refused."""

import sys

import numpy as np
import pytest

from erbp_jax.cli import benchmarks
from erbp_jax.errors import UserError
from tests.command_line import call


@pytest.fixture(scope="module")
def peers(root):
    """The script that compares frameworks; it finds its neighbours on the path, as when it is run."""
    sys.path.insert(0, str(root / "benchmarks"))
    import peers  # type: ignore[import-not-found]

    yield peers
    sys.path.remove(str(root / "benchmarks"))


@pytest.mark.parametrize("name", ["plain_jax", "ours", "ours_by_events"])
def test_spikes_and_gradients_are_those_of_the_loops(peers, name):
    assert peers.agrees(name)


def test_a_wrong_gradient_is_left_out(peers, monkeypatch):
    """Reading spikes off a tick late, as another framework does, is not what ours computes."""
    from dataclasses import replace

    from frameworks import Framework, load  # type: ignore[import-not-found]

    ours = load("ours")
    late: Framework = replace(ours, semantics=lambda _: replace(ours.semantics(0.9), reset="late"))
    monkeypatch.setattr(peers.frameworks, "load", lambda _: late)
    assert not peers.agrees("ours")


def test_the_loops_are_right_about_the_gradient_without_thresholds(peers):
    """Far below threshold with a flat surrogate the network is linear: its gradient is known."""
    from dataclasses import replace

    from frameworks import Semantics

    how = replace(Semantics(), slope=0.0)
    rng = np.random.default_rng(0)
    spikes, cotangent = (rng.random((6, 2, 3)) < 0.5).astype(float), rng.normal(size=(6, 2, 4))
    (found,) = peers.oracle.gradient([np.full((3, 4), 1e-3)], spikes, cotangent, 0.9, how)
    trace = np.zeros_like(spikes)
    for t in range(6):
        trace[t] = spikes[t] + (0.9 * trace[t - 1] if t else 0.0)
    np.testing.assert_allclose(found, np.einsum("tbi,tbo->io", trace, cotangent), rtol=1e-12)


def test_every_script_asks_a_question_and_names_its_command(root):
    found = benchmarks.scripts()
    assert {"peers", "train_speed", "scaling", "cost_model", "events"} <= set(found)
    for name, question in found.items():
        assert "?" in question, name
        assert f"erbp-jax bench {name}" in (root / "benchmarks" / f"{name}.py").read_text(), name


def test_a_mistyped_name_is_refused(monkeypatch, capsys):
    code, _, err = call(monkeypatch, capsys, "bench", "pears")
    assert code == 2
    assert "'pears'" in err
    assert "peers" in err


def test_an_installed_package_has_no_benchmarks(tmp_path):
    with pytest.raises(UserError, match="checkout"):
        benchmarks.scripts(tmp_path / "benchmarks")
