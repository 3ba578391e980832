"""Neural sampling: how sigmoid the neurons are, and how close a spiking machine comes to its Boltzmann distribution.

Left: the noisy integrate-and-fire neuron (steps of 0.05 ms) against the published sigmoid and its own, and the
stochastic neuron of the fast machine. Middle: five visible and five hidden neurons, weights N(-0.75, 1.5), biases
N(-1.5, 0.5): Kullback-Leibler divergence from the sampled to the exact distribution of all 1024 states over time.
Right: the probabilities of one machine's states.

Command:   python experiments/ecd_sampling.py [--out runs/ecd_sampling] [--seeds 8]
Hardware:  any CPU.
Wall time: 1 min on one free core.
Expected:  largest distance of nu tau_r: stochastic neuron to its sigmoid 0.001; integrate-and-fire neuron 0.048 to
           the sigmoid fitted to it, 0.081 to the published one. The divergence falls with time: with rectangular
           synapses and short ticks nearly as 1 / time, 80-fold to 0.013 (independent neurons of the same means:
           0.42); with tau_r of four ticks down to a floor of 0.06 (rectangles) and 0.08 (exponentials).
"""

import itertools
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from boltzmann import NoisyIF, SamplingMachine, SamplingNeuron
from common import seeds_and_folder
from erbp_jax.__main__ import guarded
from erbp_jax.files import write_json
from erbp_jax.random import fold_each, new_key, normal, split
from erbp_jax.training.progress import busy
from erbp_jax.viz.figure import MUTED, colours, save, styled, subplots

UNITS = 5
MARKS = tuple(int(t) for t in np.unique(np.round(np.logspace(2.5, 5.3, 12), -2)))
"""Ticks at which the divergence is measured; up to 200 s."""
MACHINES = {
    "exponential synapses, tau_r 4": SamplingMachine(UNITS, UNITS),
    "rectangular synapses, tau_r 4": SamplingMachine(UNITS, UNITS, synapse="rectangular"),
    "rectangular synapses, tau_r 20": SamplingMachine(UNITS, UNITS, SamplingNeuron(20), synapse="rectangular"),
}
TRANSFER_SECONDS, COPIES = 4, 200


def main() -> None:
    seeds, out = seeds_and_folder(__doc__, "ecd_sampling", seeds=8)
    with busy("transfer functions"):
        x, integrate_fire, stochastic = transfer()
    divergence, frequencies = {}, {}
    exact = boltzmann(draw(seeds))
    for name, machine in MACHINES.items():
        with busy(f"sampling, {name}"):
            frequencies[name] = sampling(machine, seeds)
        divergence[name] = kullback_leibler(frequencies[name], exact[:, None])
    product = factorial(exact)
    baseline = kullback_leibler(product, exact)
    slope, offset = fit(x, integrate_fire)
    distance = {
        "integrate_and_fire_published_fit": float(np.abs(integrate_fire - logistic(x)).max()),
        "integrate_and_fire_own_fit": float(np.abs(integrate_fire - logistic(slope * x + offset)).max()),
        "stochastic": float(np.abs(stochastic - logistic(x)).max()),
    }
    summary: dict[str, Any] = {
        "seeds": seeds,
        "largest_distance_to_sigmoid": {k: round(v, 4) for k, v in distance.items()},
        "own_fit_of_beta_over_published": round(slope, 3),
        "own_fit_shift": round(offset, 3),
        "ticks": MARKS,
        "divergence_factorial_mean": round(float(baseline.mean()), 4),
    }
    for name, d in divergence.items():
        summary[name] = {
            "divergence_mean": d.mean(0).round(5).tolist(),
            "last_over_factorial": round(float(d[:, -1].mean() / baseline.mean()), 4),
            "first_over_last": round(float(d[:, 0].mean() / d[:, -1].mean()), 1),
        }
    write_json(out / "summary.json", summary)
    print(summary)
    curves = (x, integrate_fire, stochastic, logistic(slope * x + offset))
    print(
        picture(
            curves,
            divergence,
            baseline,
            exact[0],
            {name: f[0, -1] for name, f in frequencies.items()},
            out / "ecd_sampling.png",
        )
    )


