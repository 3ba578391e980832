"""Networks of this package to NIR and back: the same spikes, or one message that says what has no words there."""

import jax
import nir
import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from erbp_jax import (
    LIF,
    BlankOut,
    Conv2d,
    Delayed,
    Delays,
    Dense,
    Network,
    Pool2d,
    Projection,
    Sparse,
    SynapseList,
    sequential,
)
from erbp_jax.config import load_config
from erbp_jax.config.build import build
from erbp_jax.errors import UserError
from erbp_jax.neurons import DualCompartmentLIF, GaussianNoise, LeakyIF, ParametricLIF, SecondOrderLIF
from erbp_jax.nir import from_nir, read, to_nir, write
from tests.config.kept import empty
from tests.nir.running import drawn, ran, spikes

PHASES = (Phase.explicit, Phase.generate)  # every example compiles: what fails is reported as it is, not made smaller
times = st.floats(1.5, 40.0)
firing = {
    "refractory": st.just(0),
    "threshold": st.floats(0.05, 2.0),
    "integration": st.sampled_from(["exact", "euler"]),
}
neurons = st.one_of(
    st.builds(LIF, tau_mem=times, tau_syn=times, **firing),
    st.builds(LIF, tau_mem=st.just(0.0), tau_syn=times, refractory=st.just(0), threshold=st.floats(0.05, 2.0)),
    st.builds(LIF, tau_mem=times, tau_syn=st.just(0.0), refractory=st.just(0), threshold=st.floats(0.05, 2.0)),
    st.builds(LeakyIF, tau_mem=times, **firing),
    st.builds(SecondOrderLIF, tau_mem=times, tau_syn=times, tau_rise=times, **firing),
)


def drawn_of(network):
    """The projections, without how their weights start."""
    return [
        (p.source, p.target, p.delay, p.delay_side if p.delay else "", p.connection.label) for p in network.projections
    ]


def random(network, seed):
    return network.init(jax.random.key(seed))


def through_a_file(network, params, dt, method, folder, **options):
    write(folder / "network.nir", to_nir(network, params, dt, method, **options))
    return from_nir(folder / "network.nir", dt, method)


@settings(max_examples=8, deadline=None, phases=PHASES)
@given(
    a=neurons, b=neurons, dt=st.floats(0.1, 2.0), method=st.sampled_from(["exact", "euler"]),
    delay=st.integers(0, 3), side=st.sampled_from(["axonal", "dendritic"]), back=st.integers(1, 2),
    seed=st.integers(0, 9),
)  # fmt: skip
def test_recurrent_networks_come_back_with_their_spikes(tmp_path_factory, a, b, dt, method, delay, side, back, seed):
    network = Network(
        {"hidden": a, "output": b},
        (
            Projection("input", "hidden", Dense(6, 8, gain=3.0), delay=delay, delay_side=side),
            Projection("hidden", "hidden", Dense(8, 8, gain=1.0), delay=back),
            Projection("hidden", "output", Dense(8, 4, gain=3.0)),
            Projection("input", "output", Dense(6, 4, gain=2.0)),
        ),
    )
    params, inputs = random(network, seed), drawn(seed, 24, 2, 6, 0.5)
    again = through_a_file(network, params, dt, method, tmp_path_factory.mktemp("nir"))
    one, two = ran(network, params, inputs, block=24), ran(*again, inputs, block=24)
    for name in network.names:
        x, y = (t.populations[n.index(name)].spikes for t, n in ((one, network), (two, again[0])))
        assert np.array_equal(x, y)
    assert {p.name: p for p in again[0].populations} == {p.name: p for p in network.populations}
    assert sorted(drawn_of(again[0])) == sorted(drawn_of(network))


@settings(max_examples=5, deadline=None, phases=PHASES)
@given(
    size=st.integers(5, 8), kernel=st.integers(1, 4), stride=st.integers(1, 2),
    mode=st.sampled_from(["sum", "average"]), gain=st.sampled_from([1.0, 2.5]),
    padding=st.sampled_from(["same", "valid"]), seed=st.integers(0, 9),
)  # fmt: skip
def test_maps_come_back(size, kernel, stride, mode, gain, padding, seed):
    conv = Conv2d((size, size + 1, 2), 3, kernel, stride, padding, gain=4.0)
    assume(min(conv.output_shape[:2]) >= 2)  # the pool's window
    pool = Pool2d(conv.output_shape, 2, mode=mode, gain=gain)
    neuron = LIF(tau_mem=3.0, tau_syn=2.0, threshold=0.4, refractory=0)
    network = sequential(conv, neuron, pool, neuron, Dense(pool.outputs, 4, gain=4.0), neuron)
    params, inputs = random(network, seed), drawn(seed, 12, 2, network.sizes[0], 0.5)
    if stride == 2 and padding == "same" and lopsided(size, kernel):
        with pytest.raises(UserError, match="padding 'same' with a stride of 2 is not the same on both sides"):
            to_nir(network, params, 1.0)
        return
    graph = to_nir(network, params, 1.0)
    again = from_nir(graph, 1.0)
    assert np.array_equal(spikes(network, params, inputs), spikes(*again, inputs))
    flatten = next(n for n in graph.nodes.values() if isinstance(n, nir.Flatten))
    assert flatten.output_type["output"].tolist() == [pool.outputs]


