"""Learning curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.tasks.base import ERROR, Measure, number
from erbp_jax.viz.figure import ACCENT, INK, MUTED, epoch_axis, error_axis, plain, save, styled, subplots


def learning_curve(
    metrics: Sequence[dict[str, Any]], title: str, path: Path, measure: Measure = ERROR, test_name: str = "test"
) -> Path:
    """Write `learning_figure` as a file."""
    return save(learning_figure(metrics, title, measure, test_name), path)


@styled
def learning_figure(
    metrics: Sequence[dict[str, Any]], title: str, measure: Measure = ERROR, test_name: str = "test"
) -> Any:
    """The measure in test and in training by epochs, every seed as a thin line, the mean of the last five epochs
    as a dotted one over those epochs."""
    epochs = [entry["epoch"] for entry in metrics]
    test = np.asarray([entry["per_seed"][f"test_{measure.name}"] for entry in metrics])  # [epochs, S]
    train = np.asarray([entry["per_seed"][f"train_{measure.name}"] for entry in metrics])
    figure, axes = subplots(figsize=(5.4, 4.0))
    for errors, colour, style, name in (
        (train, INK, "s--", "training samples, while they are learned"), (test, ACCENT, "o-", f"{test_name} samples"),
    ):  # fmt: skip
        if errors.shape[1] > 1:
            axes.plot(epochs, errors, color=colour, alpha=0.3, linewidth=0.8, linestyle=style[1:])
            name += f" (mean of {errors.shape[1]} seeds)"
        axes.plot(epochs, errors.mean(1), style, color=colour, markersize=3, linewidth=1.3, label=name)
    last5, averaged = test[-5:].mean(), epochs[-5:]
    if len(epochs) > 1:
        over = (averaged[0] - 0.2, averaged[-1] + 0.2)
        label = f"{test_name}, mean of epochs {averaged[0]} to {averaged[-1]}"
        axes.plot(over, (last5, last5), color=MUTED, linestyle=":", linewidth=2.5, label=label, zorder=0)
    both = np.concatenate([test, train])
    if measure.counted:
        error_axis(axes, both)
    epoch_axis(axes, epochs)
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"{measure.name} (%)" if measure.counted else measure.name)
    few = f"mean {test_name} {measure.name} over the last {min(5, len(test))} epochs"
    what = few if len(epochs) > 1 else f"{test_name} {measure.name}"
    axes.set_title(
        f"{plain(title)}\n{what}: {number(last5, measure)}",
        fontsize=9,
        loc="left",
    )
    figure.legend(loc="outside lower center", ncols=1, frameon=False, fontsize=8, handlelength=3)
    return figure