def logistic(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def fit(x: np.ndarray, duty: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the sigmoid nearest to `duty` in least squares (Gauss-Newton)."""
    theta = np.array([1.0, 0.0])
    for _ in range(100):
        y = logistic(theta[0] * x + theta[1])
        jacobian = (y * (1 - y))[:, None] * np.stack([x, np.ones_like(x)], 1)
        theta = theta + np.linalg.lstsq(jacobian, duty - y, rcond=None)[0]
    return float(theta[0]), float(theta[1])


def transfer() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Duty cycles nu tau_r over the logit x of the published sigmoid, of both neurons; 200 copies of each input."""
    neuron = NoisyIF()
    x = np.linspace(-6.0, 6.0, 25)
    current = (x - np.log(neuron.gamma * neuron.tau_r)) / neuron.beta
    shape = (len(x), COPIES)
    inputs = jnp.broadcast_to(jnp.asarray(current, jnp.float32)[:, None], shape)

    @jax.jit
    def integrate_fire(key):
        def step(carry, key):
            state, count = carry
            state, spikes = neuron.step(state, inputs, normal(key, shape))
            return (state, count + spikes), None

        steps = round(TRANSFER_SECONDS / 4 / neuron.dt)
        (_, count), _ = jax.lax.scan(step, (neuron.init_state(shape), jnp.zeros(shape)), split(key, steps))
        return count.mean(1) / (steps * neuron.dt) * neuron.tau_r

    @jax.jit
    def stochastic(key):
        fast = SamplingNeuron()
        u = jnp.broadcast_to(jnp.asarray(x, jnp.float32)[:, None], shape)

        def step(carry, t):
            held, count = carry
            held, spikes = fast.step(held, u, fold_each(key, t * jnp.ones(len(x), jnp.uint32)))
            return (held, count + spikes), None

        ticks = 1000 * TRANSFER_SECONDS
        start = (jnp.zeros(shape, jnp.int32), jnp.zeros(shape))
        (_, count), _ = jax.lax.scan(step, start, jnp.arange(ticks, dtype=jnp.uint32))
        return count.mean(1) / ticks * fast.refractory

    key = new_key(0)
    return x, np.asarray(integrate_fire(key)), np.asarray(stochastic(split(key, len(x))))


def states() -> np.ndarray:
    """All states `[1024, 10]`, 0 and 1, the first neuron the highest bit."""
    return np.array(list(itertools.product((0, 1), repeat=2 * UNITS)), float)


def draw(seeds: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "weight": rng.normal(-0.75, 1.5, (seeds, UNITS, UNITS)),
        "visible": rng.normal(-1.5, 0.5, (seeds, UNITS)),
        "hidden": rng.normal(-1.5, 0.5, (seeds, UNITS)),
    }


def boltzmann(params: dict[str, np.ndarray]) -> np.ndarray:
    """`p(z) ~ exp(v W h + b v + c h)` of every seed, `[R, 1024]`."""
    v, h = np.split(states(), 2, axis=1)
    energy = np.einsum("sv,rvh,sh->rs", v, params["weight"], h) + params["visible"] @ v.T + params["hidden"] @ h.T
    p = np.exp(energy - energy.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


def sampling(machine: SamplingMachine, seeds: int) -> np.ndarray:
    """Sampled frequencies of the states after each mark, `[R, marks, 1024]`."""
    params = draw(seeds)
    place = jnp.asarray(2 ** np.arange(2 * UNITS)[::-1], jnp.int32)

    def tick(params, key, carry, t):
        state, counts = carry
        nan = jnp.full((1, UNITS), jnp.nan)
        state = machine.step(params, state, nan, key=fold_each(key, t.astype(jnp.uint32))[None])
        active = jnp.concatenate([state.visible_held, state.hidden_held], 1)[0] > 0
        index = (active.astype(jnp.int32) * place).sum()
        return (state, counts.at[index].add(1)), None

    @partial(jax.jit, static_argnums=3)
    def run(params, keys, carry, ticks, first):
        def one(params, key, carry):
            return jax.lax.scan(partial(tick, params, key), carry, first + jnp.arange(ticks))[0]

        return jax.vmap(one)(params, keys, carry)

    keys = split(new_key(1), seeds)
    start = jax.tree.map(
        lambda x: jnp.stack([x] * seeds), (machine.init_state(1), jnp.zeros(2 ** (2 * UNITS), jnp.int32))
    )
    values = {k: jnp.asarray(v, jnp.float32) for k, v in params.items()}
    carry, done, frequencies = start, 0, []
    for mark in MARKS:
        carry = run(values, keys, carry, mark - done, done)
        done = mark
        frequencies.append(np.asarray(carry[1], float) / mark)
    return np.stack(frequencies, 1)


def factorial(p: np.ndarray) -> np.ndarray:
    """The distribution of independent neurons with the same means."""
    means = p @ states()
    z = states()[None]
    return np.prod(np.where(z > 0, means[:, None], 1 - means[:, None]), -1)


def kullback_leibler(sampled: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """`sum P_sampled ln(P_sampled / P_exact)` over the last axis; states never seen add nothing."""
    ratio = np.where(sampled > 0, sampled, 1.0) / np.where(sampled > 0, exact, 1.0)
    return (sampled * np.log(ratio)).sum(-1)


@styled
def picture(
    curves: Any,
    divergence: dict[str, np.ndarray],
    baseline: np.ndarray,
    exact: np.ndarray,
    sampled: dict[str, np.ndarray],
    path: Path,
) -> Path:
    figure, (left, middle, right) = subplots(1, 3, figsize=(12, 4.2))
    x, integrate_fire, stochastic, own = curves
    left.plot(x, logistic(x), color=MUTED, linewidth=2.5, label="published sigmoid")
    left.plot(x, own, color=colours()[0], linewidth=0.9, label="sigmoid fitted to the neuron")
    left.plot(x, integrate_fire, "o", color=colours()[0], markersize=4, label="noisy integrate-and-fire, 0.05 ms")
    left.plot(x, stochastic, "x", color=colours()[1], markersize=5, label="stochastic neuron, 1 ms")
    left.set(xlabel="beta I + ln(gamma tau_r)", ylabel="nu tau_r")
    left.set_title("transfer functions", fontsize=9, loc="left")
    left.legend(frameon=False, fontsize=7.5, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)
    ticks = np.array(MARKS)
    for (name, d), colour in zip(divergence.items(), colours()[1:], strict=False):
        middle.loglog(ticks, d.mean(0), color=colour, linewidth=1.6, marker=".", label=name)
    last = list(divergence.values())[-1].mean(0)
    middle.loglog(ticks, last[0] * ticks[0] / ticks, color=MUTED, linestyle=":", label="1 / time")
    middle.axhline(baseline.mean(), color=colours()[0], linewidth=1, linestyle="--", label="independent neurons")
    middle.set(xlabel="ticks of sampling", ylabel="KL divergence (nats)")
    middle.set_title(
        f"5 + 5 neurons: sampled to exact, mean of {len(next(iter(divergence.values())))} machines",
        fontsize=9,
        loc="left",
    )
    middle.legend(frameon=False, fontsize=7.5)
    for (_, f), colour in list(zip(sampled.items(), colours()[1:], strict=False))[::2]:
        right.loglog(exact[f > 0], f[f > 0], ".", color=colour, markersize=3)
    seen = exact > 1e-9
    line = np.array([exact[seen].min(), exact.max()])
    right.loglog(line, line, color=colours()[0], linewidth=0.9)
    right.set(xlabel="exact probability of a state", ylabel="frequency in the samples")
    right.set_title("machine 0, at the end", fontsize=9, loc="left")
    return save(figure, path)


if __name__ == "__main__":
    guarded(main)
