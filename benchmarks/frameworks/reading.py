"""What another simulator makes of a NIR graph: every tick of every neuron, by the names of the nodes."""
# pyright: reportMissingImports=false

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

READERS = ("norse", "snntorch")
"""Modules here are `reading_<name>`; the packages have the same names."""


@dataclass(frozen=True)
class Reader:
    """A simulator that reads NIR.

    `tick` is the length of its tick in ms, None if it takes any. `run(graph, dt, spikes[T, B, I])` returns the spikes
    `[T, B, N]` of every neuron node.
    """

    name: str
    tick: float | None
    run: Callable[[Any, float, np.ndarray], dict[str, np.ndarray]]


def available() -> list[str]:
    """The readers whose package is installed."""
    return [name for name in READERS if find_spec(name)]


def load(name: str) -> Reader:
    """A reader by its name."""
    return import_module(f"frameworks.reading_{name}").READER


def neurons(graph: Any) -> list[str]:
    """Names of the nodes that spike."""
    return [name for name, node in graph.nodes.items() if type(node).__name__ in ("IF", "LIF", "CubaLIF")]


def recorded(network: Any, names: Sequence[str], spikes: np.ndarray) -> dict[str, np.ndarray]:
    """What the PyTorch modules of these names send, a tick after the other; `network(x, state)` returns its state."""
    import torch

    seen: dict[str, list[np.ndarray]] = {name: [] for name in names}

    def keep(name: str) -> Callable[..., None]:
        def hook(_module: Any, _given: Any, out: Any) -> None:
            seen[name].append((out[0] if isinstance(out, tuple) else out).numpy().copy())

        return hook

    hooks = [network.get_submodule(name).register_forward_hook(keep(name)) for name in names]
    state = None
    with torch.no_grad():
        for x in torch.from_numpy(np.array(spikes, np.float32)):
            _, state = network(x, state)
    for hook in hooks:
        hook.remove()
    return {name: np.stack(ticks) for name, ticks in seen.items()}
