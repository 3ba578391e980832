"""A contextual bandit learned from reward alone, by MSTDPET: the environment answers between two calls of `learn`.

    python experiments/bandit.py --out runs/bandit

One of four contexts is shown, 20 input neurons of its own firing at random; the most active of four output neurons,
which inhibit one another, is the arm that is pulled (a tie is broken by lot). In each context one arm pays 1 with a
chance of 0.9, the others with 0.1; a synapse changes by its eligibility times the reward minus what this context paid
on average so far. What is kept between 0 and 3 is a weight. Reported is the expected reward of the arms that were
pulled in the last 500 trials, as a share of that of always pulling the best arm.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import erbp_jax as ej
from erbp_jax.files import write_json
from erbp_jax.random import bernoulli, fold_each, integers, new_key, split, uniform
from erbp_jax.settings import settled

CONTEXTS, ARMS, EACH = 4, 4, 20
TICKS, RATE = 50, 0.1
GOOD, BAD = 0.9, 0.1
NOISE, INHIBITION, RATE_OF_LEARNING = 0.3, 5.0, 0.3


class Trials(NamedTuple):
    """What goes on from trial to trial."""

    stream: Any
    baseline: jax.Array  # [contexts] mean reward so far


def learning() -> ej.Learning:
    """Inputs onto one population, whose neurons are the arms."""
    neuron = ej.LIF(tau_mem=5.0, tau_syn=2.0, refractory=2, noise=ej.GaussianNoise(NOISE))
    network = ej.Network(
        {"arms": neuron},
        (
            ej.Projection("input", "arms", ej.Dense(CONTEXTS * EACH, ARMS)),
            ej.Projection("arms", "arms", ej.Dense(ARMS, ARMS), delay=1, plastic=False),
        ),
    )
    rule = ej.mstdpet(ej.GivenReward(), tau_eligibility=50.0, acausal=0.0)
    return ej.Learning(network, rule, optax.chain(optax.sgd(RATE_OF_LEARNING), ej.keep_within(0.0, 3.0)))


@settled
def begin(how: ej.Learning, seed: jax.Array) -> Trials:
    key = new_key(seed)
    params = how.network.init(key)
    trained = jax.tree.map(lambda w: jnp.full_like(w, 0.6), params.trained)
    fixed = jax.tree.map(lambda w: -INHIBITION * (1 - jnp.eye(ARMS, dtype=w.dtype)), params.fixed)
    stream = ej.start(how, ej.Params(trained, fixed), how.rule.init(how.network, key))
    return Trials(stream, jnp.full(CONTEXTS, 0.5, jnp.float32))


@settled
def trial(how: ej.Learning, best: jax.Array, trials: Trials, key: jax.Array) -> tuple[Trials, jax.Array]:
    """One context, one pull; returns the expected reward of the arm."""
    keys = split(key, 6)
    context = integers(keys[0], (), 0, CONTEXTS)
    active = jnp.repeat(jnp.arange(CONTEXTS) == context, EACH)
    spikes = (uniform(keys[1][None], (TICKS, CONTEXTS * EACH))[0] < RATE * active).astype(jnp.float32)[:, None]
    stream, fired = ej.learn(how, trials.stream, spikes, jnp.zeros(1), key=keys[2][None])
    counts = fired.sum((0, 1, 2)) + 0.5 * uniform(keys[3][None], (ARMS,))[0]  # ties by lot
    arm = counts.argmax()
    chance = jnp.where(arm == best[context], GOOD, BAD)
    paid = bernoulli(keys[4], chance).astype(jnp.float32)
    surprise = paid - trials.baseline[context]
    quiet = jnp.zeros((1, 1, CONTEXTS * EACH), jnp.float32)
    stream, _ = ej.learn(how, stream, quiet, surprise[None], key=keys[5][None])
    baseline = trials.baseline.at[context].add(0.05 * surprise)
    rest = how.rule.init_state(how.network, 1)  # the next trial begins at rest
    return Trials(stream._replace(state=rest), baseline), chance


@partial(jax.jit, static_argnums=(0, 1))
def run(how: ej.Learning, trials: int, seed: jax.Array) -> jax.Array:
    """The expected reward of every trial, `[trials]`."""
    key = jax.random.fold_in(new_key(seed), 1)
    best = integers(key, (CONTEXTS,), 0, ARMS)
    keys = fold_each(jnp.broadcast_to(key, (trials,)), jnp.arange(trials, dtype=jnp.uint32) + 2)
    return jax.lax.scan(partial(trial, how, best), begin(how, seed), keys)[1]


def shares(trials: int, seeds: int, last: int = 500) -> np.ndarray:
    """Of each seed, what the last trials are expected to pay as a share of always pulling the best arm."""
    paid = jax.vmap(partial(run, learning(), trials))(jnp.arange(seeds, dtype=jnp.uint32))
    return np.asarray(paid[:, -last:].mean(1) / GOOD)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/bandit"))
    parser.add_argument("--trials", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    found = shares(arguments.trials, arguments.seeds)
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_json(arguments.out / "bandit.json", {"trials": arguments.trials, "share_of_best_per_seed": found.tolist()})
    print("share of the best arm's reward, last 500 trials: " + ", ".join(f"{100 * x:.1f} %" for x in found))


if __name__ == "__main__":
    main()
