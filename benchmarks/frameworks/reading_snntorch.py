"""snnTorch reads CubaLIF as `Synaptic`, by forward Euler, at a fixed dt of 0.1 ms and only with r = tau_mem / dt."""
# pyright: reportMissingImports=false

from contextlib import redirect_stdout
from copy import deepcopy
from io import StringIO
from typing import Any

import numpy as np
from snntorch.import_nir import import_from_nir

from frameworks.reading import Reader, neurons, recorded

TICK = 0.1


def run(graph: Any, dt: float, spikes: np.ndarray) -> dict[str, np.ndarray]:
    """As `Reader` says; a graph for ticks of another length is refused, for snnTorch would run another network."""
    if dt != TICK:
        raise ValueError(f"snnTorch reads NIR at ticks of {TICK} ms, got {dt}")
    graph = deepcopy(graph)
    for name in neurons(graph):
        node = graph.nodes[name]
        r = node.tau_mem / (TICK / 1000.0)
        node.w_in, node.r = node.w_in * node.r / r, r  # only their product counts
    with redirect_stdout(StringIO()):  # it prints whole arrays as warnings
        network = import_from_nir(graph)
    return recorded(network, neurons(graph), spikes)


READER = Reader("snnTorch", TICK, run)
