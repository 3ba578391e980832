"""Winner take all on the fixed-point machine: three neurons that share one inhibitory neuron.

Shows that the neuron with the input of 60 Hz fires and silences two others with inputs of 30 Hz, in every seed. The
same inputs without inhibition run beside it, as a second core, all seeds in one call.

Command:   python experiments/nsat_winner_take_all.py [--out runs/nsat_winner_take_all] [--seeds 20] [--ticks 2000]
Hardware:  any CPU.
Wall time: 10 s on one core.
Expected:  neuron 0 (60 Hz) has the most spikes in all 20 seeds, about 50 per second, the others about 1; without
           inhibition about 53, 29 and 27.
"""

import argparse
from pathlib import Path

import numpy as np

import nsat_examples as examples
from erbp_jax.__main__ import guarded
from erbp_jax.files import write_json
from erbp_jax.nsat.program import merge
from erbp_jax.viz.figure import colours, save, styled, subplots

NAMES = ("with inhibition", "without inhibition")
SHOWN = 1000
"""Ticks of the raster."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs") / "nsat_winner_take_all")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--ticks", type=int, default=2000)
    arguments = parser.parse_args()
    if arguments.seeds < 1 or arguments.ticks < 2:
        parser.error("--seeds must be at least 1 and --ticks at least 2")
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)

    inputs, spikes = simulate(arguments.seeds, arguments.ticks)
    rates = 1000 * spikes[:, :, :, :3].mean(0)  # [R, core, neuron], Hz
    wins = (rates[:, :, :1] > rates[:, :, 1:]).all(2).sum(0)
    summary = {"seeds": arguments.seeds, "ticks": arguments.ticks}
    for core, name in enumerate(NAMES):
        mean = rates[:, core].mean(0).round(2).tolist()
        summary[name.replace(" ", "_")] = {
            "seeds_in_which_60_hz_wins": int(wins[core]),
            "mean_rate_hz": mean,
            "fewest_hz_of_neuron_0": float(rates[:, core, 0].min()),
            "most_hz_of_the_others": float(rates[:, core, 1:].max()),
        }
        print(f"{name}: neuron 0 wins in {wins[core]} of {arguments.seeds} seeds; mean rates {mean} Hz")
    write_json(out / "summary.json", summary)
    print(picture(inputs, spikes, rates, out / "nsat_winner_take_all.png"))


def simulate(seeds: int, ticks: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs `[T, 3]` of the first seed and spikes `[T, R, core, neuron]`."""
    program = merge([examples.winner_take_all(), examples.winner_take_all(inhibition=0)])
    p = np.tile(examples.WINNER_RATES, (ticks, 1))
    drawn = [examples.poisson(p, np.random.default_rng(seed)) for seed in range(seeds)]
    both = [examples.to_both(rows, 3) for rows in drawn]
    spikes = examples.run_replicas(program, both, ticks).spikes
    inputs = np.zeros((ticks, 3), bool)
    inputs[tuple(drawn[0].T)] = True
    return inputs, spikes.reshape(ticks, seeds, 2, 4)


@styled
def picture(inputs: np.ndarray, spikes: np.ndarray, rates: np.ndarray, path: Path) -> Path:
    """Rasters of the first seed, and the rates of all."""
    figure, (left, right) = subplots(1, 2, figsize=(10, 3.8), width_ratios=[2.2, 1])
    shades = (*colours()[:3], colours()[6])
    labels = ("60 Hz", "30 Hz", "30 Hz", "inhibitory")
    blocks = [("inputs", inputs), *((name, spikes[:, 0, core]) for core, name in enumerate(NAMES))]
    marks, texts, row = [], [], 0
    for title, fired in blocks:
        left.text(0, row - 0.75, title, fontsize=8.5, fontweight="bold", va="center")
        for neuron in range(fired.shape[1]):
            times = np.flatnonzero(fired[:SHOWN, neuron])
            left.vlines(times, row - 0.4, row + 0.4, color=shades[neuron], linewidth=0.9)
            marks.append(row)
            texts.append(labels[neuron])
            row += 1
        row += 1
    left.set(yticks=marks, yticklabels=texts, xlabel="tick", xlim=(0, min(SHOWN, len(inputs))), ylim=(row - 1.3, -1.2))
    left.tick_params(axis="y", length=0)
    left.set_title("seed 0", fontsize=9, loc="left")
    jitter = np.linspace(-0.18, 0.18, len(rates))
    for core in range(2):
        for neuron in range(3):
            at = 4 * core + neuron
            right.scatter(at + jitter, rates[:, core, neuron], s=9, color=shades[neuron], linewidths=0)
    right.set(xticks=[0, 1, 2, 4, 5, 6], xticklabels=["60", "30", "30"] * 2, ylim=(-1, None), xlabel="input (Hz)")
    for core, name in enumerate(NAMES):
        right.text(4 * core + 1, 1.0, name, transform=right.get_xaxis_transform(), ha="center", fontsize=8.5)
    right.set_ylabel(f"firing rate (Hz), {len(rates)} seeds")
    return save(figure, path)


if __name__ == "__main__":
    guarded(main)
