"""A gallery of the talk's neurons: the twenty patterns of Mihalas and Niebur, and f-I curves of every model.

Command:   python experiments/neuron_gallery.py [--out runs/neuron_gallery]
Hardware:  any CPU.
Wall time: half a minute.
Expected:  firing_patterns.png, twenty panels with the spike counts of tests/golden/mn_vectors.json;
           fi_curves.png, five curves that are zero up to the rheobase and rise from there.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.config.simulation import load_simulation
from erbp_jax.evaluation.traces import simulate
from erbp_jax.neurons import LIF, PATTERNS, DualCompartmentLIF, LeakyIF, MihalasNiebur, Neuron, SecondOrderLIF
from erbp_jax.viz.figure import ACCENT, INK, MUTED, colours, save, styled, subplots

DT = 0.1
MODELS: dict[str, tuple[Neuron, float]] = {
    "leaky I&F (1)": (LeakyIF(10 / DT, refractory=20), DT / 10),
    "LIF, first-order synapse (2)": (LIF(10 / DT, 4 / DT, refractory=20), DT / 4),
    "LIF, second-order synapse (3)": (SecondOrderLIF(10 / DT, 5 / DT, 2 / DT, refractory=20), DT / 2),
    "dual compartment (4)": (DualCompartmentLIF(10 / DT, 10 / DT, 5 / DT, refractory=20), DT / 5),
    "Mihalas-Niebur, tonic (5)": (MihalasNiebur(dt=DT), 1.0),
    "Mihalas-Niebur, adapting (5)": (replace(PATTERNS["spike_frequency_adaptation"].neuron, dt=DT), 1.0),
}
"""With the input per tick that makes a drive of 1: for the first four a steady synaptic current of one threshold."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs") / "neuron_gallery")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    print(firing_patterns(out / "firing_patterns.png"))
    print(fi_curves(out / "fi_curves.png"))


@styled
def firing_patterns(path: Path) -> Path:
    """Membrane, threshold and input of all twenty."""
    figure, grid = subplots(10, 4, figsize=(11, 15), height_ratios=[3, 1] * 5)
    for number, (name, pattern) in enumerate(PATTERNS.items()):
        row, column = 2 * (number // 4), number % 4
        traces = simulate(load_simulation(f"mihalas_niebur/{name}"))
        top, bottom = grid[row, column], grid[row + 1, column]
        time = (np.arange(len(traces.input)) + 1) * traces.dt
        top.plot(time, traces.states["membrane"][:, 0], color=INK, linewidth=0.7)
        top.plot(time, traces.states["threshold"][:, 0], color=ACCENT, linewidth=0.7)
        low, high = top.get_ylim()
        top.vlines(traces.spike_times(), high, high + 0.15 * (high - low), color=INK, linewidth=0.6)
        count = int(traces.spikes[0].sum())
        title = name.replace("_", " ").replace("hyperpolarization", "hyperpol.")
        top.set_title(f"{pattern.panel}  {title} ({count})", fontsize=8.5, loc="left")
        bottom.plot(time, traces.input[:, 0], color=MUTED, linewidth=0.9)
        top.set_xticks([])
        for axis in (top, bottom):
            axis.tick_params(labelsize=6.5)
            axis.set_xlim(0, time[-1])
    figure.supxlabel("time (ms)", fontsize=9)
    figure.supylabel("V and threshold (mV), spikes above; input (mV/ms) below", fontsize=9)
    return save(figure, path)


@styled
def fi_curves(path: Path) -> Path:
    """Firing rate over the second half of a second, for a hundred drives at once."""
    figure, axis = subplots(figsize=(6, 3.8))
    drive = np.linspace(0, 4, 101)
    ticks = round(1000 / DT)
    for (name, (neuron, unit)), colour in zip(MODELS.items(), colours(), strict=False):
        current = jnp.asarray(unit * drive, jnp.float32)
        start = neuron.init_state(current.shape)
        step = lambda state, _, neuron=neuron, current=current: neuron.step(state, current)  # noqa: E731
        _, spikes = jax.jit(lambda s, step=step: jax.lax.scan(step, s, None, length=ticks))(start)
        rate = np.asarray(spikes)[ticks // 2 :].mean(0) * 1e3 / DT
        axis.plot(drive, rate, color=colour, linewidth=1.3, label=name)
    axis.set_xlabel("constant drive (steady current / threshold; for Mihalas-Niebur mV/ms)")
    axis.set_ylabel("firing rate (Hz)")
    axis.legend(frameon=False, fontsize=8)
    return save(figure, path)


if __name__ == "__main__":
    main()
