"""Learning curves and alignment of several rules, side by side."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.evaluation.cost import training_operations
from erbp_jax.tasks.base import ERROR, Measure
from erbp_jax.viz.figure import (
    INK,
    MUTED,
    epoch_axis,
    error_axis,
    lines,
    plain,
    positive_scale,
    rules,
    save,
    styled,
    subplots,
)

Metrics = Mapping[str, Sequence[dict[str, Any]]]
"""Of every rule, by name, a dictionary per epoch."""


@styled
def learning_curves(
    metrics: Metrics, path: Path, measure: Measure = ERROR, published: Mapping[str, float] | None = None,
    test_name: str = "test",
) -> Path:  # fmt: skip
    """The measure in test by epochs, by samples and by operations; the band is one standard deviation over seeds.
    `published` values, by what they are called, are lines across, of the colours of the rules in their order."""
    seeds = 1
    figure, axes = subplots(1, 3, figsize=(10.5, 3.5), sharey=True)
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
            seeds = max(seeds, errors.shape[1])
            if errors.shape[1] > 1:
                spread = errors.std(1, ddof=1)
                axis.fill_between(x, mean - spread, mean + spread, color=line["color"], alpha=0.15, linewidth=0)
        errors_shown += mean.tolist()
    for (name, value), line in zip((published or {}).items(), lines(), strict=False):
        for axis in axes:
            axis.axhline(value, color=line["color"], linestyle=(0, (1, 3)), linewidth=1.6, label=plain(name), zorder=1)
        errors_shown.append(value)
    for axis, label in zip(axes, ("epoch", "training samples seen", "operations (SynOps and MACs)"), strict=True):
        axis.set_xlabel(label)
        axis.grid(axis="y", color=MUTED, alpha=0.25, linewidth=0.5, which="both")
    if measure.counted:
        error_axis(axes[0], errors_shown)  # the others share it
    for axis, seen in zip(axes[1:], every[1:], strict=True):
        positive_scale(axis, seen)
    epoch_axis(axes[0], every[0])
    axes[0].set_ylabel(f"{test_name} {measure.name}{measure.unit and ' (%)'}")
    legend_title = f"mean of {seeds} seeds,\nband: +- 1 s.d." if seeds > 1 else "one seed"
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=8, title=legend_title,
        title_fontsize=8, handlelength=3, alignment="left",
    )  # fmt: skip
    return save(figure, path)


@styled
def alignment_curves(metrics: Metrics, path: Path) -> Path | None:
    """Angles by epochs: of the feedback to each hidden layer, and of each layer's update; None if none was measured."""
    measured = {name: entries for name, entries in metrics.items() if entries and entries[0].get("alignment")}
    if not measured:
        return None
    figure, axes = subplots(1, 2, figsize=(10.5, 3.6), sharey=True)
    dashes = ("-", "--", ":", "-.")  # of layers
    highest = 0.0
    for number, ((name, entries), line) in enumerate(zip(metrics.items(), rules(), strict=False)):
        if name not in measured:
            continue
        step = max(1, min(len(measured), len(entries) // 3))  # markers of lines that lie on one another take turns
        epochs = [e["epoch"] for e in entries]
        kinds, layers, others = _by_layer([e["alignment"] for e in entries])
        for first, last in _coinciding(kinds, layers):
            called = others[first - layers] if first >= layers else _layers(first, last, layers)
            for axis, angles in zip(axes, kinds, strict=True):
                if first not in angles:
                    continue
                style = {**line, "linestyle": dashes[first % 4]}
                axis.plot(
                    epochs, angles[first], label=f"{plain(name)}, {called}", linewidth=1.3,
                    markersize=4, markevery=(number % step, step), **style,
                )  # fmt: skip
                highest = max([highest, *(a for a in angles[first].tolist() if np.isfinite(a))])
    titles = ("feedback path and transposed forward weights", "update of the rule and the gradient")
    for axis, title in zip(axes, titles, strict=True):
        axis.axhline(90, color=MUTED, linewidth=0.8)
        axis.annotate(
            "90 degrees: unrelated", (1, 90), xycoords=("axes fraction", "data"), xytext=(0, 2),
            textcoords="offset points", fontsize=7, color=INK, ha="right", va="bottom",
        )  # fmt: skip
        axis.set_title(f"angle between {title}", fontsize=9, loc="left")
        axis.set_xlabel("epoch")
        axis.set_ylim(-3, max(100.0, highest + 5.0))
        axis.set_yticks(range(0, int(max(100.0, highest + 5.0)) + 1, 30))
        epoch_axis(axis, [e["epoch"] for entries in measured.values() for e in entries])
    legend = {text: line for axis in axes for line, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(legend.values(), legend, loc="outside right center", frameon=False, fontsize=8, handlelength=3)
    axes[0].set_ylabel("angle (degrees)")
    return save(figure, path)


def _by_layer(measured: Sequence[Mapping[str, Any]]) -> tuple[list[dict[int, np.ndarray]], int, list[str]]:
    """Angles of the feedback and of the updates, `[epochs]` by the numbers of the layers that have some, then by those
    of further projections; NaN: not known. How many layers there are, and the names of the others.

    Without names, as runs of before have them, the angles are those of the layers in order.
    """
    kinds = [np.asarray([one[kind] for one in measured], float) for kind in ("feedback", "update")]
    named = measured[0].get("layers")
    if named is None:
        named = {
            kind: [str(i) for i in range(x.shape[-1])] for kind, x in zip(("feedback", "update"), kinds, strict=True)
        }
    hidden, updates = named["feedback"], named["update"]
    layers = list(dict.fromkeys([*hidden, *(name for name in updates if " -> " not in name)]))
    columns = [*layers, *(name for name in updates if " -> " in name)]
    placed = [
        {columns.index(name): angles[:, i] for i, name in enumerate(names)}
        for angles, names in zip(kinds, (hidden, updates), strict=True)
    ]
    return placed, len(layers), columns[len(layers) :]


def _coinciding(kinds: Sequence[Mapping[int, np.ndarray]], layers: int) -> Iterator[tuple[int, int]]:
    """First and last number of every stretch of layers whose lines would lie on one another; the output has no feedback
    to it. Further projections stand for themselves."""
    first, columns = 0, 1 + max(max(angles, default=-1) for angles in kinds)
    for layer in range(1, columns + 1):
        same = layer < layers and all(
            layer not in angles
            or (first in angles and np.allclose(angles[layer], angles[first], atol=0.5, equal_nan=True))
            for angles in kinds
        )
        if not same:
            yield first, layer - 1
            first = layer


def _layers(first: int, last: int, layers: int) -> str:
    if last > first:
        return f"layers {first + 1} {'and' if last == first + 1 else 'to'} {last + 1}"
    return "output layer" if layers > 1 and first == layers - 1 else f"layer {first + 1}"
