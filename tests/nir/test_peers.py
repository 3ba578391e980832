"""The benchmark that runs our networks in other simulators: alone, and with those that are installed."""

import sys
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import erbp_jax as ej
from tests.nir.running import drawn


@pytest.fixture(scope="module")
def peers(root):
    sys.path.insert(0, str(root / "benchmarks"))
    import peers_nir  # type: ignore[import-not-found]

    yield peers_nir
    sys.path.remove(str(root / "benchmarks"))


@pytest.fixture(scope="module")
def model():
    network = ej.mlp(12, 20, 5, neuron=ej.LIF(tau_mem=4.0, tau_syn=4.0, refractory=0))
    params = jax.tree.map(lambda w: 3.0 * w, network.init(jax.random.key(0)))
    return SimpleNamespace(network=network, params=params, dt=1.0)


INPUTS, LABELS = drawn(0, 40, 6, 12, 0.2), np.zeros(6, int)


def rows_of(peers, name, model, folder):
    return {(row["written for"], row["here"]): row for row in peers.compared(name, model, INPUTS, LABELS, folder)}


@pytest.mark.filterwarnings("ignore")  # of PyTorch and of what stands on it
@pytest.mark.parametrize("name", ["norse", "snntorch"])
def test_another_simulator_sends_the_same_spikes(peers, model, tmp_path, name):
    pytest.importorskip(name)
    rows = rows_of(peers, name, model, tmp_path)
    for how in (("euler", "trained"), ("euler", "euler"), ("exact", "euler")):
        assert set(rows[how]["differ"].values()) == {0}
        assert min(rows[how]["spikes there"].values()) > 20
    assert rows["exact", "trained"]["differ"]["hidden1"] > 20
    assert peers.probed(name) == peers.probed("here")


def test_what_is_compared(peers, model, tmp_path, monkeypatch):
    """A simulator by Euler that is ours, and one that loses a spike."""
    from frameworks.reading import Reader  # type: ignore[import-not-found]

    def run(graph, dt, spikes):
        return peers.ran_here(*peers.from_nir(graph, dt, "euler"), spikes).spikes

    def loses(graph, dt, spikes):
        seen = {name: s.copy() for name, s in run(graph, dt, spikes).items()}
        seen["output"][tuple(np.argwhere(seen["output"])[0])] = 0
        return seen

    monkeypatch.setattr(peers.reading, "load", lambda name: Reader(name, 0.1, {"ours": run, "loses": loses}[name]))
    rows = rows_of(peers, "ours", model, tmp_path)
    same = rows["euler", "trained"]
    assert (same["differ"], same["digits alike"]) == ({"hidden1": 0, "output": 0}, 6)
    assert (same["distance at first differences"], same["decisions alike"]) == (None, 6)
    lost = rows_of(peers, "loses", model, tmp_path)["euler", "trained"]
    assert (lost["differ"], lost["digits alike"]) == ({"hidden1": 0, "output": 1}, 5)
    assert lost["distance at first differences"] > 0
    peers.show([same, lost], {"ours": peers.probed("here")})


def test_probes_tell_what_they_are_to_tell(peers):
    assert list(peers.probed("here").values()) == [[], [0], [0], [0, 2], [6, 13]]
