"""The membrane-gated rule: coincident inputs among noise, and frozen random patterns. All seeds side by side.

Coincidence: of 100 inputs ten fire together (within a tick) about 7 times per second, ninety independently at 10 Hz.
Five neurons start from weights U(0, 100) in [0, 255] and see nothing but spikes, their membrane and their own rate.
Patterns: two frozen random patterns of 50 ms on 200 inputs of 10 Hz, in random order, noise of the same rate between
them. Two blocks of six neurons excite themselves and inhibit each other. The window: presynaptic spikes around those
of a neuron that fires at 6 Hz, its membrane climbing to each spike.

Command:   python experiments/membrane_gated.py [--out runs/membrane_gated] [--seeds 20]
Hardware:  any CPU.
Wall time: 3 min on one busy core.
Expected:  coincidence: in the last quarter of 60 s at least 0.95 of all spikes follow a coincidence within 8 ticks
           (mean of the seeds 0.988, least 0.947), and the weights of the ten exceed the others' by at least 200 of
           255; output rate 6 to 8 Hz throughout (the homeostatic term alone balances at 5.9 Hz). Patterns: after 300
           s each block answers one pattern, and the blocks different ones, in 4 of 10 seeds (mean selectivity 0.62).
           The window has a potentiating pre-before-post side and a depressing post-before-pre side. Reference (fixed
           point): 0.80 -> 1.00 selective spikes, weights 247 and 2 of 255, 6.3 Hz.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common import seeds_and_folder
from erbp_jax.__main__ import guarded
from erbp_jax.files import write_json
from erbp_jax.learning.three_factor.factors import Signals
from erbp_jax.learning.three_factor.membrane_gated import MembraneGate, membrane_gated
from erbp_jax.training.progress import busy
from erbp_jax.viz.figure import INK, MUTED, colours, save, styled, subplots
from lateral import LateralLayer

GATE = MembraneGate(threshold=1216.0, potentiation=8.0, depression=2.0, slope=1.0, alpha=2.0, target=2.5, tau=255.5)
HIGH, THRESHOLD = 255.0, 1408.0
COINCIDENT, INPUTS, NEURONS, TICKS = 10, 100, 5, 60_000
PATTERN, PATTERN_INPUTS, BLOCK, PATTERN_TICKS = 50, 200, 6, 300_000
NEAR = 8
"""Ticks after a coincidence in which a spike counts as an answer."""


def main() -> None:
    seeds, out = seeds_and_folder(__doc__, "membrane_gated")
    with busy("coincidences"):
        coincidence = coincidences(seeds)
    with busy("patterns"):
        pattern = patterns(min(seeds, 10))
    window = pair_window()
    figures = {"coincidence": coincidence["summary"], "patterns": pattern["summary"]}
    write_json(out / "summary.json", {"seeds": seeds, **figures})
    for name, values in figures.items():
        print(name, values)
    print(picture(coincidence, pattern, window, out / "membrane_gated.png"))


def run(layer: LateralLayer, spikes: np.ndarray, weights: np.ndarray, lateral: np.ndarray) -> tuple[Any, Any]:
    """Spikes `[R, T, O]` and the weights every second `[R, T / 1000, I, O]`, a replica per seed."""

    def one(weight, inputs):
        def second(state, inputs):
            state, out = jax.lax.scan(lambda s, x: layer.step(s, x, jnp.asarray(lateral)), state, inputs)
            return state, (out.astype(jnp.int8), state.weight)

        inputs = inputs.reshape(-1, 1000, inputs.shape[-1])
        _, (out, weights) = jax.lax.scan(second, layer.init_state(weight), inputs)
        return out.reshape(-1, out.shape[-1]), weights

    start = jnp.asarray(weights, jnp.float32)
    done = jax.jit(jax.vmap(one))(start, jnp.asarray(spikes, jnp.float32))
    return np.asarray(done[0]), np.asarray(done[1])


def coincidences(seeds: int) -> dict[str, Any]:
    trains, answers, weights = [], np.zeros((seeds, TICKS), bool), []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        spikes = rng.random((TICKS, INPUTS)) < 0.01
        spikes[:, :COINCIDENT] = False
        t = 0
        while (t := t + int(50 + rng.exponential(100))) < TICKS - 3:
            spikes[t + rng.integers(-1, 2, COINCIDENT), np.arange(COINCIDENT)] = True
            answers[seed, t - 1 : t + NEAR + 1] = True
        trains.append(spikes)
        weights.append(rng.uniform(0, 100, (INPUTS, NEURONS)))
    layer = LateralLayer(membrane_gated(GATE), THRESHOLD, 0.0, HIGH, eta=2.0)
    fired, weight = run(layer, np.stack(trains), np.stack(weights), np.zeros((NEURONS, NEURONS), np.float32))
    seconds = TICKS // 1000
    inside = (fired * answers[..., None]).reshape(seeds, seconds, -1).sum(2)
    every = fired.reshape(seeds, seconds, -1).sum(2, dtype=np.int64)
    last = slice(seconds * 3 // 4, None)
    selective = inside[:, last].sum(1) / every[:, last].sum(1)
    first = inside[:, : seconds // 4].sum(1) / every[:, : seconds // 4].sum(1)
    chosen, others = (part.mean((1, 2, 3)) for part in np.split(weight[:, last], [COINCIDENT], axis=2))
    gap = chosen - others
    rate = every / NEURONS
    return {
        "weights": weight, "selective": inside / np.maximum(every, 1), "rate": rate,
        "summary": {
            "selective_first_quarter": spread(first), "selective_last_quarter": spread(selective),
            "weight_gap": spread(gap), "weight_coincident": spread(chosen),
            "weight_random": spread(others),
            "rate_hz_first_quarter": spread(rate[:, : seconds // 4].mean(1)),
            "rate_hz_last_quarter": spread(rate[:, last].mean(1)),
        },
    }  # fmt: skip


def patterns(seeds: int) -> dict[str, Any]:
    """Spikes of each block per presentation of each pattern, over time."""
    trains, shown, weights = [], [], []
    for seed in range(seeds):
        rng = np.random.default_rng(100 + seed)
        spikes = rng.random((PATTERN_TICKS, PATTERN_INPUTS)) < 0.01
        frozen = rng.random((2, PATTERN, PATTERN_INPUTS)) < 0.01
        t, times = 100, []
        while t < PATTERN_TICKS - 500:
            for k in rng.permutation(2):
                t += int(PATTERN + rng.exponential(PATTERN))
                spikes[t : t + PATTERN] = frozen[k]
                times.append((t, k))
                t += PATTERN
        trains.append(spikes)
        shown.append([(t, k) for t, k in times if t < PATTERN_TICKS - 60])
        weights.append(rng.uniform(0, 100, (PATTERN_INPUTS, 2 * BLOCK)))
    block = np.arange(2 * BLOCK) // BLOCK
    lateral = np.where(block[:, None] == block[None], 200.0, -5000.0) * (1 - np.eye(2 * BLOCK))
    layer = LateralLayer(membrane_gated(GATE), THRESHOLD, 0.0, HIGH, eta=0.5)
    fired, _ = run(layer, np.stack(trains), np.stack(weights), lateral.astype(np.float32))
    parts = 12
    answers = np.zeros((seeds, parts, 2, 2))
    for seed in range(seeds):
        count = np.zeros((parts, 2))
        for t, k in shown[seed]:
            part = t * parts // PATTERN_TICKS
            per_neuron = fired[seed, t : t + PATTERN + NEAR].sum(0, dtype=np.int64)
            answers[seed, part, k] += [per_neuron[block == b].mean() for b in range(2)]
            count[part, k] += 1
        answers[seed] /= count[..., None]
    end = answers[:, -1]  # [R, pattern, block]
    index = (end[:, 0] - end[:, 1]) / np.maximum(end.sum(1), 1e-9)  # [R, block], +-1: one pattern only
    shared_out = (index[:, 0] * index[:, 1] < 0) & (np.abs(index).min(1) > 0.8)
    inside = [sum(fired[s, t : t + PATTERN + NEAR].sum(dtype=np.int64) for t, _ in shown[s] if t > 0.75 * PATTERN_TICKS)
              for s in range(seeds)]  # fmt: skip
    every = fired[:, int(0.75 * PATTERN_TICKS) :].sum((1, 2), dtype=np.int64)
    return {
        "answers": answers,
        "summary": {
            "seeds": seeds,
            "seeds_where_each_block_answers_one_pattern": int(shared_out.sum()),
            "selectivity": spread(np.abs(index).mean(1)),
            "spikes_within_patterns": spread(np.array(inside) / every),
            "rate_hz": spread(every / (2 * BLOCK * PATTERN_TICKS / 4000)),
        },
    }


def pair_window() -> tuple[np.ndarray, np.ndarray]:
    """Mean change of a weight by a pair: presynaptic spikes around a neuron's spikes at 6 Hz, its rate of balance. The
    membrane climbs in a straight line for 40 ticks to each spike and is reset to 0 by it."""
    dt, period, spike = np.arange(-40, 41), 167, 80
    tick = np.arange(period)
    membrane = np.where((tick > spike - 40) & (tick <= spike), THRESHOLD * (1 - (spike - tick) / 40.0), 0.0)
    seen = Signals(jnp.asarray(tick == spike, jnp.float32)[:, None], None, jnp.asarray(membrane, jnp.float32)[:, None])
    state, over = GATE.init_state((1,)), jax.jit(GATE.over)
    for _ in range(20):  # the trace of the own rate settles
        state, _ = over(state, seen)
    _, value = over(state, seen)
    return dt, np.asarray(value)[spike - dt, 0]


def spread(values: np.ndarray) -> dict[str, float]:
    return {"mean": round(float(values.mean()), 3), "least": round(float(values.min()), 3),
            "most": round(float(values.max()), 3)}  # fmt: skip


@styled
def picture(coincidence: Any, pattern: Any, window: Any, path: Path) -> Path:
    figure, grid = subplots(2, 3, figsize=(12, 6))
    weights, regulated, pairs, before, blocks, end = grid.flat
    one = coincidence["weights"][0, :, :, 0]
    weights.plot(one[:, COINCIDENT::6], color=MUTED, linewidth=0.6)
    weights.plot(one[:, :COINCIDENT], color=colours()[0], linewidth=0.9)
    weights.plot([], [], color=colours()[0], label="coincident inputs")
    weights.plot([], [], color=MUTED, label="independent inputs (15 of 90)")
    weights.set(xlabel="time (s)", ylabel="weight (8 bits)", ylim=(-10, 345))
    weights.set_title("coincidence: weights of one neuron, seed 0", fontsize=9, loc="left")
    weights.legend(frameon=False, fontsize=8, loc="upper right")
    x = np.arange(coincidence["rate"].shape[1])
    regulated.plot(x, coincidence["selective"].T, color=colours()[1], linewidth=0.4, alpha=0.4)
    regulated.plot(
        x, coincidence["selective"].mean(0), color=colours()[1], linewidth=1.6, label="share of selective spikes"
    )
    regulated.plot(
        x, coincidence["rate"].mean(0) / 10, color=INK, linewidth=1.4, linestyle="--", label="output rate / 10 Hz"
    )
    regulated.set(xlabel="time (s)", ylabel="share; rate in units of 10 Hz", ylim=(0, 1.2))
    regulated.set_title(f"coincidence: {len(coincidence['rate'])} seeds", fontsize=9, loc="left")
    regulated.legend(frameon=False, fontsize=8, loc="lower right")
    dt, change = window
    pairs.bar(dt, change, color=[colours()[0] if c > 0 else colours()[1] for c in change])
    pairs.axhline(0, color=MUTED, linewidth=0.6)
    pairs.set(xlabel="t_post - t_pre (ticks)", ylabel="weight change per pair")
    pairs.set_title("the window that the membrane makes of the gate", fontsize=9, loc="left")
    answers = pattern["answers"]
    for axis, block in ((before, 0), (blocks, 1)):
        minutes = (np.arange(answers.shape[1]) + 0.5) * PATTERN_TICKS / answers.shape[1] / 1000
        for k in range(2):
            axis.plot(minutes, answers[0, :, k, block], ("-", "--")[k], color=colours()[k], label=f"pattern {k + 1}")
        axis.set(xlabel="time (s)", ylabel="spikes per presentation")
        axis.set_title(f"patterns: block {block + 1}, seed 0", fontsize=9, loc="left")
        axis.legend(frameon=False, fontsize=8)
    index = (answers[:, -1, 0] - answers[:, -1, 1]) / np.maximum(answers[:, -1].sum(1), 1e-9)
    end.plot(index[:, 0], index[:, 1], "o", color=INK, markersize=5)
    end.axhline(0, color=MUTED, linewidth=0.6)
    end.axvline(0, color=MUTED, linewidth=0.6)
    end.set(
        xlim=(-1.1, 1.1),
        ylim=(-1.1, 1.1),
        xlabel="selectivity of block 1 (-1: pattern 2, 1: pattern 1)",
        ylabel="selectivity of block 2",
    )
    end.set_title("patterns: selectivity at the end, a dot a seed", fontsize=9, loc="left")
    return save(figure, path)


if __name__ == "__main__":
    guarded(main)
