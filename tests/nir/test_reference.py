"""Graphs that other simulators wrote: read, run, written again."""

import nir
import numpy as np
import pytest

from erbp_jax.nir import evaluate_nir, from_nir, to_nir
from tests.nir.running import Neuron, drawn, ran, spikes

pytestmark = pytest.mark.optimized

TAU, THRESHOLD = 2.5, 0.1  # of lif_norse.nir, ms


@pytest.fixture(scope="module")
def exact(graphs):
    """Input, membrane and spike of every 0.1 ms."""
    return np.loadtxt(graphs / "lif_exact.csv", delimiter=",")


def true_times(exact):
    """When the membrane crosses the threshold, in ms: from the membrane before, under the sample's constant input."""
    times = []
    for sample in np.flatnonzero(exact[:, 2]):
        x, v = exact[sample, 0], exact[sample - 1, 1]
        times.append(0.1 * sample + TAU * np.log((x - v) / (x - THRESHOLD)))
    return np.array(times)


def latest(times):
    """By how many ticks a spike may be late.

    One tick is lost by itself: a spike is seen at the end of its tick. A spike that was late by d leaves the membrane
    behind by at most d / tau, for it rises to the input, 1, from the reset. After the interval T to the next spike
    exp(-T / tau) of that is left, and at the threshold the membrane needs 1 / (1 - threshold) of it to catch up.
    """
    carried = np.exp(-np.diff(times) / TAU).max() / (1.0 - THRESHOLD)
    return 1.0 / (1.0 - carried)


def against_exact(graphs, exact, parts, method):
    """Largest difference of the membrane after a sample, and differences of the spike times in ms."""
    network, params = from_nir(graphs / "lif_norse.nir", 0.1 / parts, method)
    trace = ran(network, params, np.repeat(exact[:, 0], parts)[:, None, None], block=1000)
    seen = trace.populations[0]
    membrane = seen.state.membrane[parts - 1 :: parts, 0, 0]
    times = (np.flatnonzero(seen.spikes[:, 0, 0]) + 1) * 0.1 / parts
    return np.abs(membrane - exact[:, 1]).max(), times - true_times(exact), membrane


@pytest.mark.parametrize("method", ["exact", "euler"])
def test_lif_comes_closer_to_the_exact_solution_as_dt_falls(graphs, exact, method):
    most = latest(true_times(exact))
    assert 1.17 < most < 1.18
    for parts in (1, 4, 10, 40):
        dt = 0.1 / parts
        error, late, _ = against_exact(graphs, exact, parts, method)
        assert len(late) == 4
        assert (late > -1e-3).all()
        assert (late < most * dt).all()
        assert error < most * dt / TAU
        if parts == 10:  # the second spike comes two ticks after the membrane crosses: the first one was late, too
            assert late[1] > dt


def test_lif_is_exact_before_the_first_spike(graphs, exact):
    *_, membrane = against_exact(graphs, exact, 1, "exact")
    first = np.flatnonzero(exact[:, 2])[0]
    assert np.abs(membrane - exact[:, 1])[:first].max() < 3e-6
    *_, membrane = against_exact(graphs, exact, 1, "euler")
    assert np.abs(membrane - exact[:, 1])[:first].max() > 1e-4


@pytest.mark.parametrize("name", ["braille_noDelay_bias_zero.nir", "cnn_sinabs.nir", "lif_norse.nir"])
def test_a_file_comes_back_bit_for_bit(graphs, name):
    original = nir.read(graphs / name)
    back = to_nir(*from_nir(graphs / name, 0.1, "exact"), 0.1, "exact")
    kinds = {}
    for graph in (original, back):  # the nodes of each type, in the order of the way through
        order = sorted(graph.nodes, key=lambda n: (type(graph.nodes[n]).__name__, depth(graph, n), n))
        kinds[id(graph)] = [graph.nodes[n] for n in order]
    assert len(back.nodes) == len(original.nodes)
    assert len(back.edges) == len(original.edges)
    for a, b in zip(*kinds.values(), strict=True):
        assert type(a) is type(b)
        for field in a.__dataclass_fields__:
            if field == "metadata":
                continue
            x, y = getattr(a, field), getattr(b, field)
            if isinstance(x, dict):
                assert {k: list(v) for k, v in x.items()} == {k: list(v) for k, v in y.items()}
            else:
                assert np.array_equal(x, y), field
                if field in ("weight", "bias", "tau", "tau_mem", "tau_syn", "r", "v_threshold"):
                    assert x.dtype == y.dtype
    if name.startswith("braille"):
        assert set(back.nodes) == set(original.nodes)
        assert set(back.edges) == set(original.edges)


def depth(graph, name):
    """Steps from the input."""
    seen, here = {}, ["input"]
    for step in range(len(graph.nodes)):
        seen |= {n: step for n in here if n not in seen}
        here = [b for a, b in graph.edges if a in here]
    return seen[name]


@pytest.mark.parametrize("method", ["exact", "euler"])
def test_braille_is_a_float64_loop(graphs, method):
    graph, dt, ticks, batch = nir.read(graphs / "braille_noDelay_bias_zero.nir"), 0.1, 120, 4
    inputs = drawn(3, ticks, batch, 12, 0.15)
    network, params = from_nir(graph, dt, method)
    trace = ran(network, params, inputs)
    n, counted = graph.nodes, 0
    for sample in range(batch):
        hidden, output, before = Neuron(n["lif1.lif"], dt, method), Neuron(n["lif2"], dt, method), np.zeros(38)
        for t in range(ticks):
            rec = n["lif1.w_rec"].weight.astype(np.float64) @ before + n["lif1.w_rec"].bias
            before = hidden.tick(n["fc1"].weight.astype(np.float64) @ inputs[t, sample] + n["fc1"].bias + rec)
            out = output.tick(n["fc2"].weight.astype(np.float64) @ before + n["fc2"].bias)
            assert np.array_equal(before, trace.populations[network.index("lif1.lif")].spikes[t, sample]), t
            assert np.array_equal(out, trace.populations[network.index("lif2")].spikes[t, sample]), t
            counted += before.sum() + out.sum()
    assert counted > 500


@pytest.mark.thorough
def test_a_network_of_sinabs_on_real_recordings(graphs, digits):
    result = evaluate_nir(graphs / "cnn_sinabs.nir", digits, dt=1.0)
    assert result.samples == 100
    assert result.right >= 99
    assert evaluate_nir(graphs / "cnn_sinabs.nir", digits, dt=1.0, swap_polarity=True).right < result.right


def test_ten_real_recordings(graphs, digits, tmp_path):
    table = [line.split() for line in (digits / "test100.txt").read_text().splitlines() if not line.startswith("#")]
    for number, label in table[:10]:
        (tmp_path / f"{number}.bs2").write_bytes((digits / f"{number}.bs2").read_bytes())
        with (tmp_path / "test.txt").open("a") as file:
            file.write(f"{number} {label}\n")
    (tmp_path / "train.txt").write_text("")
    assert evaluate_nir(graphs / "cnn_sinabs.nir", tmp_path, dt=1.0).right == 10


def test_blocks_do_not_matter(graphs):
    network, params = from_nir(graphs / "braille_noDelay_bias_zero.nir", 0.1)
    inputs = drawn(5, 40, 3, 12)
    assert np.array_equal(spikes(network, params, inputs), spikes(network, params, inputs, block=1))
