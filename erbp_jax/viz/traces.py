"""What a neuron or a small network did: input, potentials, spikes."""

from pathlib import Path

import numpy as np

from erbp_jax.evaluation.traces import Traces
from erbp_jax.viz.figure import ACCENT, INK, MUTED, plain, pyplot, save


def draw_traces(traces: Traces, title: str, path: Path) -> Path:
    """Input and membrane of the first neuron, and a raster of every layer that has more than one neuron."""
    plt = pyplot()
    rasters = [s for s in traces.spikes if s.shape[1] > 1]
    heights = [1.0, 2.2] + [min(0.4 + 0.05 * s.shape[1], 2.5) for s in rasters]
    figure, axes = plt.subplots(
        len(heights), 1, figsize=(7.2, 1.1 * sum(heights)), sharex=True, height_ratios=heights, layout="constrained"
    )
    time = (np.arange(len(traces.input)) + 1) * traces.dt
    axes[0].plot(time, traces.input[:, 0], color=MUTED, linewidth=1, marker="." if len(time) < 3 else None)
    axes[0].set_ylabel(f"input\n(per {traces.input_per})")
    draw_potential(axes[1], traces)
    for axis, spikes in zip(axes[2:], rasters, strict=True):
        tick, unit = np.nonzero(spikes)
        axis.plot((tick + 1) * traces.dt, unit, "|", color=INK, markersize=4)
        axis.set_ylabel("neuron")
        axis.set_ylim(-0.5, spikes.shape[1] - 0.5)
    axes[-1].set_xlabel("time (ms)")
    axes[0].set_title(plain(title), fontsize=9, loc="left")
    return save(figure, path)


def draw_potential(axis, traces: Traces) -> None:
    """The first neuron's membrane, its threshold if that moves, and a mark for each of its spikes."""
    time = (np.arange(len(traces.input)) + 1) * traces.dt
    layer = f"layer{len(traces.spikes) - 1}." if any("." in name for name in traces.states) else ""
    membrane = traces.states[f"{layer}membrane"][:, 0]
    axis.plot(time, membrane, color=INK, linewidth=0.9, label="V")
    for name, colour in (("threshold", ACCENT), ("dendrite", "#0072b2")):
        if f"{layer}{name}" in traces.states:
            axis.plot(time, traces.states[f"{layer}{name}"][:, 0], color=colour, linewidth=0.9, label=name)
    low, high = axis.get_ylim()
    marks = traces.spike_times()
    axis.vlines(marks, high, high + 0.12 * (high - low), color=INK, linewidth=0.8)
    axis.set_ylim(low, high + 0.16 * (high - low))
    axis.set_ylabel("potential")
    if len(axis.lines) > 1:
        axis.legend(frameon=False, fontsize=7, loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderpad=0)
