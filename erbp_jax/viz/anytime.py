"""Error of early decisions against what they cost."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from erbp_jax.viz.figure import (
    MUTED,
    colours,
    error_axis,
    log_ticks,
    plain,
    positive_scale,
    save,
    styled,
    subplots,
    ticker,
)

NAMES = {
    "spike_count": "spike count at a fixed time",
    "majority": "majority of the first n spikes (tie: error)",
    "margin": "margin of m spikes",
    "current": "sum of currents at a fixed time",
    "current_margin": "margin of m between sums of currents",
}
STYLES = {
    "spike_count": {"linestyle": "-"},
    "majority": {"linestyle": ":", "marker": "o"},
    "margin": {"linestyle": "--", "marker": "s"},
    "current": {"linestyle": "-.", "linewidth": 1.8},
    "current_margin": {"linestyle": "--", "marker": "^"},
}
FILLS = ("full", "none", "left", "right", "top", "bottom")
"""Of markers, one a result: colours repeat after eight lines."""


def _rules(result: Mapping[str, Any]) -> dict[str, str]:
    """Names of the decisions in a result: those of currents are not in older ones."""
    return {rule: name for rule, name in NAMES.items() if rule in result}


@styled
def anytime_curves(
    results: Mapping[str, dict[str, Any]], path: Path, target: tuple[str, float, float] | None = None
) -> Path:
    """Left the error by mean SynOps (energy on top), right by mean latency; `target`: name, SynOps, error to beat."""
    figure, (left, right) = subplots(1, 2, figsize=(8.6, 3.6), sharey=True)
    palette = itertools.cycle(colours())
    for number, (title, result) in enumerate(results.items()):
        for rule, name in _rules(result).items():
            colour, rows = next(palette), result[rule]
            error = [row["error"] for row in rows]
            label = name if len(results) == 1 else f"{plain(title)}: {name}"
            style = {**STYLES[rule], "fillstyle": FILLS[number % len(FILLS)]}
            drawn = {"color": colour, "markersize": 3, "linewidth": 1.2, **style}
            left.plot([row["synops"] for row in rows], error, label=label, **drawn)
            right.plot([row["ms"] for row in rows], error, **drawn)
    if target is not None:
        left.plot(*target[1:], marker="*", markersize=11, color=MUTED, linestyle="none", label=target[0])
    rows = [row for result in results.values() for rule in _rules(result) for row in result[rule]]
    waiting = [row["error"] for result in results.values() for row in result["margin"]]
    reached = [row["error"] for row in rows]
    ceiling = min(100.0, 6 * max(waiting, default=100.0)) or 100.0  # the first ticks of a spike count are all wrong
    error_axis(left, [*(min(e, ceiling) for e in reached), *([target[2]] if target else [])])
    names = {result.get("test_name", "test") for result in results.values()}
    left.set(
        xlabel="SynOps until the decision (mean)", ylabel=f"{names.pop() if len(names) == 1 else 'test'} error (%)"
    )
    right.set(xlabel="time until the decision (ms, mean)")
    x = {left: [row["synops"] for row in rows], right: [row["ms"] for row in rows]}
    scales = [positive_scale(axis, values) for axis, values in x.items()]
    for axis in (left, right):
        axis.grid(axis="y", color=MUTED, alpha=0.25, linewidth=0.5, which="both")
    model = next(iter(results.values()))["energy"]
    factor = 1e-6 * model["synop"]
    top = left.secondary_xaxis("top", functions=(lambda x: x * factor, lambda x: x / factor))
    if scales[0]:
        low, high = left.get_xlim()
        top.xaxis.set_major_locator(ticker().FixedLocator(log_ticks(low * factor, high * factor)))
        top.xaxis.set_minor_formatter(ticker().NullFormatter())
    for axis in (left.xaxis, right.xaxis, top.xaxis):
        axis.set_major_formatter(ticker().FuncFormatter(lambda x, _: f"{x:,.10g}"))
    top.set_xlabel(f"energy (µJ at {model['synop']:g} pJ per SynOp)")
    figure.legend(loc="outside lower center", ncols=min(3, len(results) * len(NAMES)), frameon=False, fontsize=7)
    if len(results) == 1:
        figure.suptitle(plain(next(iter(results))), fontsize=9)
    return save(figure, path)
