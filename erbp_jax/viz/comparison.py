"""Learning curves and alignment of several rules, side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.comparison.cost import training_operations
from erbp_jax.viz.figure import MUTED, colours, pyplot, save

Metrics = Mapping[str, Sequence[dict[str, Any]]]
"""Of every rule, by name, a dictionary an epoch."""


def learning_curves(metrics: Metrics, path: Path, published: Mapping[str, float]) -> Path:
    """Test error by epochs, by samples and by operations; the band is one standard deviation over seeds."""
    plt = pyplot()
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.5), sharey=True, layout="constrained")
    for (name, entries), colour in zip(metrics.items(), colours(), strict=False):
        errors = np.asarray([e["per_seed"]["test_error"] for e in entries])  # [epochs, S]
        samples = np.asarray([e["samples"] for e in entries], float)
        cost = training_operations(entries)
        for axis, x in zip(axes, ([e["epoch"] for e in entries], samples, cost), strict=True):
            mean = errors.mean(1)
            axis.plot(x, mean, "o-", markersize=2.5, linewidth=1.3, color=colour, label=name)
            if errors.shape[1] > 1:
                spread = errors.std(1, ddof=1)
                axis.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.15, linewidth=0)
        if name in published:
            axes[0].axhline(published[name], color=colour, linestyle=":", linewidth=1)
    for axis, label in zip(axes, ("epochs", "samples", "operations (SynOps and MACs)"), strict=True):
        axis.set_yscale("log")
        axis.set_xlabel(label)
        axis.grid(axis="y", color=MUTED, alpha=0.25, linewidth=0.5, which="both")
    for axis in axes[1:]:
        axis.set_xscale("log")
        axis.xaxis.set_minor_formatter(plt.matplotlib.ticker.NullFormatter())
    for axis in axes:
        axis.yaxis.set_major_formatter(plt.matplotlib.ticker.FormatStrFormatter("%g"))
        axis.yaxis.set_minor_formatter(plt.matplotlib.ticker.FormatStrFormatter("%g"))
        axis.tick_params(axis="y", which="minor", labelsize=7)
    axes[0].xaxis.set_major_locator(plt.matplotlib.ticker.MaxNLocator(integer=True))
    axes[0].set_ylabel("test error (%)")
    axes[0].legend(frameon=False, fontsize=8)
    return save(figure, path)


def alignment_curves(metrics: Metrics, path: Path) -> Path | None:
    """Angles by epochs: of the feedback to each hidden layer, and of each layer's update; None if none was measured."""
    measured = {name: entries for name, entries in metrics.items() if entries and entries[0].get("alignment")}
    if not measured:
        return None
    plt = pyplot()
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 3.6), sharey=True, layout="constrained")
    styles = ("-", "--", ":", "-.")
    for (name, entries), colour in zip(metrics.items(), colours(), strict=False):
        if name not in measured:
            continue
        epochs = [e["epoch"] for e in entries]
        for axis, kind in zip(axes, ("feedback", "update"), strict=True):
            angles = np.asarray([e["alignment"][kind] for e in entries])  # [epochs, layers]
            for layer in range(angles.shape[1]):
                label = f"{name}, layer {layer + 1}"
                axis.plot(epochs, angles[:, layer], styles[layer % 4], color=colour, label=label, linewidth=1.3)
    for axis, title in zip(
        axes, ("feedback G and the transposed weights", "update of the rule and the gradient"), strict=True
    ):
        axis.axhline(90, color=MUTED, linewidth=0.8)
        axis.set_title(title, fontsize=9, loc="left")
        axis.set_xlabel("epochs")
        axis.set_ylim(-3, 100)
        axis.xaxis.set_major_locator(plt.matplotlib.ticker.MaxNLocator(integer=True))
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=8)
    axes[0].set_ylabel("angle (degrees)")
    return save(figure, path)
