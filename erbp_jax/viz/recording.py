"""What happened in a network: spikes by time, and one neuron from current to spike."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from erbp_jax.errors import UserError
from erbp_jax.trace import member
from erbp_jax.viz.figure import ACCENT, INK, MUTED, dashes, neuron_axis, plain, styled, subplots, ticker


@styled
def raster_figure(seen: Any, names: Sequence[str] | None = None, title: str = "") -> Any:
    """Spikes of every input and population by time, and beside each its units' mean rates.

    Raises:
        UserError: a recording of a batch, or a name that is not there.
    """
    chosen = {name: _named(seen.spikes, name) for name in (names or seen.spikes)}
    if any(x.ndim != 2 for x in chosen.values()):
        raise UserError("raster: shows one sample, and this recording is of a batch; record(x[0])")
    figure, axes = subplots(
        len(chosen), 2, figsize=(7.4, min(0.6 + 1.6 * len(chosen), 60.0)), width_ratios=(5, 1), squeeze=False,
    )  # fmt: skip
    for row, (name, spikes) in enumerate(chosen.items()):
        ticks, units = spikes.shape
        time, unit = np.nonzero(spikes)
        left, right = axes[row]
        dashes(left, time * seen.dt, unit, units, 1.3)
        left.set(xlim=(-seen.dt, ticks * seen.dt), ylim=(-0.7, units - 0.3), ylabel=f"{plain(name)}\nneuron")
        neuron_axis(left)
        left.tick_params(labelbottom=row == len(chosen) - 1)
        right.barh(range(units), 1e3 * spikes.mean(0) / seen.dt, height=1.0, color=MUTED)
        right.set(ylim=(-0.7, units - 0.3), **({} if spikes.any() else {"xlim": (0, 1)}))
        right.tick_params(labelleft=False)
        right.xaxis.set_major_locator(ticker().MaxNLocator(nbins=3))
    axes[-1, 0].set_xlabel("time (ms)")
    axes[-1, 1].set_xlabel("rate (Hz)")
    figure.suptitle(plain(title), x=0.02, ha="left", fontsize=10)
    return figure


@styled
def neuron_figure(seen: Any, name: str, neuron: int) -> Any:
    """Input current, membrane potential with its threshold, and spikes of one neuron of a population.

    Raises:
        UserError: a recording of a batch, a population or a neuron that is not there.
    """
    current, spikes = _named(seen.current, name), seen.spikes[name]
    if spikes.ndim != 2:
        raise UserError("plot_neuron: shows one sample, and this recording is of a batch; record(x[0])")
    if isinstance(neuron, bool) or not isinstance(neuron, int | np.integer) or not 0 <= neuron < spikes.shape[1]:
        raise UserError(f"plot_neuron: {name} has neurons 0 to {spikes.shape[1] - 1}, got {neuron}")
    membrane = seen.membrane.get(name)
    rows = [("input current", current[:, neuron])]
    if membrane is not None:
        rows.append(("membrane\nafter the reset", membrane[:, neuron]))
    figure, axes = subplots(len(rows), 1, figsize=(7.0, 1.9 * len(rows)), sharex=True, squeeze=False)  # fmt: skip
    time = np.arange(len(spikes) + 1) * seen.dt
    for axis, (label, values) in zip(axes[:, 0], rows, strict=True):
        axis.step(time, [*values, values[-1]], where="post", color=INK, linewidth=0.9)  # the last tick has a width too
        axis.set_ylabel(label)
    moving = member(seen.state.get(name), "threshold")
    if membrane is not None and moving is not None:
        values = np.asarray(moving)[:, neuron]
        axes[-1, 0].step(time, [*values, values[-1]], where="post", color=ACCENT, ls="--", lw=0.9, label="threshold")
    elif membrane is not None and name in seen.threshold:
        axes[-1, 0].axhline(seen.threshold[name], color=ACCENT, linewidth=0.9, linestyle="--", label="threshold")
    for axis in axes[:, 0]:
        for tick in np.flatnonzero(spikes[:, neuron]):
            axis.axvline(tick * seen.dt, color=MUTED, linewidth=0.8, linestyle=":", label="spike")
    entries = dict(zip(*axes[-1, 0].get_legend_handles_labels()[::-1], strict=True))
    if entries:
        figure.legend(entries.values(), entries, loc="outside upper right", frameon=False, fontsize=8, ncols=2)
    count = int(spikes[:, neuron].sum())
    axes[-1, 0].set_xlabel("time (ms)")
    figure.suptitle(
        f"{plain(name)}, neuron {neuron}: {count} spike{'s' * (count != 1)}",
        x=0.02,
        ha="left",
        fontsize=10,
    )
    return figure


def _named(parts: dict[str, np.ndarray], name: str) -> np.ndarray:
    if name not in parts:
        raise UserError(f"{name!r} is not there; there are {', '.join(parts)}")
    return parts[name]
