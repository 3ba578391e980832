"""Reward-modulated STDP on the fixed-point machine: weights move while there is reward, and shortly after.

A hundred neurons fire at about 15 spikes per second all the time; each STDP change is the reward, a noisy state that an
axon drives in the ticks 400 to 600, shifted down by a number of bits that depends on the pair's distance. All seeds run
side by side, each with its own weights, and beside each the same without noise, as a second core.

Command:   python experiments/nsat_reward_window.py [--out runs/nsat_reward_window] [--seeds 20]
Hardware:  any CPU.
Wall time: 15 s on one core.
Expected:  of all changes |dw| in 1000 ticks about 86 % fall in the ticks 400 to 750, 35 % of the time: twelve times
           as much per tick as outside. The rest is the noise, which moves weights up and down; without it about 96 %
           do, and no weight moves before tick 400.
"""

from pathlib import Path
from typing import Any

import numpy as np

import nsat_examples as examples
from common import seeds_and_folder
from erbp_jax.__main__ import guarded
from erbp_jax.files import write_json
from erbp_jax.nsat.program import merge
from erbp_jax.viz.figure import ACCENT, INK, MUTED, colours, save, styled, subplots

WINDOW = (400, 750)
"""Ticks in which reward, which decays with 2^-6 per tick, can act; both included."""
NAMES = ("with noise", "without noise")
N = examples.REWARDED


def main() -> None:
    seeds, out = seeds_and_folder(__doc__, "nsat_reward_window")

    p = examples.reward_input()
    drawn = [examples.poisson(p, np.random.default_rng(seed)) for seed in range(seeds)]
    both = [examples.to_both(rows, N + 1) for rows in drawn]
    program = merge([examples.reward_window(), examples.reward_window(noise=0)])
    replicas = examples.run_replicas(program, both, len(p), states=True, weights=True)
    moved = np.abs(np.diff(replicas.weights.reshape(len(p), seeds, 2, N + 1), axis=0)).sum(3)  # [T - 1, R, 2]

    summary: dict[str, Any] = {"seeds": seeds, "ticks": len(p) - 1, "window": WINDOW}
    for core, name in enumerate(NAMES):
        summary[name.replace(" ", "_")] = one = measure(moved[:, :, core])
        print(
            f"{name}: {one['share_mean']:.3f} of all |dw| in the ticks {WINDOW[0]} to {WINDOW[1]} "
            f"(seeds: {one['share_least']:.3f} to {one['share_most']:.3f}); a tick {one['times_as_much']:.1f} times as "
            f"much as outside; {one['before']:.4f} before tick {WINDOW[0]}"
        )
    rate = 1000 * replicas.spikes[:, :, :N].mean()
    summary["firing_rate_hz"] = round(float(rate), 2)
    print(f"firing rate: {rate:.1f} Hz")
    write_json(out / "summary.json", summary)
    print(picture(replicas, drawn[0], moved, out / "nsat_reward_window.png"))


def measure(moved: np.ndarray) -> dict[str, float]:
    """Shares of the changes `[T - 1, R]`; row t - 1 is tick t."""
    tick = np.arange(1, len(moved) + 1)
    inside = (tick >= WINDOW[0]) & (tick <= WINDOW[1])
    share = moved[inside].sum(0) / moved.sum(0)
    figures = {
        "share_mean": share.mean(),
        "share_least": share.min(),
        "share_most": share.max(),
        "times_as_much": moved[inside].mean() / moved[~inside].mean(),
        "before": moved[tick < WINDOW[0]].sum() / moved.sum(),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}


@styled
def picture(replicas: examples.Replicas, events: np.ndarray, moved: np.ndarray, path: Path) -> Path:
    """Reward, modulator and weights of the first seed; changes per tick of all."""
    figure, axes = subplots(4, 1, figsize=(8, 8), sharex=True, height_ratios=[0.35, 1, 1.3, 1])
    reward, modulator, weights, changes = axes
    reward.vlines(events[events[:, 1] == N, 0], 0, 1, color=ACCENT, linewidth=1)
    reward.set(yticks=[], ylabel="reward")
    reward.set_title("seed 0", fontsize=9, loc="left")
    modulator.plot(replicas.states[:, 0, :8, 2], color=MUTED, linewidth=0.6)
    modulator.plot(replicas.states[:, 0, :N, 2].mean(1), color=INK, linewidth=1.4)
    modulator.set_ylabel("modulator (state 2)\n8 neurons, mean of all")
    chosen = replicas.weights[:, 0, :N]
    weights.plot(chosen[:, ::5], linewidth=0.7, color=colours()[1], alpha=0.55)
    weights.plot(chosen.mean(1), color=INK, linewidth=1.4)
    weights.axhline(255, color=MUTED, linewidth=0.7, linestyle=":")
    weights.set_ylabel("weights\n20 synapses, mean of all")
    bins = 25
    whole = moved[: len(moved) // bins * bins].mean(1).reshape(-1, bins, 2).mean(1) / N
    edges = np.arange(len(whole) + 1) * bins
    for core, (name, colour) in enumerate(zip(NAMES, (colours()[1], ACCENT), strict=True)):
        changes.stairs(whole[:, core], edges, color=colour, linewidth=1.3, label=name)
    changes.legend(frameon=False, fontsize=8)
    changes.set(xlabel="tick", ylabel=f"|dw| a synapse and tick\nmean of {moved.shape[1]} seeds", xlim=(0, len(moved)))
    for axis in axes:
        axis.axvspan(*examples.REWARD, color=ACCENT, alpha=0.08, linewidth=0)
    return save(figure, path)


if __name__ == "__main__":
    guarded(main)
