"""Every node of NIR against float64 NumPy, and the shapes that graphs come in."""

import math

import jax
import nir
import numpy as np
import pytest

from erbp_jax import LIF, BackProp, Conv2d, Dense, Pool2d
from erbp_jax.errors import UserError
from erbp_jax.neurons import LeakyIF
from erbp_jax.nir import Affine, Convolution, NIRNeuron, Pooling, Relay, Scale, Wire, from_nir, to_nir
from tests.nir.running import Neuron, drawn, ran, spikes

F = np.float32


def constants(kind, n, seed=0):
    draw = np.random.default_rng(seed)
    ranges = {
        "tau": (4e-3, 2e-2), "tau_mem": (4e-3, 2e-2), "tau_syn": (2e-3, 1e-2), "r": (0.5, 2.0), "v_leak": (-0.2, 0.2),
        "v_threshold": (0.3, 0.8), "v_reset": (-0.3, 0.1), "w_in": (1.0, 4.0), "threshold": (0.3, 0.8),
    }  # fmt: skip
    names = [f for f in getattr(nir, kind).__dataclass_fields__ if f in ranges]
    return {name: draw.uniform(*ranges[name], n) for name in names}


@pytest.mark.parametrize("method", ["exact", "euler"])
@pytest.mark.parametrize("kind", ["I", "IF", "LI", "LIF", "CubaLI", "CubaLIF", "Threshold"])
def test_every_neuron_is_its_equation(kind, method):
    node = getattr(nir, kind)(**constants(kind, 6))
    weight = np.random.default_rng(1).normal(0.3, 0.6, (6, 5)).astype(F)
    network, params = from_nir(nir.NIRGraph.from_list(nir.Linear(weight), node), 0.7, method)
    inputs = drawn(2, 60, 1, 5)
    seen = ran(network, params, inputs).populations[0].spikes[:, 0]
    one = Neuron(node, 0.7, method)
    wanted = np.array([one.tick(weight.astype(float) @ x) for x in inputs[:, 0]])
    if kind in ("I", "LI", "CubaLI"):
        assert np.allclose(seen, wanted, atol=3e-5)
        assert np.ptp(wanted) > 0.1
    else:
        assert np.array_equal(seen, wanted)
        assert 0.02 < wanted.mean() < 0.9


