"""Connections as linear nodes of NIR."""

from typing import Any, NamedTuple

import numpy as np

from erbp_jax.connections import Conv2d, Delayed, Dense, Pool2d, Reliable, Sparse
from erbp_jax.connections.windows import Windows
from erbp_jax.nir.connections import Affine, Convolution, Pooling, Scale, Wire
from erbp_jax.nir.files import library
from erbp_jax.nir.nodes import WIDENED, before, is_delay_line
from erbp_jax.nir.shapes import Shape, places, theirs, windows
from erbp_jax.params import Params


class UnsaidError(Exception):
    """NIR has no node for this; the message names it."""


class Nodes(NamedTuple):
    """A chain of nodes, and the properties that they cannot express."""

    parts: list[Any]
    name: str = ""  # of the node, where it came from a graph
    transmission: Any = None  # of synapses that are not reliable
    delays: np.ndarray | None = None  # in ticks, of a line of delays


def nodes_of(connection: Any, params: Params, source: Shape) -> Nodes:
    """The nodes of a connection that hears units of a shape here, with arrays of their own.

    Raises:
        UnsaidError: a connection that NIR has no nodes for.
    """
    if isinstance(connection, Delayed):
        if not is_delay_line(connection, params):
            raise UnsaidError(f"a delay per synapse (Delayed {connection.label})")
        return Nodes([], delays=np.asarray(connection.ticks(params)))
    if not isinstance(connection, (Dense, Sparse, Affine)):
        shape = tuple(getattr(connection, "input_shape", ()))
        if shape and shape != source:
            raise UnsaidError(f"reads units of shape {list(source)} as {list(shape)}")
    name = getattr(connection, "node", "")
    stochastic = None if isinstance(connection.transmission, Reliable) else connection.transmission
    return Nodes(_parts(connection, params, source), name, stochastic)


def _parts(connection: Any, params: Params, source: Shape) -> list[Any]:
    nir = library()
    weight = {name: np.array(x) for name, x in dict(params.trained or {}).items()}
    if isinstance(connection, (Dense, Sparse, Affine)):
        matrix = weight["weight"]
        if isinstance(connection, Sparse):
            matrix = np.zeros((connection.inputs, connection.outputs), np.float32)
            np.add.at(matrix, (np.asarray(params.fixed["pre"]), np.asarray(params.fixed["post"])), weight["weight"])
        flattened = [] if len(source) == 1 else [nir.Flatten(np.array(theirs(source)), 0, -1)]
        rows = np.ascontiguousarray(matrix[places(source)].T)
        return [*flattened, nir.Affine(rows, weight["bias"]) if "bias" in weight else nir.Linear(rows)]
    if isinstance(connection, Conv2d):
        return [_convolution(connection, _kernel(weight["weight"]))]
    if isinstance(connection, Convolution):
        shape, kernel = connection.input_shape[:-1], _kernel(weight["weight"])
        common = connection.groups, weight["bias"]
        if len(shape) == 1:
            pad = connection.written if isinstance(connection.written, str) else int(connection.written[0])
            return [nir.Conv1d(shape[0], kernel, connection.stride[0], pad, connection.dilation[0], *common)]
        return [nir.Conv2d(shape, kernel, connection.stride, connection.written, connection.dilation, *common)]
    if isinstance(connection, Pool2d):
        size, one = np.array([connection.size] * 2), connection.windows
        padding = _padding(one)
        assert not isinstance(padding, str)
        pool = nir.AvgPool2d if connection.mode == "average" else nir.SumPool2d
        scale = np.full(theirs(connection.output_shape), connection.gain, np.float32)
        parts = [pool(size, np.array([one.stride] * 2), np.array(padding))]
        return parts if connection.gain == 1 else [*parts, nir.Scale(scale)]
    if isinstance(connection, Pooling):
        pool = nir.AvgPool2d if connection.average else nir.SumPool2d
        return [pool(*(np.array(x) for x in (connection.kernel, connection.stride, connection.padding)))]
    if isinstance(connection, Scale):
        maps = weight["weight"].reshape(connection.input_shape)
        return [nir.Scale(np.moveaxis(maps, -1, 0).copy() if maps.ndim > 1 else maps)]
    if isinstance(connection, Wire):
        return [] if connection.input_shape == connection.target_shape else [_flatten(connection)]
    raise UnsaidError(f"no node of NIR is a {type(connection).__name__}")


def _convolution(connection: Conv2d, kernel: np.ndarray) -> Any:
    """The node of a convolution. NIR pads alike on both sides.

    Where "same" pads one more at the end than in front, the kernel gets a row and a column of zeros in front and the
    padding is one wider: the same map.
    """
    one, about = connection.windows, {}
    try:
        padding = _padding(one)
    except UnsaidError:
        padding = tuple(n + 1 for n in before(one))
        kernel = np.pad(kernel, ((0, 0), (0, 0), (1, 0), (1, 0)))
        lines = zip((one.height, one.width), padding, one.shape, strict=True)
        if any(windows(n, one.kernel + 1, one.stride, p, p) != m for n, p, m in lines):
            raise
        about = {WIDENED: 1}
    stride, bias = (one.stride, one.stride), np.zeros(connection.channels, np.float32)
    shape = connection.input_shape[:2]
    return library().Conv2d(shape, kernel, stride, padding, (1, 1), 1, bias, metadata=about)


def _flatten(connection: Wire) -> Any:
    """The Flatten between two shapes."""
    given, out = theirs(connection.input_shape), theirs(connection.target_shape)
    for first in range(len(given)):
        for last in range(first, len(given)):
            if (*given[:first], int(np.prod(given[first : last + 1])), *given[last + 1 :]) == out and last > first:
                return library().Flatten(np.array(given), first, last if last < len(given) - 1 else -1)
    raise UnsaidError(f"no Flatten makes {list(out)} of {list(given)}")


def _kernel(weight: np.ndarray) -> np.ndarray:
    """`[*kernel, I, O]` as `[O, I, *kernel]`."""
    axes = weight.ndim - 2
    return np.ascontiguousarray(weight.transpose(axes + 1, axes, *range(axes)))


def _padding(one: Windows) -> tuple[int, int] | str:
    """The padding of windows, the same on both sides, where there is one.

    Raises:
        UnsaidError: "same" with strides pads more at the end than in front.
    """
    top, left = before(one)
    sizes = (one.height, top), (one.width, left)
    if all(windows(n, one.kernel, one.stride, p, p) == m for (n, p), m in zip(sizes, one.shape, strict=True)):
        return top, left
    if one.stride == 1:
        return "same"
    raise UnsaidError(f"padding 'same' with a stride of {one.stride} is not the same on both sides")
