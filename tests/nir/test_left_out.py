"""Graphs that leave out what NIR lets them leave out, or that other programs write in other ways."""

import h5py
import nir
import numpy as np
import pytest

from erbp_jax.nir import from_nir, info, read, write
from erbp_jax.nir.graph import flat
from tests.nir.running import drawn, spikes

F = np.float32
WEIGHT = np.arange(1, 7, dtype=F).reshape(2, 3) / 6


def lif(shape, **changed):
    constants = {"tau": 0.01, "r": 1.0, "v_leak": 0.0, "v_threshold": 0.5, "v_reset": 0.0} | changed
    return nir.LIF(**{name: np.full(shape, value) for name, value in constants.items()})


def chain(first, *nodes, last):
    """Nodes in a row, between an Input and an Output of these shapes; None if they are not declared."""
    names = ["input", *(f"n{i}" for i in range(len(nodes))), "output"]
    made = [nir.Input(np.array(first or [1])), *nodes, nir.Output(np.array(last or [1]))]
    if first is None:
        made[0].input_type = made[0].output_type = {"input": None, "output": None}
    if last is None:
        made[-1].input_type = made[-1].output_type = {"input": None, "output": None}
    edges = list(zip(names, names[1:], strict=False))
    return nir.NIRGraph(dict(zip(names, made, strict=True)), edges, type_check=False)


def plain():
    return chain([3], nir.Linear(WEIGHT), lif(2), last=[2])


def equal(a, b):
    """One network with one set of parameters."""
    (network, params), (other, others) = (from_nir(x, 1.0) for x in (a, b))
    assert [p.neuron for p in network.populations] == [p.neuron for p in other.populations]
    assert [(p.source, p.target, p.delay) for p in network.projections] == [
        (p.source, p.target, p.delay) for p in other.projections
    ]
    inputs = drawn(0, 40, 2, network.sizes[0])
    np.testing.assert_array_equal(spikes(network, params, inputs), spikes(other, others, inputs))


@pytest.mark.parametrize("shape", [(), (1,)])
def test_constants_that_all_units_share(shape):
    equal(chain([3], nir.Linear(WEIGHT), lif(shape), last=[2]), plain())
    maps = nir.Conv2d(None, np.ones((2, 1, 3, 3), F), 1, "same", 1, 1, np.zeros(2, F))
    shared = nir.IF(r=np.ones(shape), v_threshold=np.full(shape, 2.0), v_reset=np.zeros(shape))
    each = nir.IF(*(np.full((2, 4, 4), x) for x in (1.0, 2.0, 0.0)))
    equal(chain([1, 4, 4], maps, shared, last=[2, 4, 4]), chain([1, 4, 4], maps, each, last=[2, 4, 4]))
    for one, many in (
        (nir.Scale(np.full(shape, 2.0)), nir.Scale(np.full(2, 2.0))),
        (nir.Delay(np.full(shape, 0.002)), nir.Delay(np.full(2, 0.002))),
        (nir.Threshold(np.full(shape, 0.5)), nir.Threshold(np.full(2, 0.5))),
    ):
        equal(*(chain([3], nir.Linear(WEIGHT), x, lif(2), last=[2]) for x in (one, many)))


def test_a_shared_constant_of_one_unit_stays_one():
    graph = chain([1], nir.Linear(np.ones((1, 1), F)), lif((1,)), last=[1])
    assert flat(graph).shapes["n1"] == (1,)
    alone = chain(None, lif((1,)), lif(()), last=None)
    assert set(flat(alone).shapes.values()) == {(1,)}


def test_no_bias():
    equal(
        chain([3], nir.Affine(WEIGHT, None), lif(2), last=[2]),
        chain([3], nir.Affine(WEIGHT, np.zeros(2, F)), lif(2), last=[2]),
    )
    kernel = np.ones((2, 1, 3, 3), F)
    with_none, with_zeros = (nir.Conv2d((4, 4), kernel, 1, 0, 1, 1, b) for b in (None, np.zeros(2, F)))
    equal(
        chain([1, 4, 4], with_none, lif((2, 2, 2)), last=None), chain([1, 4, 4], with_zeros, lif((2, 2, 2)), last=None)
    )


def test_ends_that_declare_no_shape():
    equal(chain(None, nir.Linear(WEIGHT), lif(2), last=None), plain())


def test_a_name_with_a_dot_beside_a_graph():
    inner = chain([2], nir.Linear(np.eye(2, dtype=F)), lif(2), last=[2])
    nodes = {"input": nir.Input(np.array([3])), "sub.n0": nir.Linear(WEIGHT), "sub": inner}
    nodes["output"] = nir.Output(np.array([2]))
    edges = [("input", "sub.n0"), ("sub.n0", "sub"), ("sub", "output")]
    laid = flat(nir.NIRGraph(nodes, edges, type_check=False))
    assert list(laid.nodes) == ["input", "sub.n0", "sub_.n0", "sub_.n1", "output"]
    assert set(laid.edges) == {
        ("input", "sub.n0"),
        ("sub.n0", "sub_.n0"),
        ("sub_.n0", "sub_.n1"),
        ("sub_.n1", "output"),
    }


def replaced(file, path, value):
    del file[path]
    file[path] = value


def without(path):
    return lambda file: file.__delitem__(path)


@pytest.mark.parametrize(
    "change",
    [
        without("version"),
        without("node/nodes/n0/bias"),
        without("node/nodes/n1/v_reset"),
        lambda file: [replaced(file, f"node/nodes/n1/{name}", 1.0) for name in ("r",)],
        lambda file: replaced(file, "node/nodes/n1/type", np.bytes_("LIF")),
        lambda file: replaced(file, "node/edges", np.array([[a.encode(), b.encode()] for a, b in plain().edges])),
        lambda file: replaced(file, "node/nodes/n0/weight", WEIGHT.astype(">f8")),
        lambda file: file.create_dataset("node/nodes/n1/metadata/made_by", data="hand"),
        lambda file: file.create_group("notes"),
    ],
    ids=["version", "bias", "v_reset", "one r", "fixed text", "fixed edges", "big endian", "metadata", "group"],
)
def test_files_of_others(tmp_path, change):
    given = chain([3], nir.Affine(WEIGHT, np.zeros(2, F)), lif(2), last=[2])
    path = tmp_path / "a.nir"
    write(path, given)
    with h5py.File(path, "r+") as file:
        change(file)
    equal(path, given)
    assert "4 nodes" in info(path)


def test_a_convolution_without_an_input_shape(tmp_path):
    given = chain(
        [1, 4, 4],
        nir.Conv2d((4, 4), np.ones((2, 1, 3, 3), F), 1, 0, 1, 1, np.zeros(2, F)),
        lif((2, 2, 2)),
        last=[2, 2, 2],
    )
    path = tmp_path / "a.nir"
    write(path, given)
    with h5py.File(path, "r+") as file:
        del file["node/nodes/n0/input_shape"]
        del file["node/nodes/n0/bias"]
    assert read(path).nodes["n0"].input_shape is None
    equal(path, given)