def windows(maps, kernel, stride, padding, dilation=(1, 1)):
    """`maps[C, H, W]` as `[C, Ho, Wo, kh, kw]`, by loops."""
    padded = np.pad(maps, ((0, 0), *((p, p) for p in padding)))
    out = [(padded.shape[i + 1] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in range(2)]
    seen = np.zeros((maps.shape[0], *out, *kernel))
    for y, x, i, j in np.ndindex(*out, *kernel):
        seen[:, y, x, i, j] = padded[:, y * stride[0] + i * dilation[0], x * stride[1] + j * dilation[1]]
    return seen


def analog(nodes, inputs, shape):
    """What linear nodes make of `inputs[T, *shape]`, flat in NIR's order; they end in a LI that does not forget."""
    network, params = from_nir(nir.NIRGraph.from_list(nir.Input(np.array(shape)), *nodes), 1.0)
    given = np.moveaxis(inputs, 1, -1) if len(shape) > 1 else inputs
    seen = ran(network, params, given.reshape(len(inputs), 1, -1)).populations[-1].spikes[:, 0]
    out = network.shape(network.output)
    maps = seen.reshape(len(inputs), *out)
    return network, (np.moveaxis(maps, -1, 1) if len(out) > 1 else maps).reshape(len(inputs), -1)


def alone(node, shape, out):
    """A graph of one linear node and an integrator; `nir` infers no shapes of kernels that are not square."""
    nodes = {"in": nir.Input(np.array(shape)), "w": node, "n": nir.I(np.ones(out)), "out": nir.Output(np.array(out))}
    return nir.NIRGraph(nodes, [("in", "w"), ("w", "n"), ("n", "out")], type_check=False)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation", "groups", "bias", "own"),
    [
        ((3, 3), (1, 1), (1, 1), (1, 1), 1, 0.0, True),
        ((3, 3), (2, 2), (0, 0), (1, 1), 1, 0.0, True),
        ((5, 5), (2, 2), (1, 1), (1, 1), 1, 0.0, False),
        ((3, 3), (1, 1), (1, 1), (1, 1), 1, 0.3, False),
        ((2, 3), (1, 2), (1, 0), (1, 1), 1, 0.1, False),
        ((3, 3), (1, 1), (2, 2), (2, 2), 1, 0.0, False),
        ((3, 3), (1, 1), (0, 0), (1, 1), 2, 0.0, False),
    ],
)
def test_every_convolution(kernel, stride, padding, dilation, groups, bias, own):
    draw, shape = np.random.default_rng(0), (2, 7, 8)
    weight = draw.normal(0, 1, (4, 2 // groups, *kernel)).astype(F)
    node = nir.Conv2d(None, weight, stride, padding, dilation, groups, np.full(4, bias, F))
    inputs = drawn(3, 3, 1, math.prod(shape))[:, 0].reshape(-1, *shape)
    seen = np.array([windows(x, kernel, stride, padding, dilation) for x in inputs])
    parts = np.split(seen, groups, 1)
    kernels = np.split(weight.astype(float), groups, 0)
    wanted = (
        np.concatenate([np.einsum("tchwij,ocij->tohw", a, b) for a, b in zip(parts, kernels, strict=True)], 1) + bias
    )
    network, params = from_nir(alone(node, shape, wanted.shape[1:]), 1.0)
    given = np.moveaxis(inputs, 1, -1).reshape(len(inputs), 1, -1)
    maps = ran(network, params, given).populations[0].spikes[:, 0].reshape(len(inputs), *network.shape("n"))
    assert np.allclose(np.moveaxis(maps, -1, 1), np.cumsum(wanted, 0), atol=1e-4)
    assert isinstance(network.projections[0].connection, Conv2d if own else Convolution)
    back = to_nir(network, params, 1.0)
    written = next(n for n in back.nodes.values() if isinstance(n, nir.Conv2d))
    assert np.array_equal(written.weight, weight)
    again, same = from_nir(back, 1.0)
    assert np.array_equal(spikes(again, same, given), spikes(network, params, given))


def test_a_convolution_along_one_axis():
    draw = np.random.default_rng(0)
    weight, bias = draw.normal(0, 1, (3, 2, 4)).astype(F), draw.normal(0, 1, 3).astype(F)
    inputs = drawn(1, 4, 1, 18)[:, 0].reshape(-1, 2, 9)
    nodes = nir.Conv1d(9, weight, 2, 1, 1, 1, bias), nir.I(np.ones((3, 4)))
    network, seen = analog(nodes, inputs, (2, 9))
    padded = np.pad(inputs, ((0, 0), (0, 0), (1, 1)))
    cut = np.stack([padded[:, :, 2 * x : 2 * x + 4] for x in range(4)], 2)
    wanted = np.einsum("tcxi,oci->tox", cut, weight.astype(float)) + bias[:, None]
    assert np.allclose(seen, np.cumsum(wanted, 0).reshape(4, -1), atol=1e-4)
    assert isinstance(to_nir(network, from_nir_params(network), 1.0).nodes["conv1d"], nir.Conv1d)


def from_nir_params(network):
    return network.init(jax.random.key(0))


@pytest.mark.parametrize(("pool", "average"), [(nir.SumPool2d, False), (nir.AvgPool2d, True)])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "own"),
    [((2, 2), (2, 2), (0, 0), Pool2d), ((2, 3), (1, 2), (0, 1), Pooling), ((3, 3), (2, 2), (1, 1), Pooling)],
)
def test_every_pooling(pool, average, kernel, stride, padding, own):
    inputs = drawn(4, 3, 1, 60)[:, 0].reshape(-1, 2, 5, 6)
    seen = np.array([windows(x, kernel, stride, padding) for x in inputs]).sum((-2, -1))
    wanted = seen / math.prod(kernel) if average else seen
    node = pool(np.array(kernel), np.array(stride), np.array(padding))
    network, params = from_nir(alone(node, (2, 5, 6), wanted.shape[1:]), 1.0)
    maps = ran(network, params, np.moveaxis(inputs, 1, -1).reshape(3, 1, -1)).populations[0].spikes[:, 0]
    maps = np.moveaxis(maps.reshape(3, *network.shape("n")), -1, 1)
    assert np.allclose(maps, np.cumsum(wanted, 0), atol=1e-5)
    assert isinstance(network.projections[0].connection, own)


