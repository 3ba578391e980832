"""Urbanczik-Senn: a dendrite learns to predict the soma that a teacher drives.

200 inputs repeat a frozen Poisson pattern of 1 s at 10 Hz; a teacher nudges the soma along a slow curve. The dendrite
sees spikes only, and learns from what the soma did minus what it expected. After 800 repetitions the teacher is
switched off.

Command:   python experiments/urbanczik_senn.py [--out runs/urbanczik_senn] [--seeds 20]
Hardware:  any CPU.
Wall time: 1 min on one core.
Expected:  the prediction error, the mean of |phi(V*) - phi(U)| over a repetition, falls at least five-fold in every
           seed (7.6 in the mean, 6.0 at least), and the soma still follows the curve when the teacher is gone.
"""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from common import seeds_and_folder
from erbp_jax.__main__ import guarded
from erbp_jax.files import write_json
from erbp_jax.learning.three_factor import Signals, start_terms, write
from erbp_jax.learning.three_factor.urbanczik_senn import urbanczik_senn
from erbp_jax.random import bernoulli, between, new_key, split
from erbp_jax.training.progress import busy
from erbp_jax.viz.figure import INK, MUTED, colours, save, styled, subplots
from teacher_neuron import TeacherNeuron, low_pass

INPUTS, PERIOD, REPETITIONS, FREE = 200, 1000, 800, 3
ETA, TAU, TEACHER = 0.0003, 100.0, 2.0
NEURON = TeacherNeuron()


def main() -> None:
    seeds, out = seeds_and_folder(__doc__, "urbanczik_senn")
    keys = split(new_key(0), seeds)
    with busy("learning"):
        error, soma, predicted, distance = (np.asarray(x) for x in jax.jit(jax.vmap(learn))(keys))
    first, last = error[:, 0], error[:, REPETITIONS - 10 : REPETITIONS].mean(1)
    summary = {
        "seeds": seeds, "repetitions": REPETITIONS, "eta": ETA,
        "prediction_error_first_hz": round(1000 * float(first.mean()), 3),
        "prediction_error_last_ten_hz": round(1000 * float(last.mean()), 3),
        "falls_by_mean": round(float((first / last).mean()), 2),
        "falls_by_least": round(float((first / last).min()), 2),
        "distance_to_curve_first": round(float(distance[:, 0].mean()), 4),
        "distance_to_curve_without_teacher": round(float(distance[:, -1].mean()), 4),
        "correlation_with_curve_without_teacher": round(
            float(np.mean([np.corrcoef(u, np.asarray(curve()))[0, 1] for u in soma[:, -1]])), 4
        ),
    }  # fmt: skip
    write_json(out / "summary.json", summary)
    print(summary)
    print(picture(error, soma[0], predicted[0], out / "urbanczik_senn.png"))


def curve() -> jax.Array:
    """What the teacher asks for, `[T]`, in units of the membrane."""
    t = jnp.arange(PERIOD, dtype=jnp.float32) / PERIOD
    return 0.65 + 0.35 * jnp.sin(2 * jnp.pi * t) + 0.2 * jnp.sin(6 * jnp.pi * t)


def learn(key: jax.Array) -> tuple[jax.Array, ...]:
    """One seed: per repetition the prediction error, and U and V* of the first, the last and the free repetitions."""
    pattern_key, weight_key, key = split(key, 3)
    pattern = bernoulli(pattern_key, 0.01, (PERIOD, INPUTS)).astype(jnp.float32)
    weight = 0.1 * between(weight_key, (INPUTS, 1))
    terms = urbanczik_senn(NEURON.rate, NEURON.psp)

    def tick(carry, inputs, eta):
        weight, trace, neuron, factors = carry
        spikes, key, g_e, g_i = inputs
        neuron, seen = NEURON.step(neuron, spikes @ weight, g_e[None], g_i[None], key=key)
        factors, change = write(terms, factors, Signals(spikes), seen)
        trace = low_pass(trace, change, TAU)
        weight = jnp.clip(weight + eta * trace, -10.0, 10.0)
        assert seen.membrane is not None
        assert seen.current is not None
        return (weight, trace, neuron, factors), (seen.membrane[0], seen.current[0])

    def repetition(carry, number, strength, eta):
        g_e, g_i = NEURON.matching(curve(), strength)
        keys = split(jax.random.fold_in(key, number), PERIOD)
        carry, (u, v) = jax.lax.scan(partial(tick, eta=eta), carry, (pattern, keys, g_e, g_i))
        error = jnp.abs(NEURON.rate(v) - NEURON.rate(u)).mean()
        return carry, (error, u, v, jnp.abs(u - curve()).mean())

    state = (weight, jnp.zeros_like(weight), NEURON.init_state((1,)), start_terms(terms, INPUTS, 1))
    taught = partial(repetition, strength=TEACHER, eta=ETA)
    state, (error, u, v, distance) = jax.lax.scan(taught, state, jnp.arange(REPETITIONS))
    free = partial(repetition, strength=0.0, eta=0.0)
    _, (error_free, u_free, v_free, distance_free) = jax.lax.scan(free, state, REPETITIONS + jnp.arange(FREE))
    ends = jnp.array([0, REPETITIONS - 1])
    return (
        jnp.concatenate([error, error_free]),
        jnp.concatenate([u[ends], u_free[-1:]]),
        jnp.concatenate([v[ends], v_free[-1:]]),
        jnp.concatenate([distance, distance_free]),
    )


@styled
def picture(error: np.ndarray, soma: np.ndarray, predicted: np.ndarray, path: Path) -> Path:
    figure, axes = subplots(1, 4, figsize=(13, 3.2), width_ratios=[1.2, 1, 1, 1])
    left, *right = axes
    x = np.arange(1, REPETITIONS + 1)
    left.semilogy(x, 1000 * error[:, :REPETITIONS].T, color=MUTED, linewidth=0.5, alpha=0.6)
    left.semilogy(x, 1000 * error[:, :REPETITIONS].mean(0), color=INK, linewidth=1.6)
    left.set(xlabel="repetition (1 s each)", ylabel="|phi(V*) - phi(U)| (Hz)")
    left.set_title(f"prediction error, {len(error)} seeds and mean", fontsize=9, loc="left")
    titles = ("first repetition", f"repetition {REPETITIONS}", "after it, without teacher")
    for axis, title, u, v in zip(right, titles, soma, predicted, strict=True):
        axis.plot(np.asarray(curve()), color=MUTED, linestyle="--", label="the teacher's curve")
        axis.plot(u, color=colours()[1], linewidth=1.2, label="soma U")
        axis.plot(v, color=colours()[0], linewidth=1.0, label="dendritic prediction V*")
        axis.set(xlabel="ms", ylim=(-0.4, 1.6))
        axis.set_title(f"seed 0: {title}", fontsize=9, loc="left")
    right[0].legend(frameon=False, fontsize=7.5)
    right[0].set_ylabel("potential (rest 0)")
    return save(figure, path)


if __name__ == "__main__":
    guarded(main)
