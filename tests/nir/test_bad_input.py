"""One message each: the path, what is wrong, what was expected."""

import h5py
import nir
import numpy as np
import pytest

from erbp_jax.errors import UserError
from erbp_jax.nir import from_nir, info, read

F, ONE = np.float32, np.ones(2)


def graph(**changed):
    """A good one, but for what is changed."""
    nodes = {
        "input": nir.Input(np.array([3])),
        "w": nir.Linear(np.ones((2, 3), F)),
        "n": nir.LIF(0.01 * ONE, ONE, 0 * ONE, ONE),
        "output": nir.Output(np.array([2])),
    }
    edges = [("input", "w"), ("w", "n"), ("n", "output")]
    nodes.update(changed.get("nodes", {}))
    return nir.NIRGraph(nodes, changed.get("edges", edges), type_check=False)


def stored(path, given):
    nir.write(path, given)
    return path


def refused(path, *words, dt=1.0, method="exact"):
    with pytest.raises(UserError) as error:
        from_nir(path, dt, method)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_the_good_one(tmp_path):
    assert from_nir(stored(tmp_path / "a.nir", graph()), 1.0)[0].name == "3-2"


def test_files_that_are_no_nir(tmp_path):
    path = tmp_path / "a.nir"
    refused(path, "no such file")
    refused(tmp_path, "is a folder")
    path.write_bytes(b"")
    refused(path, "not HDF5")
    path.write_text("hello")
    refused(path, "not HDF5")
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    refused(path, "pointer of Git LFS", "git lfs pull")
    with h5py.File(path, "w") as file:
        file["spikes"] = np.zeros(3)
    refused(path, "a group `node` was expected, got spikes")
    whole = stored(path, graph()).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, "not a valid NIR graph")


def test_nodes_that_are_not_known(tmp_path):
    path = stored(tmp_path / "a.nir", graph())
    with h5py.File(path, "r+") as file:
        del file["node/nodes/n/type"]
        file["node/nodes/n/type"] = "Izhikevich"
    refused(path, "unknown types of nodes: n: Izhikevich", "CubaLIF")
    with h5py.File(path, "r+") as file:
        del file["node/nodes/n/type"]
    refused(path, "n: (none)")
    path = stored(tmp_path / "b.nir", graph())
    with h5py.File(path, "r+") as file:
        del file["node/nodes/n/tau"]
    refused(path, "n: not a valid LIF", "tau")
    with h5py.File(path, "r+") as file:
        del file["node/edges"]
    refused(path, "no edges")


