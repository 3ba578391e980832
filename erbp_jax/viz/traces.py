"""What a neuron or a small network did: input, potentials, spikes."""

from pathlib import Path

import numpy as np

from erbp_jax.evaluation.traces import Traces
from erbp_jax.viz.figure import ACCENT, INK, MUTED, dashes, neuron_axis, plain, save, styled, subplots


@styled
def draw_traces(traces: Traces, title: str, path: Path) -> Path:
    """Input and membrane of the first neuron, and a raster of every layer that has more than one neuron."""
    rasters = {number: s for number, s in enumerate(traces.spikes) if s.shape[1] > 1}
    heights = [1.0, 2.2] + [min(0.6 + 0.05 * s.shape[1], 2.5) for s in rasters.values()]
    figure, axes = subplots(len(heights), 1, figsize=(7.2, 1.1 * sum(heights)), sharex=True, height_ratios=heights)
    time = (np.arange(len(traces.input)) + 1) * traces.dt
    steps = {"color": MUTED, "linewidth": 1, "marker": "." if len(time) < 3 else None}
    axes[0].step(time, traces.input[:, 0], where="pre", **steps)  # what a tick brings comes before its end
    _units_of_input(axes[0], traces)
    draw_potential(axes[1], traces)
    for axis, height, (number, spikes) in zip(axes[2:], heights[2:], rasters.items(), strict=True):
        tick, unit = np.nonzero(spikes)
        dashes(axis, (tick + 1) * traces.dt, unit, spikes.shape[1], height)
        axis.set_ylabel("neuron" if len(traces.spikes) == 1 else f"layer {number}\nneuron")
        axis.set_ylim(-0.5, spikes.shape[1] - 0.5)
        neuron_axis(axis)
    axes[-1].set_xlabel("time (ms)")
    axes[0].set_title(plain(title), fontsize=9, loc="left")
    return save(figure, path)


def _units_of_input(axis, traces: Traces) -> None:
    """Millivolts a ms, or what a tick brings; of a neuron alone, whose steady inputs are given per ms, that as well."""
    if traces.input_per == "ms":
        axis.set_ylabel("input\n(mV per ms)")
        return
    which = "input" if traces.input.shape[1] == 1 else "input 0"
    axis.set_ylabel(f"{which} per\n{traces.dt:g} ms tick")
    if len(traces.spikes) == 1 and traces.dt != 1.0 and not _layered(traces):
        dt = traces.dt
        other = axis.secondary_yaxis("right", functions=(lambda x: x / dt, lambda x: x * dt))
        other.set_ylabel("input\nper ms")
        other.spines["right"].set_visible(True)


def _of_which(traces: Traces) -> str:
    """Where there is a choice: of the first neuron, of a network that of the last layer."""
    if _layered(traces):
        return f" of neuron 0 of layer {len(traces.spikes) - 1}"
    return " of neuron 0" if traces.spikes[0].shape[1] > 1 else ""


def _layered(traces: Traces) -> bool:
    return any(name.startswith("layer0.") for name in traces.states)


def draw_potential(axis, traces: Traces) -> None:
    """The first neuron's membrane, its threshold if that moves, and a mark for each of its spikes; of a neuron whose
    state has no `membrane`, the first variable that it has."""
    time = (np.arange(len(traces.input)) + 1) * traces.dt
    layer = f"layer{len(traces.spikes) - 1}." if _layered(traces) else ""
    names = [n.removeprefix(layer) for n, x in traces.states.items() if n.startswith(layer) and x.ndim == 2]
    shown = "membrane" if "membrane" in names or not names else names[0]
    if names:
        label = ("membrane potential" if shown == "membrane" else shown) + _of_which(traces)
        axis.plot(time, traces.states[f"{layer}{shown}"][:, 0], color=INK, linewidth=0.9, label=label)
    for name, colour in (("threshold", ACCENT), ("dendrite", "#0072b2")):
        if f"{layer}{name}" in traces.states:
            axis.plot(time, traces.states[f"{layer}{name}"][:, 0], "--", color=colour, linewidth=0.9, label=name)
    low, high = axis.get_ylim()
    marks = traces.spike_times()
    axis.vlines(marks, high, high + 0.12 * (high - low), color=INK, linewidth=0.8)
    if len(marks):
        axis.plot([], [], "|", color=INK, label="spikes")
    axis.set_ylim(low, high + 0.16 * (high - low))
    between = " " if len(traces.unit) < 5 else "\n"
    unit = f"potential{between}({traces.unit})" if traces.unit else "potential"
    axis.set_ylabel(unit if shown == "membrane" else shown)
    axis.legend(frameon=False, fontsize=7, loc="lower right", bbox_to_anchor=(1, 1), ncols=4, borderpad=0)
