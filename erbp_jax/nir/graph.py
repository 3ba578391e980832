"""A NIR graph made flat and checked: nested graphs laid open, every edge between nodes of known, equal shapes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.errors import UserError
from erbp_jax.nir.files import NODES
from erbp_jax.nir.left_out import shared, spread, with_bias
from erbp_jax.nir.neuron import NEURONS
from erbp_jax.nir.shapes import Shape, windows

MOST = float(np.finfo(np.float32).max)
Edges = list[tuple[str, str]]


@dataclass(frozen=True)
class Flat:
    """Nodes by name, edges in their order, and the NIR shape of what comes out of each node."""

    nodes: dict[str, Any]
    edges: Edges
    shapes: dict[str, Shape]
    metadata: dict[str, Any]

    def before(self, name: str) -> list[str]:
        """What leads to a node."""
        return [a for a, b in self.edges if b == name]

    def after(self, name: str) -> list[str]:
        """Where a node leads."""
        return [b for a, b in self.edges if a == name]

    def kind(self, name: str) -> str:
        return kind(self.nodes[name])


def kind(node: Any) -> str:
    """The type of a node, by name."""
    return type(node).__name__


def flat(graph: Any) -> Flat:
    """A graph laid open and checked.

    Raises:
        UserError: no graph, unknown nodes, edges that are there twice or of missing nodes, shapes that do not fit or
            are not determined, or no Input and Output.
    """
    if kind(graph) != "NIRGraph":
        raise UserError(f"a NIRGraph was expected, got {kind(graph)}")
    nodes, edges = _open(graph, "")
    nodes = {name: with_bias(node) for name, node in nodes.items()}
    wanted = {kind(node) for node in nodes.values()}
    for needed in ("Input", "Output"):
        if needed not in wanted:
            raise UserError(f"the graph has no {needed} node")
    _check_values(nodes)
    shapes = _shapes(nodes, edges)
    nodes = {name: spread(node, shapes[name]) for name, node in nodes.items()}
    return Flat(nodes, edges, shapes, dict(graph.metadata or {}))


def _open(graph: Any, prefix: str) -> tuple[dict[str, Any], Edges]:
    """Nodes and edges of a graph with those of the graphs in it, whose names have that of theirs in front."""
    names = set(graph.nodes)
    edges: Edges = [(str(a), str(b)) for a, b in graph.edges]
    for edge in edges:
        if missing := [end for end in edge if end not in names]:
            raise UserError(
                f"the edge {prefix}{edge[0]} -> {prefix}{edge[1]} is of a missing node {shown(missing[0])!r}; there "
                f"are {shown(', '.join(sorted(names)), 300)}"
            )
        if edges.count(edge) > 1:
            raise UserError(f"the edge {prefix}{edge[0]} -> {prefix}{edge[1]} is there twice")
    nodes: dict[str, Any] = {}
    for name, node in graph.nodes.items():
        if kind(node) != "NIRGraph":
            if kind(node) not in NODES:
                raise UserError(f"{prefix}{name}: unknown type of node {kind(node)}; known are {', '.join(NODES)}")
            nodes[name] = node
            continue
        inner, inside = _open(node, f"{prefix}{name}.")
        within = name
        while any(f"{within}.{n}" in names for n in inner):  # a name with a dot, beside the graph
            within += "_"
        ends = {side: [n for n, x in inner.items() if kind(x) == side] for side in ("Input", "Output")}
        for side, found in ends.items():
            if len(found) != 1:
                raise UserError(f"{prefix}{name}: a graph in a graph needs one {side} node, got {len(found)}")
        (first,), (last,) = ends["Input"], ends["Output"]
        heads = [b for a, b in inside if a == first]
        tails = [a for a, b in inside if b == last]
        if last in heads:
            raise UserError(f"{prefix}{name}: its Input leads to its Output, with nothing between them")
        nodes |= {f"{within}.{n}": x for n, x in inner.items() if n not in (first, last)}
        laid: Edges = []
        for a, b in edges:
            sources = [f"{within}.{n}" for n in tails] if a == name else [a]
            targets = [f"{within}.{n}" for n in heads] if b == name else [b]
            laid += [(x, y) for x in sources for y in targets]
        edges = laid + [(f"{within}.{a}", f"{within}.{b}") for a, b in inside if a != first and b != last]
    return nodes, edges


def _check_values(nodes: dict[str, Any]) -> None:
    for name, node in nodes.items():
        names = NEURONS.get(kind(node), ("weight", "bias", "scale", "delay"))
        for field in names:
            value = getattr(node, field, None)
            if value is None:
                continue
            array = np.asarray(value)
            if array.dtype.kind not in "iuf" or not (np.abs(array.astype(np.float64)) <= MOST).all():
                raise UserError(f"{name}: {field} must be finite numbers, below {MOST:.2g}, got {array.dtype}")


def _shapes(nodes: dict[str, Any], edges: Edges) -> dict[str, Shape]:
    takes: dict[str, Shape] = {}
    gives: dict[str, Shape] = {}
    for name, node in nodes.items():
        if (shapes := _known_shapes(name, node)) is not None:
            takes[name], gives[name] = shapes
    left = [name for name in nodes if name not in gives]
    while left:
        ready = [(name, gives[a]) for name in left for a, b in edges if b == name and a in gives]
        ready = ready or _from_behind(left, nodes, edges, takes)
        if not ready:
            raise UserError(f"the shape of {left[0]} is not determined: no node of known shape leads to it")
        name, takes[name] = ready[0]
        gives[name] = _through(name, nodes[name], takes[name])
        left.remove(name)
    for a, b in edges:
        if gives[a] != takes[b]:
            raise UserError(f"the edge {a} -> {b}: {a} gives {list(gives[a])}, {b} takes {list(takes[b])}")
    for name in nodes:
        if kind(nodes[name]) != "Input" and not any(b == name for _, b in edges):
            raise UserError(f"{name}: no edge leads to it")
        if kind(nodes[name]) == "Input" and not any(a == name for a, _ in edges):
            raise UserError(f"{name}: this Input leads nowhere")
        if 0 in gives[name]:
            raise UserError(f"{name}: its shape {list(gives[name])} is empty")
    return gives


def _from_behind(
    left: list[str], nodes: dict[str, Any], edges: Edges, takes: dict[str, Shape]
) -> list[tuple[str, Shape]]:
    """Shapes of Inputs that declare none, from where they lead; then those of single constants, for one unit."""
    inputs = [(a, takes[b]) for a, b in edges if a in left and kind(nodes[a]) == "Input" and b in takes]
    return inputs or [(name, (1,)) for name in left if shared(nodes[name])]


def _known_shapes(name: str, node: Any) -> tuple[Shape, Shape] | None:
    """The input and output shapes of a node, if it declares them."""
    which = kind(node)
    if which in ("Input", "Output"):
        declared = node.input_type["input"] if which == "Input" else node.output_type["output"]
        if declared is None:
            return None
        shape = _ints(name, declared)
        return shape, shape
    if shared(node):
        return None
    if which in NEURONS or which in ("Scale", "Delay"):
        field = NEURONS[which][0] if which in NEURONS else which.lower()
        shape = np.shape(getattr(node, field))
        for other in NEURONS.get(which, ()):
            if np.shape(getattr(node, other)) != shape:
                raise UserError(
                    f"{name}: {other} has shape {list(np.shape(getattr(node, other)))}, {field} {list(shape)}"
                )
        return shape, shape
    if which in ("Linear", "Affine"):
        weight = np.shape(node.weight)
        if len(weight) != 2:
            raise UserError(f"{name}: weights must be a matrix [outputs, inputs], got shape {list(weight)}")
        if which == "Affine" and np.shape(node.bias) != weight[:1]:
            raise UserError(f"{name}: bias must have shape {list(weight[:1])}, got {list(np.shape(node.bias))}")
        return weight[1:], weight[:1]
    return None


def _through(name: str, node: Any, given: Shape) -> Shape:
    """The output shape of a node that declares none, from its input shape."""
    which = kind(node)
    if which in ("Input", "Output") or shared(node):
        return given
    if which == "Flatten":
        declared = node.input_type["input"]
        if declared is not None and _ints(name, declared) != given:
            raise UserError(f"{name}: takes {list(_ints(name, declared))}, and {list(given)} leads to it")
        (first,), (last,) = (ints(name, getattr(node, f), 1, what=f) for f in ("start_dim", "end_dim"))
        last %= len(given)
        if not 0 <= first <= last:
            raise UserError(f"{name}: start_dim {first} and end_dim {node.end_dim} do not fit {list(given)}")
        return (*given[:first], int(np.prod(given[first : last + 1])), *given[last + 1 :])
    axes = 1 if which == "Conv1d" else 2
    if len(given) != axes + 1:
        raise UserError(f"{name}: {which} takes {axes + 1} axes, channels first; {list(given)} leads to it")
    if which in ("SumPool2d", "AvgPool2d"):
        kernel, stride = (ints(name, getattr(node, f), 2, least=1, what=f) for f in ("kernel_size", "stride"))
        padding = ints(name, node.padding, 2, least=0, what="padding")
        lines = zip(given[1:], kernel, stride, padding, strict=True)
        out = (given[0], *(windows(n, k, s, p, p) for n, k, s, p in lines))
    else:
        weight, groups = np.shape(node.weight), ints(name, node.groups, 1, what="groups")[0]
        if len(weight) != axes + 2 or groups < 1 or weight[1] * groups != given[0] or weight[0] % groups:
            raise UserError(
                f"{name}: weights {list(weight)} in {groups} groups do not take {given[0]} channels, of {list(given)}"
            )
        if np.shape(node.bias) != weight[:1]:
            raise UserError(f"{name}: bias must have shape {list(weight[:1])}, got {list(np.shape(node.bias))}")
        stated = node.input_shape
        if stated is not None and ints(name, stated, axes) != given[1:]:
            raise UserError(f"{name}: input_shape is {list(ints(name, stated, axes))}, {list(given)} leads to it")
        stride, dilation = (ints(name, getattr(node, f), axes, least=1, what=f) for f in ("stride", "dilation"))
        edges = margins(name, node.padding, weight[2:], stride, dilation)
        lines = zip(given[1:], weight[2:], stride, edges, dilation, strict=True)
        out = (weight[0], *(windows(n, k, s, a, b, d) for n, k, s, (a, b), d in lines))
    if min(out) < 1:
        raise UserError(f"{name}: no window fits into {list(given)}")
    return out


def margins(
    name: str, padding: Any, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """The padding before and after, for each axis.

    Raises:
        UserError: "same" with strides, or another text.
    """
    padding = padding.decode() if isinstance(padding, bytes) else padding
    if not isinstance(padding, str):
        return tuple((p, p) for p in ints(name, padding, len(kernel), least=0, what="padding"))
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding != "same":
        raise UserError(f"{name}: padding must be 'same', 'valid' or whole numbers, got {shown(padding)!r}")
    if set(stride) != {1}:
        raise UserError(f"{name}: padding 'same' has no meaning with a stride of {list(stride)}")
    totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple((n // 2, n - n // 2) for n in totals)


def ints(name: str, value: Any, axes: int, least: int | None = None, what: str = "") -> Shape:
    """One whole number an axis, at least `least`; a single one is that of all. `what` they are is said in messages.

    Raises:
        UserError: what is none.
    """
    numbers = _ints(name, value)
    numbers = numbers * axes if len(numbers) == 1 else numbers
    if len(numbers) != axes or (least is not None and min(numbers) < least):
        bound = "" if least is None else f" from {least}"
        raise UserError(
            f"{name}: {what}{': ' * bool(what)}{axes} whole numbers{bound} were expected, got "
            f"{shown(str(list(numbers)))}"
        )
    return numbers


def _ints(name: str, value: Any) -> Shape:
    array = np.asarray(value).reshape(-1)
    if array.size and (array.dtype.kind not in "iuf" or not (np.isfinite(array) & (array == np.floor(array))).all()):
        raise UserError(f"{name}: whole numbers were expected, got {shown(str(array.tolist()), 80)}")
    return tuple(int(n) for n in array)
