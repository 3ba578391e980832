"""Curves to follow, and what the output neurons made of them."""

from typing import Any

import numpy as np

from erbp_jax.data.arrays import as_array
from erbp_jax.errors import UserError
from erbp_jax.tasks.regression import smoothing
from erbp_jax.viz.figure import ACCENT, INK, styled, subplots

MOST = 8
"""Outputs that are drawn."""


@styled
def followed_figure(spikes: np.ndarray, target: Any, *, dt: float, tau: float, title: str = "") -> Any:
    """The outputs' `spikes[T, K]` and the `target` `[T, K]` (`[K]` for all ticks) by time, a row for each of the first
    eight outputs, both smoothed by `tau` ticks as `Regression` does; a shorter target stays where it ends.

    Raises:
        UserError: a recording of a batch, or a target of another shape.
    """
    wanted = as_array("plot_curves: the target", target)
    if wanted.dtype.kind not in "biuf":
        raise UserError(f"plot_curves: the target must be numbers, got {type(target).__name__}")
    if spikes.ndim != 2:
        raise UserError("plot_curves: shows one sample, and this recording is of a batch; record(x[0])")
    ticks, outputs = spikes.shape
    wanted = wanted[None] if wanted.ndim == 1 else wanted
    if wanted.ndim != 2 or wanted.shape[1] != outputs or not len(wanted):
        raise UserError(f"plot_curves: the target must be [T, {outputs}] or [{outputs}], got {list(np.shape(target))}")
    wanted = wanted[np.minimum(np.arange(ticks), len(wanted) - 1)]
    rows = min(outputs, MOST)
    figure, axes = subplots(rows, 1, figsize=(6.4, 0.7 + 1.3 * rows), sharex=True, squeeze=False)
    time = np.arange(ticks) * dt
    curves = [smoothed(x, tau) / dt for x in (wanted, spikes)]  # per ms
    for place, axis in enumerate(axes[:, 0]):
        axis.plot(
            time, 1e3 * curves[0][:, place], color=INK, linestyle="--", linewidth=1.1, label="target, smoothed alike"
        )
        axis.plot(
            time, 1e3 * curves[1][:, place], color=ACCENT, linewidth=1.1, label=f"output, smoothed by {tau:g} ticks"
        )
        axis.set_ylim(bottom=0)
        axis.set_ylabel(f"output {place}\nrate (Hz)")
    axes[-1, 0].set_xlabel("time (ms)")
    entries = axes[0, 0].get_legend_handles_labels()
    figure.legend(*entries, loc="outside lower center", frameon=False, fontsize=8, ncols=2)
    few = f"outputs 0 to {rows - 1} of {outputs}" if outputs > rows else ""
    if text := ", ".join(part for part in (title, few) if part):
        axes[0, 0].set_title(text, fontsize=9, loc="left")
    return figure


def smoothed(values: np.ndarray, tau: float) -> np.ndarray:
    """`values[T, K]` as `Regression` smooths them, from 0 on."""
    smooth, last, kept = smoothing(tau), np.zeros(values.shape[1]), []
    for x in values:
        last = smooth(last, x)
        kept.append(last)
    return np.asarray(kept)