def test_scales_flattening_and_what_lies_between_neurons():
    draw = np.random.default_rng(0)
    scale, weight = draw.normal(1, 0.3, (2, 3, 4)).astype(F), draw.normal(0, 0.5, (5, 24)).astype(F)
    second, bias = draw.normal(0, 0.5, (6, 5)).astype(F), draw.normal(0, 0.5, 6).astype(F)
    inputs = drawn(4, 5, 1, 24)[:, 0].reshape(-1, 2, 3, 4)
    nodes = (
        nir.Scale(scale), nir.Flatten(np.array([2, 3, 4]), 1, -1), nir.Flatten(np.array([2, 12]), 0, -1),
        nir.Linear(weight), nir.Affine(second, bias), nir.I(np.ones(6)),
    )  # fmt: skip
    network, seen = analog(nodes, inputs, (2, 3, 4))
    wanted = (inputs * scale).reshape(5, -1) @ weight.T.astype(float) @ second.T.astype(float) + bias
    assert np.allclose(seen, np.cumsum(wanted, 0), atol=1e-4)
    kinds = [type(p.connection) for p in network.projections]
    assert kinds == [Scale, Wire, Dense, Affine]
    assert sum(isinstance(p.neuron, Relay) for p in network.populations) == 3


def test_nodes_that_meet_and_part():
    """Two inputs into one Affine, whose bias counts once; its sum goes to two neurons and to the output."""
    one = np.ones(2)
    graph = nir.NIRGraph(
        {
            "a": nir.Input(np.array([3])), "b": nir.Input(np.array([3])),
            "w": nir.Affine(np.arange(6, dtype=F).reshape(2, 3), np.array([0.5, -0.5], F)),
            "n": nir.I(one), "m": nir.I(2 * one), "out": nir.Output(np.array([2])),
        },
        [("a", "w"), ("b", "w"), ("w", "n"), ("w", "m"), ("n", "out"), ("m", "out")],
    )  # fmt: skip
    network, params = from_nir(graph, 1.0)
    given = {name: drawn(i, 1, 1, 3, 0.7).astype(F) for i, name in enumerate("ab")}
    key = jax.random.split(jax.random.key(0), (1, 1))
    _, trace = network.advance(params, network.init_state(1), given, key=key)
    wanted = 3 * (graph.nodes["w"].weight @ (given["a"] + given["b"])[0, 0] + graph.nodes["w"].bias)
    assert np.allclose(network.output_spikes(trace)[0, 0], wanted)
    back = to_nir(network, params, 1.0)
    assert sorted(back.edges) == sorted((a, "output" if b == "out" else b) for a, b in graph.edges)


def test_nested_graphs_are_laid_open():
    one = np.ones(2)
    ends, eye = {"i": nir.Input(np.array([2])), "o": nir.Output(np.array([2]))}, np.eye(2, dtype=F)
    nodes = {**ends, "w": nir.Linear(eye), "n": nir.IF(one, 0.5 * one)}
    inner = nir.NIRGraph(nodes, [("i", "w"), ("w", "n"), ("n", "o")])
    graph = nir.NIRGraph(
        {"input": nir.Input(np.array([2])), "one": inner, "two": inner, "output": nir.Output(np.array([2]))},
        [("input", "one"), ("one", "two"), ("two", "output")],
    )
    network, params = from_nir(graph, 1.0)
    assert network.names == ("one.n", "two.n")
    inputs = drawn(1, 10, 1, 2)
    assert np.array_equal(spikes(network, params, inputs), inputs)


