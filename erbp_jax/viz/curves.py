"""Learning curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.tasks.base import ERROR, Measure, number
from erbp_jax.viz.figure import ACCENT, INK, epoch_axis, error_axis, plain, pyplot, save


def learning_curve(metrics: Sequence[dict[str, Any]], title: str, path: Path, measure: Measure = ERROR) -> Path:
    """Write `learning_figure` as a file."""
    return save(learning_figure(metrics, title, measure), path)


def learning_figure(metrics: Sequence[dict[str, Any]], title: str, measure: Measure = ERROR) -> Any:
    """The measure in test and in training by epochs, every seed as a thin line, the mean of the last five epochs
    marked."""
    plt = pyplot()
    epochs = [entry["epoch"] for entry in metrics]
    test = np.asarray([entry["per_seed"][f"test_{measure.name}"] for entry in metrics])  # [epochs, S]
    train = np.asarray([entry["per_seed"][f"train_{measure.name}"] for entry in metrics])
    figure, axes = plt.subplots(figsize=(5.4, 3.4), layout="constrained")
    for errors, colour, name in ((train, INK, "training, while learning"), (test, ACCENT, "test")):
        if errors.shape[1] > 1:
            axes.plot(epochs, errors, color=colour, alpha=0.25, linewidth=0.8)
        axes.plot(epochs, errors.mean(1), "o-", color=colour, markersize=3, label=name)
    last5 = test[-5:].mean()
    axes.axhline(last5, color=ACCENT, linestyle=":", linewidth=1)
    both = np.concatenate([test, train])
    if measure.counted:
        error_axis(axes, both)
    epoch_axis(axes, epochs)
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"{measure.name} (%)" if measure.counted else measure.name)
    axes.set_title(
        f"{plain(title)}\nmean test {measure.name} of the last {min(5, len(test))} epochs: {number(last5, measure)}",
        fontsize=9,
        loc="left",
    )
    axes.legend(frameon=False)
    return figure
