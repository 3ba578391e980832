"""Linear nodes of NIR as connections: the package's own where they are the same map, else those of this folder."""

import json
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from erbp_jax.api.described import made
from erbp_jax.connections import Conv2d, Delayed, Delays, Dense, Pool2d, Reliable, Sparse, SynapseList
from erbp_jax.connections.windows import PADDINGS, Windows
from erbp_jax.errors import UserError
from erbp_jax.nir.connections import Affine, Convolution, Pooling, Scale, Wire
from erbp_jax.nir.graph import ints, kind, margins
from erbp_jax.nir.shapes import Shape, ours, places, units
from erbp_jax.params import Params
from erbp_jax.random import new_key

TRANSMISSION = "erbp_jax:transmission"
WIDENED = "erbp_jax:widened"
"""Metadata of a convolution whose kernel has a row and a column of zeros in front, for the sake of its padding."""


class Made(NamedTuple):
    """A connection and its parameters."""

    connection: Any
    params: Params


def connection(name: str, node: Any, given: Shape, flattened: Shape | None, from_input: bool) -> Made:
    """The connection of a node that takes the NIR shape `given`; `flattened` is what was flattened to it, if anything.

    Raises:
        UserError: what `graph` would have refused.
    """
    which = kind(node)
    if which in ("Linear", "Affine"):
        source = ours(flattened or given)
        outputs, inputs = (int(n) for n in node.weight.shape)
        weight = np.empty((inputs, outputs), np.float32)
        weight[places(source)] = np.asarray(node.weight, np.float32).T
        stochastic = TRANSMISSION in (node.metadata or {})
        if which == "Linear" and (stochastic or not (from_input and len(source) > 1)):
            return Made(Dense(len(weight), outputs, transmission=_transmission(name, node)), _weights(weight))
        _check_reliable(name, node)
        bias = node.bias if which == "Affine" else None
        return Made(Affine(source, outputs, bias is not None, name), _weights(weight, bias))
    if which == "Scale":
        return Made(Scale(ours(given), name), _weights(units(np.asarray(node.scale))))
    if which == "Flatten":
        raise UserError(f"{name}: a Flatten is not a connection by itself")
    if which in ("Conv1d", "Conv2d"):
        return _convolution(name, node, given)
    kernel, stride, padding = (ints(name, getattr(node, f), 2) for f in ("kernel_size", "stride", "padding"))
    average, shape = which == "AvgPool2d", ours(given)
    if len(set(kernel)) == len(set(stride)) == 1 and not any(padding):
        mode = "average" if average else "sum"
        return Made(Pool2d((shape[0], shape[1], shape[2]), kernel[0], stride[0], mode=mode), Params({}, ()))
    return Made(Pooling(shape, kernel, stride, padding, average, name), Params({}, ()))


def wire(given: Shape, out: Shape, name: str = "") -> Made:
    """Every unit of one NIR shape onto its like of another."""
    return Made(Wire(ours(given), ours(out), name), Params({}, ()))


def delay_line(ticks: np.ndarray) -> Made:
    """Every unit onto its like, with a delay `[N]` of its own in ticks."""
    each = np.arange(len(ticks))
    line = Delayed(Sparse(len(ticks), len(ticks), pairs=SynapseList(each, each)), Delays(ticks))
    return Made(line, Params({"weight": jnp.ones((len(ticks),), jnp.float32)}, line.init(new_key(0)).fixed))


def is_delay_line(connection: Any, params: Params) -> bool:
    """Whether it is one of `delay_line`."""
    inner = getattr(connection, "connection", None)
    if not isinstance(connection, Delayed) or not isinstance(inner, Sparse) or inner.pairs is None:
        return False
    each = np.arange(inner.inputs)
    same = inner.inputs == inner.outputs and np.array_equal(inner.pairs.pre, each)
    same = same and isinstance(inner.transmission, Reliable)
    return same and np.array_equal(inner.pairs.post, each) and bool((np.asarray(params.trained["weight"]) == 1).all())


def before(windows: Windows) -> Shape:
    """The padding of windows above and on the left."""
    if windows.padding == "valid":
        return 0, 0
    sizes = zip(windows.shape, (windows.height, windows.width), strict=True)
    return tuple(max((n - 1) * windows.stride + windows.kernel - size, 0) // 2 for n, size in sizes)


def _convolution(name: str, node: Any, given: Shape) -> Made:
    axes, weight = len(given) - 1, np.asarray(node.weight, np.float32)
    stochastic = TRANSMISSION in (node.metadata or {})
    kernel = weight.shape[2:]
    stride, dilation = (ints(name, getattr(node, f), axes) for f in ("stride", "dilation"))
    padding, groups, bias = (
        margins(name, node.padding, kernel, stride, dilation),
        ints(name, node.groups, 1)[0],
        node.bias,
    )
    moved = weight.transpose(*range(2, 2 + axes), 1, 0)
    shape = ours(given)
    written = node.padding if isinstance(node.padding, str) else tuple(p for p, _ in padding)
    general = Convolution(shape, len(weight), kernel, stride, padding, dilation, groups, name, written)
    if (
        axes == 2
        and not np.any(bias)
        and groups == 1
        and set(dilation) == {1}
        and (stochastic or not isinstance(written, str))
    ):
        wider = int(WIDENED in (node.metadata or {}) and not moved[0].any() and not moved[:, 0].any())
        for mode in PADDINGS:
            size = kernel[0] - wider
            if len(set(kernel)) > 1 or len(set(stride)) > 1 or size < 1:
                break
            if mode == "valid" and size > min(shape[:2]):
                continue
            windows = Windows(shape[0], shape[1], size, stride[0], mode)
            if windows.shape == general.output_shape[:2] and before(windows) == tuple(p - wider for p, _ in padding):
                maps = (shape[0], shape[1], shape[2])
                one = Conv2d(maps, len(weight), size, stride[0], mode, transmission=_transmission(name, node))
                return Made(one, _weights(moved[wider:, wider:]))
    _check_reliable(name, node)
    return Made(general, _weights(moved, bias))


def _check_reliable(name: str, node: Any) -> None:
    """Refuse metadata of stochastic synapses on a node that becomes a connection of reliable ones.

    Raises:
        UserError: names the node.
    """
    if TRANSMISSION in (node.metadata or {}):
        raise UserError(
            f"{name}: its metadata {TRANSMISSION} says that spikes are transmitted with a probability, and what the "
            "node is read as has reliable synapses; delete the metadata to read it so"
        )


def _transmission(name: str, node: Any) -> Any:
    """What the metadata of a node says of the synapses; reliable ones if nothing."""
    text = (node.metadata or {}).get(TRANSMISSION)
    if text is None:
        return Reliable()
    try:
        data = json.loads(text)
        if not str(data["class"]).startswith("erbp_jax.connections.transmission:"):
            raise UserError("of another module")
        return made(data, {})
    except (ValueError, TypeError, KeyError, UserError) as error:
        raise UserError(f"{name}: the metadata {TRANSMISSION} is damaged: {error}") from None


def _weights(weight: np.ndarray, bias: np.ndarray | None = None) -> Params:
    trained = {"weight": jnp.asarray(weight, jnp.float32)}
    if bias is not None:
        trained["bias"] = jnp.asarray(bias, jnp.float32)
    return Params(trained, ())