def test_delays():
    """The same for all units in front of or behind the weights, and one per unit."""
    delayed = nir.Delay(np.array([0.002, 0.002])), nir.Linear(np.eye(2, dtype=F)), nir.I(np.ones(2))
    network, params = from_nir(nir.NIRGraph.from_list(*delayed), 1.0)
    assert (network.projections[0].delay, network.projections[0].delay_side) == (2, "axonal")
    later = nir.Linear(np.eye(2, dtype=F)), nir.Delay(np.array([0.003, 0.003])), nir.I(np.ones(2))
    behind, params_behind = from_nir(nir.NIRGraph.from_list(*later), 1.0)
    assert (behind.projections[0].delay, behind.projections[0].delay_side) == (3, "dendritic")
    each = nir.Delay(np.array([0.001, 0.004])), nir.Linear(np.eye(2, dtype=F)), nir.I(np.ones(2))
    apart, params_apart = from_nir(nir.NIRGraph.from_list(*each), 1.0)
    inputs = np.zeros((8, 1, 2))
    inputs[0] = 1
    for one, own, ticks in ((network, params, (2, 2)), (behind, params_behind, (3, 3)), (apart, params_apart, (1, 4))):
        seen = spikes(one, own, inputs)[:, 0]
        assert np.array_equal(seen, [[t >= d for d in ticks] for t in range(8)])
        back = to_nir(one, own, 1.0)
        delay = next(n for n in back.nodes.values() if isinstance(n, nir.Delay))
        assert np.allclose(delay.delay, np.array(ticks) / 1000, rtol=1e-12)
        again = from_nir(back, 1.0)
        assert np.array_equal(spikes(*again, inputs)[:, 0], seen)


def test_our_own_neurons_are_found_where_they_are_the_same():
    n = np.ones(3)
    a = np.exp(-1 / 4.0)
    cuba = nir.CubaLIF(0.004 * n, 0.01 * n, n, 0 * n, 0.7 * n, w_in=n / (1 - a))
    network, _ = from_nir(nir.NIRGraph.from_list(nir.Linear(np.ones((3, 2), F)), cuba), 1.0)
    assert network.population("cubalif").neuron == LIF(tau_mem=10.0, tau_syn=4.0, threshold=0.7, refractory=0)
    lif = nir.LIF(0.01 * n, n, 0 * n, 0.7 * n)
    network, _ = from_nir(nir.NIRGraph.from_list(nir.Linear(np.ones((3, 2), F)), lif), 1.0)
    assert network.population("lif").neuron == LIF(tau_mem=10.0, tau_syn=0.0, threshold=0.7, refractory=0)
    lif = nir.LIF(0.01 * n, n / (1 - np.exp(-1 / 10.0)), 0 * n, 0.7 * n)
    network, _ = from_nir(nir.NIRGraph.from_list(nir.Linear(np.ones((3, 2), F)), lif), 1.0)
    assert network.population("lif").neuron == LeakyIF(tau_mem=10.0, threshold=0.7, refractory=0)
    lif = nir.LIF(0.01 * n, n, 0 * n, 0.7 * n, v_reset=-0.1 * n)
    network, _ = from_nir(nir.NIRGraph.from_list(nir.Linear(np.ones((3, 2), F)), lif), 1.0)
    assert isinstance(network.population("lif").neuron, NIRNeuron)


def test_a_delay_behind_one_of_every_unit_counts():
    """It was taken into the projection, and left out of its delay."""
    nodes = (
        nir.Delay(np.array([0.001, 0.002])),
        nir.Delay(np.array([0.003, 0.003])),
        nir.IF(np.ones(2), 0.5 * np.ones(2)),
    )
    inputs = np.zeros((8, 1, 2))
    inputs[0] = 1
    seen = spikes(*from_nir(nir.NIRGraph.from_list(*nodes), 1.0), inputs)[:, 0]
    assert np.argwhere(seen).tolist() == [[4, 0], [5, 1]]


@pytest.mark.parametrize("first", ["direct", "behind"])
def test_the_output_is_what_leads_to_the_output_node_that_is_first_among_the_edges(tmp_path, first):
    """Not to the one that the walk over the graph comes to first, nor to the first name of a file's, which has its
    nodes by the alphabet."""
    two = np.array([2])
    nodes = {
        "input": nir.Input(two), "n": nir.IF(np.ones(2), np.ones(2)), "w": nir.Linear(np.ones((3, 2), F)),
        "direct": nir.Output(two), "behind": nir.Output(np.array([3])),
    }  # fmt: skip
    edges = [("input", "n"), ("n", "w"), ("w", "behind"), ("n", "direct")]
    edges = edges if first == "behind" else [edges[-1], *edges[:-1]]
    graph = nir.NIRGraph(nodes, edges)
    nir.write(tmp_path / "two.nir", graph)
    for given in (graph, tmp_path / "two.nir"):
        network, _ = from_nir(given, 1.0)
        assert (network.output, network.classes) == {"direct": ("n", 2), "behind": ("w", 3)}[first]


