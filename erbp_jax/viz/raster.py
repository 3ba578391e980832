"""Spikes of one digit through all layers, and the decision."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.viz.figure import ACCENT, INK, MUTED, dashes, neuron_axis, plain, save, styled, subplots, ticker
from erbp_jax.wording import plural


@styled
def raster(
    image: np.ndarray,
    spikes: Sequence[np.ndarray],
    label: int,
    dt: float,
    path: Path,
    title: str = "",
    labels: Sequence[Any] | None = None,
    decision: int | None = None,
) -> Path:
    """One column: the image `[H, W]`; rows: the spikes `[T, N]` of every layer, input first; output counts beside.

    The output row of the true class is drawn in the accent colour; `labels` are what the classes are called. `decision`
    is the class that the network decided for, -1 for none; the title has the class with most spikes if it is not given.
    """
    rows = len(spikes)
    heights = [1.6] + [1.4] * (rows - 2) + [1.1]
    figure, axes = subplots(
        rows,
        2,
        figsize=(7.4, min(1.9 * rows, 60.0)),
        width_ratios=(5, 1),
        height_ratios=heights,
        squeeze=False,
    )
    names = ["input", *(f"hidden {i}" for i in range(1, rows - 1)), "output"]
    for row, (layer, name) in enumerate(zip(spikes, names, strict=True)):
        time, unit = np.nonzero(layer)
        last = row == rows - 1
        colour = [ACCENT if u == label else INK for u in unit] if last else INK
        dashes(axes[row, 0], time * dt, unit, layer.shape[1], 1.1 * heights[row], colour)
        axes[row, 0].set(xlim=(-dt, layer.shape[0] * dt), ylim=(-0.7, layer.shape[1] - 0.3))
        axes[row, 0].set_ylabel(f"{name}\nneuron")
        neuron_axis(axes[row, 0])
        axes[row, 0].tick_params(labelbottom=last)
        axes[row, 1].axis("off")
        if 0 < row < rows - 1:
            rate = f"{plural(layer.shape[1], 'neuron')},\nmean rate\n{1e3 * layer.mean() / dt:.3g} Hz"
            axes[row, 1].text(0, 0.5, rate, transform=axes[row, 1].transAxes, va="center", fontsize=8)
    axes[-1, 0].set_xlabel("time (ms)")
    classes = spikes[-1].shape[1]
    axes[-1, 0].set_yticks(range(0, classes, -(-classes // 20)))
    axes[-1, 0].tick_params(axis="y", labelsize=6)

    axes[0, 1].imshow(image, cmap="gray_r", vmin=0, vmax=255)
    counts = spikes[-1].sum(0)
    axes[-1, 1].axis("on")
    bars = axes[-1, 1].barh(range(len(counts)), counts, color=MUTED)
    bars[label].set_color(ACCENT)
    axes[-1, 1].set(ylim=(-0.7, len(counts) - 0.3), xlabel="spike count")
    axes[-1, 1].set_yticks([])
    axes[-1, 1].xaxis.set_major_locator(ticker().MaxNLocator(nbins=3, integer=True))
    if not counts.any():
        axes[-1, 1].set_xlim(0, 1)
    alone = (counts == counts.max()).sum() == 1
    called = [str(k) for k in range(classes)] if labels is None else [plain(str(name)) for name in labels]
    called += [f"output {k}" for k in range(len(called), classes)]  # of no class
    undecided = "none (a tie)" if counts.any() else "none (the output is silent)"
    orange = " (orange)" if counts[label] else ""
    if decision is None:
        answer = f"most spikes {called[int(counts.argmax())] if alone else undecided}"
    else:
        answer = f"decision {called[decision] if decision >= 0 else undecided}"
    figure.suptitle(f"{plain(title)}label {called[label]}{orange}, {answer}", x=0.02, ha="left", fontsize=10)
    return save(figure, path)
