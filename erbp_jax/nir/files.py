"""NIR files, read as files that nobody vouches for, and written whole or not at all."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from erbp_jax.archive import MAX_BYTES, open_regular, shown
from erbp_jax.errors import UserError
from erbp_jax.files import replacing
from erbp_jax.hdf5 import HDF5File
from erbp_jax.nir.left_out import completed

if TYPE_CHECKING:
    import nir

NODES = (
    "Affine", "AvgPool2d", "Conv1d", "Conv2d", "CubaLI", "CubaLIF", "Delay", "Flatten", "I", "IF", "Input", "LI", "LIF",
    "Linear", "NIRGraph", "Output", "Scale", "SumPool2d", "Threshold",
)  # fmt: skip
"""Types of nodes that are known."""
SIGNATURE = b"\x89HDF\r\n\x1a\n"
POINTER = b"version https://git-lfs.github.com/spec/"


def library() -> Any:
    """The package `nir`.

    Raises:
        UserError: it is not installed.
    """
    try:
        import h5py  # noqa: F401  (of which `nir` reads and writes its files)
        import nir
    except ImportError as error:
        raise UserError(f"NIR needs the extra `nir`: pip install 'erbp-jax[nir]' ({error})") from None
    return nir


def read(path: Path | str) -> "nir.NIRGraph":
    """The graph in a file. Shapes are checked when it is imported.

    Example:
        >>> import erbp_jax as ej
        >>> try:
        ...     ej.nir.read("no_such_file.nir")
        ... except ej.UserError as error:
        ...     print("no_such_file" in str(error))
        True

    Raises:
        UserError: with the path: no such file, a pointer of Git LFS, not HDF5, not NIR, nodes of unknown types, or
            values that a node does not take.
    """
    nir = library()
    import h5py

    where = shown(str(path), 400)
    with open_regular(path, 4 * MAX_BYTES) as stream:
        head = stream.read(512)
    if head.startswith(POINTER):
        raise UserError(f"{where}: is a pointer of Git LFS, not the data; `git lfs pull` in its repository fetches it")
    if not head.startswith(SIGNATURE):
        raise UserError(f"{where}: not HDF5, in which NIR graphs are written")
    content = io.BytesIO(_copied(path, where))
    try:
        with h5py.File(content, "r") as file:
            _check_nodes(file)
            tree = completed(_tree(file["node"]))
        _check_each(tree, "")
        return nir.dict2NIRNode(tree | {"type_check": False})
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    except Exception as error:  # h5py and nir raise what they like
        raise UserError(f"{where}: not a valid NIR graph: {_reason(error)}") from None


def write(path: Path | str, graph: "nir.NIRGraph") -> None:
    """Write a graph as NIR's HDF5.

    Example:
        >>> import os, tempfile
        >>> import jax, erbp_jax as ej
        >>> network = ej.mlp(4, 3, neuron=ej.LIF(tau_mem=10.0, refractory=0))
        >>> graph = ej.nir.to_nir(network, network.init(jax.random.key(0)), dt=1.0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "network.nir")
        ...     ej.nir.write(path, graph)
        ...     print(list(ej.nir.read(path).nodes))
        ['input', 'input_to_output', 'output', 'output_2']

    Raises:
        UserError: the file cannot be written.
    """
    content = io.BytesIO()
    library().write(content, graph)
    try:
        with replacing(Path(path)) as stream:
            stream.write(content.getvalue())
    except OSError as error:
        raise UserError(f"{shown(str(path), 400)}: cannot be written ({error.strerror or error})") from None


def _copied(path: Path | str, where: str) -> bytes:
    """The graph in a file as a new file, which this process can read: nothing in it is damaged."""
    file = HDF5File(path)
    try:
        names = file.names()
        if "node" in names:
            return file.copy("node")
    except UserError as error:
        raise UserError(f"{where}: not a valid NIR graph: {error}") from None
    finally:
        file.close()
    raise UserError(f"{where}: not NIR: a group `node` was expected, got {shown(', '.join(names) or 'nothing', 200)}")


def _tree(group: Any) -> dict[str, Any]:
    """All values of a group, by name, with the groups in it."""
    found = {}
    for name, item in group.items():
        value = _tree(item) if hasattr(item, "keys") else item[()]
        found[name] = value.decode("utf8") if isinstance(value, bytes) else value
    return found


def _check_nodes(file: Any) -> None:
    types = list(_types(file["node"], ""))
    unknown = [f"{name}: {kind}" for name, kind in types if kind not in NODES]
    if unknown:
        raise UserError(f"unknown types of nodes: {shown(', '.join(unknown), 300)}; known are {', '.join(NODES)}")
    if types[0][1] != "NIRGraph":
        raise UserError(f"holds one node, {types[0][1]}, and a NIRGraph was expected")


def _types(node: Any, name: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Names and types of a node, a group of the file, and of those in it."""
    if depth > 32:
        raise UserError("graphs are nested more than 32 deep")
    stored = node["type"][()] if hasattr(node, "keys") and hasattr(node.get("type"), "shape") else b"(none)"
    kind = stored.decode("utf8", "replace") if isinstance(stored, bytes) else str(stored)
    yield name or "the graph", shown(kind)
    if kind == "NIRGraph":
        if "nodes" not in node or "edges" not in node:
            raise UserError(f"not NIR: {name or 'the graph'} has no nodes or no edges")
        edges = node["edges"]
        if edges.size and (edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "OS"):
            raise UserError(
                f"{name}{': ' * bool(name)}edges must be pairs of names, got {edges.dtype} {list(edges.shape)}"
            )
        for inner in node["nodes"]:
            yield from _types(node["nodes"][inner], f"{name}.{inner}" if name else inner, depth + 1)


def _check_each(graph: dict[str, Any], prefix: str) -> None:
    """Make every node by itself, so that the message about one that cannot be made has its name."""
    for name, node in graph["nodes"].items():
        if node["type"] == "NIRGraph":
            _check_each(node, f"{prefix}{name}.")
            continue
        for field in ("stride", "dilation"):
            if field in node and not (np.asarray(node[field]) > 0).all():  # `nir` divides by them
                raise UserError(f"{prefix}{name}: {field} must be whole numbers from 1, got {shown(str(node[field]))}")
        try:
            library().dict2NIRNode(dict(node))
        except Exception as error:  # nir raises what it likes
            raise UserError(f"{prefix}{name}: not a valid {node['type']}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return shown(f"{type(error).__name__}: {text}" if text else type(error).__name__, 300)
