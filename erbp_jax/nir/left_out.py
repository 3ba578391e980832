"""What a graph may leave out: biases, input shapes of convolutions, constants that all units share."""

import copy
from typing import Any

import numpy as np

from erbp_jax.nir.neuron import NEURONS
from erbp_jax.nir.shapes import Shape

CONSTANTS = {**NEURONS, "Scale": ("scale",), "Delay": ("delay",)}
"""Of the nodes that have a constant of each unit."""
BIASED = ("Affine", "Conv1d", "Conv2d")


def completed(node: Any) -> Any:
    """A node of a file, as a tree of its values, with all that the package `nir` asks for."""
    if not isinstance(node, dict):
        return node
    kind, made = node.get("type"), dict(node)
    if kind == "NIRGraph":
        made["nodes"] = {name: completed(inner) for name, inner in node["nodes"].items()}
    if kind in BIASED and "weight" in node:
        made.setdefault("bias", _no_bias(node["weight"]))
    if kind in ("Conv1d", "Conv2d"):
        made.setdefault("input_shape", None)
    there = [name for name in NEURONS.get(kind or "", ()) if name in node]
    if len({np.shape(node[name]) for name in there}) > 1:
        shape = np.broadcast_shapes(*(np.shape(node[name]) for name in there))
        made |= {name: np.broadcast_to(node[name], shape).copy() for name in there}
    return made


def with_bias(node: Any) -> Any:
    """A node, with a bias of 0 if it has none."""
    if type(node).__name__ not in BIASED or getattr(node, "bias", None) is not None:
        return node
    made = copy.copy(node)
    made.bias = _no_bias(node.weight)
    return made


def shared(node: Any) -> bool:
    """Whether its constants are single values, which units of any shape can share."""
    names = CONSTANTS.get(type(node).__name__, ())
    return bool(names) and all(np.shape(getattr(node, name)) in ((), (1,)) for name in names)


def spread(node: Any, shape: Shape) -> Any:
    """A node whose shared constants are there for each unit."""
    if not shared(node) or all(np.shape(getattr(node, n)) == shape for n in CONSTANTS[type(node).__name__]):
        return node
    made = copy.copy(node)
    for name in CONSTANTS[type(node).__name__]:
        setattr(made, name, np.broadcast_to(getattr(node, name), shape).copy())
    return made


def _no_bias(weight: Any) -> np.ndarray:
    return np.zeros(np.shape(weight)[:1], np.asarray(weight).dtype)