def test_the_threshold_is_strict():
    graph = nir.NIRGraph.from_list(nir.Linear(np.eye(1, dtype=F)), nir.IF(np.ones(1), np.ones(1)))
    seen = spikes(*from_nir(graph, 1.0), np.ones((4, 1, 1)))[:, 0, 0]
    assert seen.tolist() == [0, 1, 0, 1]  # v = 1 is not above 1


def test_gradients_reach_weights_and_biases():
    n = np.ones(3)
    nodes = nir.Affine(np.full((3, 2), 0.4, F), np.full(3, 0.1, F)), nir.LIF(0.01 * n, 5 * n, 0.1 * n, n)
    network, params = from_nir(nir.NIRGraph.from_list(*nodes), 1.0)
    network = network.with_surrogate(BackProp().surrogate)
    key = jax.random.split(jax.random.key(0), (12, 2))

    def loss(trained):
        _, trace = network.advance(
            params._replace(trained=trained), network.init_state(2), drawn(0, 12, 2, 2).astype(F), key=key
        )
        return network.output_spikes(trace).sum()

    slope = jax.grad(loss)(params.trained).projections[0]
    assert (np.abs(slope["weight"]) > 0).all()
    assert (np.abs(slope["bias"]) > 0).all()


def test_a_connection_counts_and_learns_without_its_bias():
    affine = Affine((3,), 2)
    params = affine.init(jax.random.key(0))
    pre, post = drawn(0, 4, 2, 3).astype(F), drawn(1, 4, 2, 2).astype(F)
    _, _, arrived = affine(params, (), pre)
    update = affine.plasticity(params, arrived, post)
    assert np.allclose(update["weight"], np.einsum("tbi,tbo->io", pre, post))
    assert np.allclose(update["bias"], post.sum((0, 1)))
    assert np.allclose(affine.transpose(params, post), post @ np.asarray(params.trained["weight"]).T)
    assert affine.fan_out().tolist() == [2, 2, 2]
    assert np.array_equal(affine.reached(params, arrived), np.repeat(pre.sum(-1, keepdims=True), 2, -1))
    convolution = Convolution((4, 4, 1), 2, (3, 3), (1, 1), ((0, 0), (0, 0)), (1, 1))
    assert convolution.fan_out().reshape(4, 4)[1].tolist() == [4, 8, 8, 4]
    assert Pooling((4, 4, 1), (2, 2), (2, 2), (0, 0), True).fan_out().tolist() == [1] * 16


def test_a_cycle_gets_one_tick_where_it_closes():
    one = np.ones(2)
    nodes = {
        "input": nir.Input(np.array([2])), "a": nir.IF(one, 0.5 * one), "b": nir.IF(one, 0.5 * one),
        "w": nir.Linear(np.eye(2, dtype=F)), "output": nir.Output(np.array([2])),
    }  # fmt: skip
    edges = [("input", "a"), ("a", "b"), ("b", "w"), ("w", "a"), ("b", "output")]
    network, params = from_nir(nir.NIRGraph(nodes, edges), 1.0)
    assert {p.name: p.delay for p in network.projections} == {"input -> a": 0, "a -> b": 0, "b -> a": 1}
    back = to_nir(network, params, 1.0)
    assert back.metadata["erbp_jax:implied_delay"] == '[["b", "a"]]'
    assert not any(isinstance(n, nir.Delay) for n in back.nodes.values())
    inputs = np.zeros((5, 1, 2))
    inputs[0, 0, 0] = 1
    assert spikes(network, params, inputs)[:, 0].tolist() == [[1, 0]] * 5  # it goes round for ever
    nodes["a"], nodes["b"] = nir.LI(one, one, one), nir.I(one)
    with pytest.raises(UserError, match=r"a cycle without a spiking neuron and without a Delay: a -> b -> a"):
        from_nir(nir.NIRGraph(nodes, edges), 1.0)