def lopsided(size, kernel):
    """Whether maps of `size` times `size + 1` need, for windows two apart, more padding at the end than in front, and
    not along both axes alike, so that a wider kernel does not help."""
    lines = [(n, max((-(-n // 2) - 1) * 2 + kernel - n, 0) // 2, -(-n // 2)) for n in (size, size + 1)]

    def fits(wider):
        return all((n + 2 * (p + wider) - kernel - wider) // 2 + 1 == windows for n, p, windows in lines)

    return not fits(0) and not fits(1)


def test_padding_that_is_one_wider_at_the_end():
    """8 x 8 by 5 x 5, two apart: one row above and two below, which NIR has no padding for."""
    neuron = LIF(tau_mem=3.0, tau_syn=2.0, threshold=0.4, refractory=0)
    network = sequential(Conv2d((8, 8, 2), 3, 5, 2, gain=4.0), neuron)
    params, inputs = random(network, 0), drawn(0, 12, 2, 128, 0.5)
    graph = to_nir(network, params, 1.0)
    node = next(n for n in graph.nodes.values() if isinstance(n, nir.Conv2d))
    assert node.weight.shape == (3, 2, 6, 6)
    assert node.padding == (2, 2)
    again = from_nir(graph, 1.0)
    assert again[0].projections[0].connection.kernel == 5
    assert np.array_equal(spikes(network, params, inputs), spikes(*again, inputs))
    node.metadata = {}  # as another simulator would have it
    current = [ran(*one, inputs, block=12).populations[0].current for one in ((network, params), from_nir(graph, 1.0))]
    assert np.allclose(*current, atol=1e-5)


def test_a_list_of_synapses_is_a_matrix():
    pairs = SynapseList([0, 0, 2], [1, 0, 1])
    network = sequential(Sparse(3, 2, pairs=pairs), LIF(refractory=0, threshold=0.3))
    params = random(network, 0)
    graph = to_nir(network, params, 1.0)
    w = np.asarray(params.trained.projections[0]["weight"])
    linear = next(n for n in graph.nodes.values() if isinstance(n, nir.Linear))
    assert np.array_equal(linear.weight, [[w[1], 0, 0], [w[0], 0, w[2]]])


def test_time_constants_of_every_neuron():
    neuron = ParametricLIF(tau_mem=10.0, tau_syn=4.0, spread=0.3, refractory=0, threshold=0.2)
    network = sequential(Dense(5, 6, gain=3.0), neuron)
    params, inputs = random(network, 1), drawn(1, 40, 2, 5)
    graph = to_nir(network, params, 0.5)
    given = neuron.time_constants(type(params)(params.trained.populations[0], {}))
    node = graph.nodes["output"]
    assert np.allclose(node.tau_mem, np.asarray(given["tau_mem"]) * 0.5e-3, rtol=1e-5)
    assert np.ptp(node.tau_syn) > 1e-4
    assert np.array_equal(spikes(network, params, inputs), spikes(*from_nir(graph, 0.5), inputs))


def test_no_membrane_of_its_own_is_li_then_threshold():
    network = sequential(Dense(3, 2), LIF(tau_mem=0.0, tau_syn=4.0, refractory=0, threshold=0.3))
    params = random(network, 0)
    graph = to_nir(network, params, 1.0)
    assert [type(n).__name__ for n in graph.nodes.values()] == ["Input", "Linear", "LI", "Threshold", "Output"]
    assert np.allclose(graph.nodes["output.synapse"].r, 1 / (1 - np.exp(-0.25)))
    euler = to_nir(network, params, 1.0, "euler")
    assert isinstance(euler.nodes["output"], nir.CubaLIF)
    assert np.array_equal(euler.nodes["output"].tau_mem, [1e-3, 1e-3])
    for node in graph.nodes.values():
        node.metadata = {}  # as if another simulator had written it
    plain, own = from_nir(graph, 1.0)
    assert plain.names == ("output.synapse", "output")
    inputs = drawn(0, 30, 2, 3)
    assert np.array_equal(spikes(plain, own, inputs), spikes(network, params, inputs))


def test_a_population_of_the_kept_recipe_is_one_node(root):
    network = build(load_config(root / "configs" / "digits_cuba.yaml"), empty("digits")).network
    params, inputs = jax.tree.map(lambda w: 4 * w, random(network, 0)), drawn(0, 40, 3, 64, 0.3)
    graph = to_nir(network, params, 1.0)
    assert [type(n).__name__ for n in graph.nodes.values()] == [
        "Input", "Linear", "Linear", "CubaLIF", "CubaLIF", "Output",
    ]  # fmt: skip
    again, own = from_nir(graph, 1.0)
    assert again.populations == network.populations
    assert drawn_of(again) == drawn_of(network)
    assert np.array_equal(spikes(network, params, inputs), spikes(again, own, inputs))
    assert spikes(network, params, inputs, "hidden1").sum() > 100


def test_method_says_how_a_reader_makes_the_same_factor():
    network = sequential(Dense(3, 2), LIF(tau_mem=10.0, tau_syn=4.0, refractory=0))
    nodes = [to_nir(network, random(network, 0), 1.0, m).nodes["output"] for m in ("exact", "euler")]
    assert np.allclose(nodes[0].tau_mem, 0.010, rtol=1e-12)
    assert np.allclose(1 - 1e-3 / nodes[1].tau_mem, np.exp(-0.1), rtol=1e-12)
    graph = to_nir(network, random(network, 0), 1.0)
    assert graph.metadata["erbp_jax:dt_ms"] == 1.0
    assert graph.metadata["erbp_jax:method"] == "exact"


def test_explicit_delays_on_cycles_stay():
    """Of two delays of a cycle one would be enough to close it; neither is left out."""
    neuron = LIF(refractory=0, threshold=0.3)
    network = Network(
        {"a": neuron, "b": neuron},
        (
            Projection("input", "a", Dense(3, 3, gain=3.0)),
            Projection("a", "b", Dense(3, 3, gain=3.0), delay=1),
            Projection("b", "a", Dense(3, 3, gain=3.0), delay=1),
        ),
    )
    params, inputs = random(network, 0), drawn(0, 20, 2, 3)
    graph = to_nir(network, params, 1.0)
    assert sum(isinstance(n, nir.Delay) for n in graph.nodes.values()) == 2
    assert np.array_equal(spikes(network, params, inputs), spikes(*from_nir(graph, 1.0), inputs))


SAID = [
    (LIF(), None, "population output: a refractory period of 3 ticks"),
    (LIF(refractory=0, reset="subtract", tau_mem=2.0), None, "population output: the reset 'subtract'"),
    (LIF(refractory=0, noise=GaussianNoise(0.1)), None, "population output: noise (GaussianNoise)"),
    (LIF(refractory=0, v_reset=-0.2), None, "population output: that it starts at v_reset = -0.2"),
    (SecondOrderLIF(refractory=0, bias=0.1), None, "population output: a bias of 0.1 of the synaptic current"),
    (LIF(refractory=0), BlankOut(0.5), "projection input -> output: stochastic transmission (BlankOut)"),
]


@pytest.mark.parametrize(("neuron", "transmission", "text"), SAID)
def test_what_nir_cannot_say_is_refused_or_kept(tmp_path, neuron, transmission, text):
    dense = Dense(4, 3) if transmission is None else Dense(4, 3, transmission=transmission)
    network = sequential(dense, neuron)
    params = random(network, 0)
    with pytest.raises(UserError) as refused:
        to_nir(network, params, 1.0)
    assert text in str(refused.value)
    assert "metadata=True" in str(refused.value)
    again, own = through_a_file(network, params, 1.0, "exact", tmp_path, metadata=True)
    assert again == network
    assert np.array_equal(own.trained.projections[0]["weight"], params.trained.projections[0]["weight"])


MAPS = (6, 6, 1)


@pytest.mark.parametrize(
    "connection",
    [Conv2d(MAPS, 2, 4, 1, transmission=BlankOut(0.5)), Conv2d(MAPS, 2, 3, 2, transmission=BlankOut(0.5))],
    ids=["as wide as even", "strides"],
)
def test_stochastic_synapses_of_maps_are_kept(tmp_path, connection):
    network = sequential(connection, LIF(refractory=0))
    again, _ = through_a_file(network, random(network, 0), 1.0, "exact", tmp_path, metadata=True)
    assert again.projections[0].connection == connection


def test_stochastic_synapses_that_are_not_read_back_are_refused():
    affine = nir.Affine(np.ones((2, 3), np.float32), np.ones(2), metadata={"erbp_jax:transmission": "{}"})
    with pytest.raises(
        UserError, match="its metadata erbp_jax:transmission says that spikes are transmitted with a pro"
    ):
        from_nir(nir.NIRGraph.from_list(affine, nir.IF(np.ones(2), np.ones(2))), 1.0)


def test_neurons_that_are_not_read_back_as_they_were_are_refused():
    """A refractory period was lost without a word, with it the rate of the neuron."""
    network = sequential(Dense(4, 3), LIF(refractory=3))
    graph = to_nir(network, random(network, 0), 1.0, metadata=True)
    with pytest.raises(
        UserError, match=r"has a refractory period of 3 ticks, .* \(with dt=1 and method='exact' it is\)"
    ):
        from_nir(graph, 0.5)
    network = sequential(Dense(4, 3), ParametricLIF(refractory=3))
    graph = to_nir(network, random(network, 0), 1.0, metadata=True)
    for dt in (1.0, 0.5):  # no dt reads it back
        with pytest.raises(UserError, match="this is not read back as it was written; delete the metadata"):
            from_nir(graph, dt)
    del graph.nodes["output"].metadata["erbp_jax:unsaid"]
    assert from_nir(graph, 1.0)[0].population("output").neuron.max_rate == 1.0


def test_a_line_of_delays_that_fails_at_random_is_none():
    each = np.arange(3)
    line = Delayed(Sparse(3, 3, pairs=SynapseList(each, each), transmission=BlankOut(0.1)), Delays([0, 1, 2]))
    network = sequential(line, LIF(refractory=0))
    params = network.init(jax.random.key(0))
    params = params._replace(trained=jax.tree.map(np.ones_like, params.trained))
    with pytest.raises(UserError, match="a delay per synapse"):
        to_nir(network, params, 1.0)


def test_a_dendritic_delay_that_closes_a_cycle_stays_one():
    network = Network(
        {"h": LIF(refractory=0, threshold=0.3)},
        (
            Projection("input", "h", Dense(3, 3, gain=3.0)),
            Projection("h", "h", Dense(3, 3, gain=3.0), delay=1, delay_side="dendritic"),
        ),
    )
    again, _ = from_nir(to_nir(network, random(network, 0), 1.0), 1.0)
    assert [(p.delay, p.delay_side) for p in again.projections] == [(0, "axonal"), (1, "dendritic")]


def test_all_that_is_missing_is_in_one_message():
    network = Network(
        {"hidden": DualCompartmentLIF(), "output": LIF(refractory=2)},
        (
            Projection("input", "hidden", Dense(4, 3)),
            Projection("hidden", "output", Delayed(Dense(3, 2), (0, 3))),
        ),
    )
    with pytest.raises(UserError) as refused:
        to_nir(network, random(network, 0), 1.0)
    for part in ("population hidden: NIR has no DualCompartmentLIF", "a delay per synapse", "a refractory period of 2"):
        assert part in str(refused.value)
    with pytest.raises(UserError, match="NIR has no DualCompartmentLIF"):
        to_nir(network, random(network, 0), 1.0, metadata=True)


def test_metadata_that_contradicts_the_node_counts_for_nothing(tmp_path):
    network = sequential(Dense(4, 3, gain=3.0), LIF(refractory=0, tau_mem=5.0, threshold=0.3))
    params = random(network, 0)
    graph = to_nir(network, params, 1.0)
    graph.nodes["output"].tau_mem = graph.nodes["output"].tau_mem * 2
    changed = from_nir(graph, 1.0)[0].population("output").neuron
    assert changed == LIF(refractory=0, tau_mem=10.0, threshold=0.3)
    graph.nodes["output"].metadata["erbp_jax:neuron"] = '{"class": "os:system", "fields": {}}'
    assert from_nir(graph, 1.0)[0].population("output").neuron == changed
    write(tmp_path / "x.nir", graph)
    assert read(tmp_path / "x.nir").nodes["output"].metadata["erbp_jax:neuron"].startswith('{"class": "os')


def test_an_imported_network_is_of_its_dt():
    graph = nir.NIRGraph.from_list(nir.Linear(np.ones((2, 3), np.float32)), nir.IF(np.ones(2), np.ones(2)))
    network, params = from_nir(graph, 1.0)
    with pytest.raises(UserError, match="population if: it is discretised for dt 1 ms, exact"):
        to_nir(network, params, 0.5)
