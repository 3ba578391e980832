"""Voltage-based STDP (Clopath et al. 2010): pairs at rising frequency, the timing window, voltage clamp.

Command:   python experiments/clopath.py [--out runs/clopath]
Hardware:  any CPU.
Wall time: 5 s on one core.
Expected:  pairs 10 ms apart (5 of them 15 times; 50 single ones at 0.1 Hz): post-before-pre depresses at low
           frequency and turns into potentiation at 30 Hz; at 50 Hz both orders potentiate, post-before-pre three
           quarters as much. Window at 20 Hz: potentiation for pre-before-post, depression for post-before-pre.
           Voltage clamp (50 presynaptic spikes at 25 Hz): nothing below theta_-, slight depression above,
           potentiation above theta_+ (hippocampal parameters: it outweighs depression from -19 mV). Root-mean-square
           distance to the slices' mean weights: 0.21, most of it from too much potentiation of pre-before-post at low
           frequency.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from adex import AdEx
from erbp_jax.__main__ import guarded
from erbp_jax.files import write_json
from erbp_jax.learning.three_factor import Signals, start_terms, write
from erbp_jax.learning.three_factor.clopath import Clopath, hippocampus
from erbp_jax.viz.figure import INK, MUTED, colours, save, styled, subplots

NEURON = AdEx()
KICK = 15_000.0
"""pA for one tick: the neuron fires in the next."""
FREQUENCIES = (0.1, 10.0, 20.0, 25.0, 30.0, 35.0, 40.0, 50.0)
SJOSTROM = {
    10: {0.1: (-0.04, 0.05), 10.0: (0.14, 0.10), 20.0: (0.29, 0.14), 40.0: (0.53, 0.11), 50.0: (0.56, 0.26)},
    -10: {0.1: (-0.29, 0.08), 10.0: (-0.41, 0.11), 20.0: (-0.34, 0.10), 40.0: (0.56, 0.32), 50.0: (0.75, 0.19)},
}
"""Relative change and its standard error, Sjostrom et al. 2001, by dt (ms) and frequency (Hz)."""
VISUAL = Clopath(homeostasis=60.0)
WINDOW = Clopath(homeostasis=80.0, theta_minus=-60.0)
FIRST = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs") / "clopath")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    frequency = {dt: np.array([pairing(VISUAL, f, dt) for f in FREQUENCIES]) for dt in (10, -10)}
    dt = np.array([d for d in range(-15, 16) if d])
    window = np.array([pairing(WINDOW, 20.0, int(d), 60) for d in dt])
    voltage = np.linspace(-80.0, 0.0, 41)
    clamps = {"visual cortex": clamp(VISUAL, voltage), "hippocampus": clamp(hippocampus(homeostasis=60.0), voltage)}
    zero = crossing(np.array(FREQUENCIES), frequency[-10])
    hippocampal = crossing(voltage, clamps["hippocampus"])
    summary = {
        "frequencies_hz": FREQUENCIES,
        "pre_before_post": frequency[10].round(4).tolist(), "post_before_pre": frequency[-10].round(4).tolist(),
        "post_before_pre_turns_at_hz": round(zero, 1),
        "window_at_minus_10_ms": round(float(window[dt == -10][0]), 4),
        "window_at_plus_10_ms": round(float(window[dt == 10][0]), 4),
        "clamp_turns_at_mv_hippocampus": round(hippocampal, 1),
        "rms_distance_to_slices": round(float(np.sqrt(np.mean([
            (frequency[d][FREQUENCIES.index(f)] - value) ** 2
            for d, points in SJOSTROM.items() for f, (value, _) in points.items()
        ]))), 3),
    }  # fmt: skip
    write_json(out / "summary.json", summary)
    print(summary)
    print(picture(frequency, (dt, window), (voltage, clamps), zero, out / "clopath.png"))


@partial(jax.jit, static_argnums=0)
def simulate(rule: Clopath, pre: jax.Array, current: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Total change, and the postsynaptic spikes `[T]`, for spikes `pre[T]` and a current `[T]` in pA."""

    def tick(carry, inputs):
        neuron, factors, change = carry
        spike, current = inputs
        neuron, seen = NEURON.step(neuron, current[None])
        factors, step = write(rule.terms, factors, Signals(spike[None]), seen)
        return (neuron, factors, change + step), seen.spikes[0]

    start = (NEURON.init_state((1,)), start_terms(rule.terms, 1, 1), jnp.zeros((1, 1)))
    (_, _, change), fired = jax.lax.scan(tick, start, (pre, current))
    return change[0, 0], fired


