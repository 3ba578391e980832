"""Learning curves and alignment of several rules, side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.evaluation.cost import training_operations
from erbp_jax.tasks.base import ERROR, Measure
from erbp_jax.viz.figure import MUTED, epoch_axis, error_axis, lines, plain, positive_scale, pyplot, rules, save

Metrics = Mapping[str, Sequence[dict[str, Any]]]
"""Of every rule, by name, a dictionary an epoch."""


def learning_curves(metrics: Metrics, path: Path, measure: Measure = ERROR) -> Path:
    """The measure in test by epochs, by samples and by operations; the band is one standard deviation over seeds."""
    plt = pyplot()
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.5), sharey=True, layout="constrained")
    every: list[list[float]] = [[], [], []]  # x of each panel
    errors_shown: list[float] = []
    for (name, entries), line in zip(metrics.items(), lines(), strict=False):
        errors = np.asarray([e["per_seed"][f"test_{measure.name}"] for e in entries])  # [epochs, S]
        samples = np.asarray([e["samples"] for e in entries], float)
        cost = training_operations(entries)
        mean = errors.mean(1)
        for axis, x, seen in zip(axes, ([e["epoch"] for e in entries], samples, cost), every, strict=True):
            axis.plot(x, mean, markersize=2.5, linewidth=1.3, label=plain(name), **line)
            seen += list(x)
            if errors.shape[1] > 1:
                spread = errors.std(1, ddof=1)
                axis.fill_between(x, mean - spread, mean + spread, color=line["color"], alpha=0.15, linewidth=0)
        errors_shown += mean.tolist()
    for axis, label in zip(axes, ("epochs", "samples", "operations (SynOps and MACs)"), strict=True):
        axis.set_xlabel(label)
        axis.grid(axis="y", color=MUTED, alpha=0.25, linewidth=0.5, which="both")
    if measure.counted:
        error_axis(axes[0], errors_shown)  # the others share it
    for axis, seen in zip(axes[1:], every[1:], strict=True):
        positive_scale(axis, seen)
    epoch_axis(axes[0], every[0])
    axes[0].set_ylabel(f"test {measure.name}{measure.unit and ' (%)'}")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=8)
    return save(figure, path)


def alignment_curves(metrics: Metrics, path: Path) -> Path | None:
    """Angles by epochs: of the feedback to each hidden layer, and of each layer's update; None if none was measured."""
    measured = {name: entries for name, entries in metrics.items() if entries and entries[0].get("alignment")}
    if not measured:
        return None
    plt = pyplot()
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 3.6), sharey=True, layout="constrained")
    dashes = ("-", "--", ":", "-.")  # of layers
    highest = 0.0
    for (name, entries), line in zip(metrics.items(), rules(), strict=False):
        if name not in measured:
            continue
        epochs = [e["epoch"] for e in entries]
        for axis, kind in zip(axes, ("feedback", "update"), strict=True):
            angles = np.asarray([e["alignment"][kind] for e in entries], float)  # [epochs, layers]; NaN: not known
            highest = max([highest, *angles[np.isfinite(angles)].tolist()])
            for layer in range(angles.shape[-1]):
                label = f"{plain(name)}, layer {layer + 1}"
                style = {**line, "linestyle": dashes[layer % 4]}
                axis.plot(epochs, angles[:, layer], label=label, linewidth=1.3, markersize=3, **style)
    for axis, title in zip(
        axes, ("feedback G and the transposed weights", "update of the rule and the gradient"), strict=True
    ):
        axis.axhline(90, color=MUTED, linewidth=0.8)
        axis.set_title(title, fontsize=9, loc="left")
        axis.set_xlabel("epochs")
        axis.set_ylim(-3, max(100.0, highest + 5.0))
        epoch_axis(axis, [e["epoch"] for entries in measured.values() for e in entries])
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=8)
    axes[0].set_ylabel("angle (degrees)")
    return save(figure, path)
