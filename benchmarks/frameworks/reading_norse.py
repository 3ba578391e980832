"""Norse reads CubaLIF as a box for the synapse and a box for the membrane, both by forward Euler, at any dt."""
# pyright: reportMissingImports=false

from typing import Any

import norse.torch as norse
import numpy as np

from frameworks.reading import Reader, neurons, recorded


def run(graph: Any, dt: float, spikes: np.ndarray) -> dict[str, np.ndarray]:
    return recorded(norse.from_nir(graph, dt=dt / 1000.0), neurons(graph), spikes)


READER = Reader("Norse", None, run)