def pairing(rule: Clopath, frequency: float, dt: int, pairs: int = 5) -> float:
    """Relative change (weight 1 at the start): trains of `pairs` 15 times, far apart; below 1 Hz 50 lone pairs."""
    lone = frequency < 1.0
    times = np.array([FIRST]) if lone else FIRST + np.arange(pairs) * round(1000 / frequency)
    ticks = FIRST + 400 + pairs * 100
    pre, current = np.zeros(ticks, np.float32), np.zeros(ticks, np.float32)
    pre[times], current[times + dt - 1] = 1.0, KICK
    change, fired = simulate(rule, jnp.asarray(pre), jnp.asarray(current))
    if not np.array_equal(np.nonzero(np.asarray(fired))[0], times + dt):
        raise RuntimeError(f"{frequency} Hz, {dt} ms: the neuron did not fire as the protocol wants")
    repeats = 50 if lone else (15 if pairs == 5 else 1)
    return repeats * float(change)


def clamp(rule: Clopath, voltage: np.ndarray) -> np.ndarray:
    """Change by 50 presynaptic spikes at 25 Hz under each clamped potential."""

    @jax.jit
    def run(u):
        spikes = (jnp.arange(2000) % 40 == 0).astype(jnp.float32)

        def tick(carry, spike):
            factors, change = carry
            factors, step = write(rule.terms, factors, Signals(spike[None]), Signals(jnp.zeros(1), None, u[None]))
            return (factors, change + step), None

        start = (start_terms(rule.terms, 1, 1), jnp.zeros((1, 1)))
        return jax.lax.scan(tick, start, spikes)[0][1][0, 0]

    return np.asarray(jax.vmap(run)(jnp.asarray(voltage, jnp.float32)))


def crossing(x: np.ndarray, y: np.ndarray) -> float:
    """Where y last turns from negative to positive, by linear interpolation."""
    turns = np.nonzero((y[:-1] < 0) & (y[1:] >= 0))[0]
    if len(turns) == 0:
        return float("nan")
    i = turns[-1]
    return float(x[i] - y[i] * (x[i + 1] - x[i]) / (y[i + 1] - y[i]))


@styled
def picture(frequency: Any, window: Any, clamps: Any, zero: float, path: Path) -> Path:
    figure, (left, middle, right) = subplots(1, 3, figsize=(12, 3.6))
    for dt, colour, name in ((10, colours()[0], "pre 10 ms before post"), (-10, colours()[1], "post 10 ms before pre")):
        left.plot(FREQUENCIES, 100 * (1 + frequency[dt]), color=colour, marker=".", label=name)
        points = SJOSTROM[dt]
        values, errors = np.array(list(points.values())).T
        left.errorbar(list(points), 100 * (1 + values), 100 * errors, fmt="o", color=colour, markersize=4,
                      capsize=2, alpha=0.6)  # fmt: skip
    left.errorbar([], [], [], fmt="o", color=MUTED, markersize=4, label="slices (Sjostrom et al. 2001)")
    left.axhline(100, color=MUTED, linewidth=0.6)
    left.axvline(zero, color=MUTED, linewidth=0.8, linestyle=":")
    left.set(xlabel="pairing frequency (Hz)", ylabel="weight (%)")
    left.set_title(f"pairs; post-before-pre turns at {zero:.0f} Hz", fontsize=9, loc="left")
    left.legend(frameon=False, fontsize=8)
    dt, change = window
    for side in (dt < 0, dt > 0):
        middle.plot(dt[side], 100 * (1 + change[side]), color=INK, marker=".")
    middle.plot([-10], [70], "x", color=colours()[0], markersize=7, label="paper's model, -10 ms")
    middle.plot([-10], [80], "+", color=colours()[1], markersize=8, label="its replication, -10 ms")
    middle.axhline(100, color=MUTED, linewidth=0.6)
    middle.axvline(0, color=MUTED, linewidth=0.6)
    middle.set(xlabel="t_post - t_pre (ms)", ylabel="weight (%)")
    middle.set_title("window: 60 pairs at 20 Hz", fontsize=9, loc="left")
    middle.legend(frameon=False, fontsize=8)
    voltage, curves = clamps
    for (name, values), colour in zip(curves.items(), colours(), strict=False):
        right.plot(voltage, 100 * (1 + values), color=colour, label=name)
    right.axhline(100, color=MUTED, linewidth=0.6)
    right.set(xlabel="clamped potential (mV)", ylabel="weight (%)", ylim=(40, 260))
    right.set_title("voltage clamp: 50 presynaptic spikes at 25 Hz", fontsize=9, loc="left")
    right.legend(frameon=False, fontsize=8)
    return save(figure, path)


if __name__ == "__main__":
    guarded(main)
