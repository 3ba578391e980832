"""Pictures of the fixed-point machine."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from erbp_jax.viz.figure import INK, pyplot, save


def raster(spikes: np.ndarray, neurons: Sequence[int], ticks: int, path: Path) -> Path:
    """Spikes `[K, 3]` (core, tick, neuron), a panel a core."""
    plt = pyplot()
    figure, axes = plt.subplots(
        len(neurons), 1, figsize=(7.4, 0.6 + 2.0 * len(neurons)), squeeze=False, sharex=True, layout="constrained"
    )
    for c, (axis, n) in enumerate(zip(axes[:, 0], neurons, strict=True)):
        mine = spikes[spikes[:, 0] == c]
        size = float(np.clip(400.0 / n, 0.5, 40.0))
        axis.scatter(mine[:, 1], mine[:, 2], s=size, marker="|", c=INK, linewidths=0.8, rasterized=True)
        axis.set(xlim=(0, ticks), ylim=(-0.7, n - 0.3), ylabel=f"core {c}\nneuron")
    axes[-1, 0].set_xlabel("tick")
    return save(figure, path)