def test_one_node_is_no_graph(tmp_path):
    nir.write(tmp_path / "a.nir", nir.Linear(np.ones((2, 3), F)))
    refused(tmp_path / "a.nir", "NIRGraph was expected")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"edges": [("input", "w"), ("w", "q"), ("n", "output")]}, "the edge w -> q is of a missing node 'q'"),
        ({"edges": [("input", "w"), ("w", "n"), ("w", "n"), ("n", "output")]}, "the edge w -> n is there twice"),
        ({"edges": [("input", "w"), ("n", "output")]}, "n: no edge leads to it"),
        ({"edges": [("w", "n"), ("n", "output")]}, "input: this Input leads nowhere"),
        ({"nodes": {"input": nir.Linear(np.ones((3, 3), F))}}, "the graph has no Input node"),
        ({"nodes": {"w": nir.Linear(np.ones((2, 4), F))}}, "the edge input -> w: input gives [3], w takes [4]"),
        ({"nodes": {"w": nir.Linear(np.ones((1, 2, 3), F))}}, "w: weights must be a matrix"),
        ({"nodes": {"w": nir.Linear(np.full((2, 3), np.nan, F))}}, "w: weight must be finite"),
        ({"nodes": {"w": nir.Affine(np.ones((2, 3), F), np.ones(3, F))}}, "w: bias must have shape [2]"),
        ({"nodes": {"n": nir.LIF(-ONE, ONE, ONE, ONE)}}, "n: LIF: tau: must be seconds >= 0, got [-1.0]"),
        (
            {"nodes": {"w": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))}},
            "w: SumPool2d takes 3 axes, channels first; [3] leads to it",
        ),
        (
            {
                "nodes": {"d": nir.Delay(0.0015 * ONE)},
                "edges": [("input", "w"), ("w", "d"), ("d", "n"), ("n", "output")],
            },
            "d: a delay must be a whole number of ticks of 1 ms, got 1.5 ms",
        ),
        (
            {
                "nodes": {"a": nir.Linear(np.eye(2, dtype=F)), "b": nir.Scale(ONE)},
                "edges": [*graph().edges, ("w", "a"), ("a", "b"), ("b", "a"), ("b", "n")],
            },
            "a cycle without a spiking neuron and without a Delay",
        ),
        (
            {
                "nodes": {"a": nir.Linear(np.eye(2, dtype=F)), "b": nir.Scale(ONE)},
                "edges": [*graph().edges, ("a", "b"), ("b", "a")],
            },
            "a: lies on a cycle without a spiking neuron and without a Delay",
        ),
    ],
)  # fmt: skip
def test_graphs_that_do_not_hold_together(tmp_path, changed, words):
    refused(stored(tmp_path / "a.nir", graph(**changed)), words)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("edges", np.array([b"input", b"w"]), "edges must be pairs of names, got object [2]"),
        ("edges", np.zeros((2, 2)), "edges must be pairs of names, got float64 [2, 2]"),
        ("nodes/n/tau", np.ones(3), "not a valid NIR graph: ValueError: shape mismatch"),
        ("nodes/n/tau", "soon", "n: tau must be finite numbers"),
        ("nodes/w/weight", np.ones((2, 3), complex), "w: weight must be finite numbers, below 3.4e+38, got complex128"),
        (
            "nodes/n/v_threshold",
            np.full(2, -1e300),
            "n: v_threshold must be finite numbers, below 3.4e+38, got float64",
        ),
        ("nodes/input/shape", np.array([np.nan]), "input: whole numbers were expected, got [nan]"),
        ("nodes/input/shape", "wide", "input: whole numbers were expected, got ['wide']"),
        ("nodes/input/shape", np.array([-3]), "the edge input -> w: input gives [-3], w takes [3]"),
    ],
)
def test_values_that_are_none_of_nir(tmp_path, path, value, words):
    file = stored(tmp_path / "a.nir", graph())
    with h5py.File(file, "r+") as opened:
        dtype = h5py.string_dtype() if path == "edges" and value.dtype.kind == "S" else None
        del opened[f"node/{path}"]
        opened["node"].create_dataset(path, data=value, dtype=dtype)
    refused(file, words)


@pytest.mark.parametrize("field", ["stride", "dilation", "kernel_size"])
def test_windows_that_do_not_move(tmp_path, field):
    """In a file and in memory: sizes of 0 are neither divided by nor looped over."""
    if field == "kernel_size":
        node = nir.AvgPool2d(np.array([0, 2]), np.array([2, 2]), np.array([0, 0]))
    else:
        node = nir.Conv2d(None, np.ones((1, 1, 2, 2), F), 1, 0, 1, 1, np.zeros(1, F))
        setattr(node, field, np.array([0, 1]))
        node.input_shape = np.array([3, 3])
    nodes = {"input": nir.Input(np.array([1, 3, 3])), "w": node, "n": nir.Threshold(np.ones((1, 2, 2)))}
    nodes["output"] = nir.Output(np.array([1, 2, 2]))
    given = nir.NIRGraph(nodes, graph().edges, type_check=False)
    words = f"w: {field}"
    refused(stored(tmp_path / "a.nir", given), words)
    with pytest.raises(UserError, match=words):
        from_nir(given, 1.0)


def test_dt_and_method(tmp_path):
    path = stored(tmp_path / "a.nir", graph())
    refused(path, "n: LIF: tau: 10 ms is shorter than a tick of 20 ms", dt=20.0, method="euler")
    from_nir(path, 20.0, "exact")
    for dt, method, words in ((0.0, "exact", "dt: "), (float("nan"), "exact", "dt: "), (1.0, "rk4", "method: ")):
        with pytest.raises(UserError, match=words):
            from_nir(path, dt, method)


def test_info_says_what_would_be_refused(tmp_path):
    nodes = {"n": nir.LI(0.01 * ONE, ONE, 0 * ONE), "r": nir.Linear(np.eye(2))}
    path = stored(tmp_path / "a.nir", graph(nodes=nodes, edges=[*graph().edges, ("n", "r"), ("r", "n")]))
    output = info(path)
    assert "cannot be imported: a cycle without a spiking neuron" in output
    refused(path, "a cycle without a spiking neuron and without a Delay: n -> n")
    with pytest.raises(UserError, match="not HDF5"):
        info(__file__)
    assert len(read(path).nodes) == 5


def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path):
    path = stored(tmp_path / "a.nir", graph())
    whole = path.read_bytes()
    for n in range(0, len(whole), len(whole) // 8):
        path.write_bytes(whole[: min(n, len(whole) - 1)])
        refused(path)
