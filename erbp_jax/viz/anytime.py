"""Error of early decisions against what they cost."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from erbp_jax.viz.figure import MUTED, colours, pyplot, save

NAMES = {
    "spike_count": "spike count at a fixed time",
    "majority": "majority of the first n spikes",
    "margin": "margin of m spikes",
}
STYLES = {"spike_count": "-", "majority": "o-", "margin": "s--"}


def anytime_curves(
    results: Mapping[str, dict[str, Any]], path: Path, target: tuple[float, float] | None = None
) -> Path:
    """Left the error by mean SynOps (energy on top), right by mean latency; `target` is (SynOps, error) to beat."""
    plt = pyplot()
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.6), sharey=True, layout="constrained")
    palette = iter(colours())
    for title, result in results.items():
        for rule, name in NAMES.items():
            colour, rows = next(palette), result[rule]
            error = [row["error"] for row in rows]
            label = name if len(results) == 1 else f"{title}: {name}"
            drawn = {"color": colour, "markersize": 3, "linewidth": 1.2}
            left.plot([row["synops"] for row in rows], error, STYLES[rule], label=label, **drawn)
            right.plot([row["ms"] for row in rows], error, STYLES[rule], **drawn)
    if target is not None:
        left.plot(*target, marker="*", markersize=11, color=MUTED, linestyle="none", label="the talk")
    left.set(xscale="log", yscale="log", xlabel="SynOps until the decision (mean)", ylabel="test error (%)")
    right.set(xscale="log", xlabel="time until the decision (ms, mean)")
    for axis in (left, right):
        axis.grid(axis="y", color=MUTED, alpha=0.25, linewidth=0.5, which="both")
        axis.yaxis.set_major_formatter(plt.matplotlib.ticker.FormatStrFormatter("%g"))
        axis.yaxis.set_minor_formatter(plt.matplotlib.ticker.FormatStrFormatter("%g"))
        axis.tick_params(axis="y", which="minor", labelsize=7)
    worst = max(row["error"] for result in results.values() for row in result["margin"])
    best = min(row["error"] for result in results.values() for rule in NAMES for row in result[rule])
    left.set_ylim(0.85 * best, min(100.0, 6 * worst))
    model = next(iter(results.values()))["energy"]
    factor = 1e-6 * model["synop"]
    top = left.secondary_xaxis("top", functions=(lambda x: x * factor, lambda x: x / factor))
    for axis in (left.xaxis, right.xaxis, top.xaxis):
        axis.set_major_locator(plt.matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(plt.matplotlib.ticker.FuncFormatter(lambda x, _: f"{x:,.10g}"))
        axis.set_minor_formatter(plt.matplotlib.ticker.NullFormatter())
    top.set_xlabel(f"energy (uJ at {model['synop']:g} pJ per SynOp)")
    left.legend(frameon=False, fontsize=7)
    if len(results) == 1:
        figure.suptitle(next(iter(results)), fontsize=9)
    return save(figure, path)
