"""Which of two spikes came first: delays of single synapses make it a coincidence.

Two inputs fire once each, four ticks apart, at a random time; the class is which came first. The neurons have no
memory, so that only spikes that arrive in one tick add up. With a delay of 0 to 5 ticks for every synapse some hidden
units see both spikes at once for one class, and not for the other; without delays the two classes look alike to all of
them.

Command:   python experiments/delay_line.py [--seeds 5] [--out runs/delay_line]
Hardware:  any CPU.
Wall time: a minute.
Expected:  with delays below 5 % error, without them 50 %.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import erbp_jax as ej
from common import seeds_and_folder
from erbp_jax.__main__ import guarded
from erbp_jax.files import write_json
from erbp_jax.random import new_key, split
from erbp_jax.training.learn import Learning, learn, start

TICKS, APART, LONGEST, HIDDEN, BATCH, BATCHES = 20, 4, 5, 40, 50, 200


def main() -> None:
    seeds, out = seeds_and_folder(__doc__, "delay_line", seeds=5)
    summary = {}
    for name, delays in (("delays", True), ("no_delays", False)):
        errors = [error_after(delays=delays, seed=seed) for seed in range(seeds)]
        summary[name] = {"test_error_mean": round(float(np.mean(errors)), 2), "test_error_per_seed": errors}
        print(f"{name}: {summary[name]}")
    write_json(out / "summary.json", {"seeds": seeds, **summary})


def network_of(*, delays: bool) -> ej.Network:
    """Neurons without memory: a current is gone after its tick."""
    neuron = ej.LIF(tau_mem=0.0, tau_syn=0.0, refractory=0)
    first = ej.Dense(2, HIDDEN, 4.0)
    return ej.sequential(ej.Delayed(first, (0, LONGEST)) if delays else first, neuron, ej.Dense(HIDDEN, 2, 3.0), neuron)


def trials(rng: np.random.Generator, count: int) -> tuple[jax.Array, jax.Array]:
    """Spikes `[T, B, 2]` and which input came first `[B]`."""
    first, begin = rng.integers(0, 2, count), rng.integers(0, TICKS - APART - LONGEST - 1, count)
    spikes = np.zeros((TICKS, count, 2), np.float32)
    spikes[begin, np.arange(count), first] = 1
    spikes[begin + APART, np.arange(count), 1 - first] = 1
    return jnp.asarray(spikes), jnp.asarray(first, jnp.int32)


def error_after(*, delays: bool, seed: int) -> float:
    """Test error in percent after training by back-propagation; a tie is an error."""
    network, rng, key = network_of(delays=delays), np.random.default_rng(seed), new_key(seed)
    rule = ej.BackProp(ej.Surrogate("fast_sigmoid"), ej.CrossEntropy(100.0))
    learning = Learning(network, rule, optax.adam(1e-2))
    stream = start(learning, network.init(key), rule.init(network, key), BATCH)
    train = jax.jit(lambda stream, spikes, target: learn(learning, stream, spikes, target, key=keys, block=TICKS)[0])
    keys = split(key, BATCH)
    for _ in range(BATCHES):
        stream = train(stream, *trials(rng, BATCH))
    spikes, target = trials(rng, 1000)
    _, trace = network.advance(stream.params, network.init_state(1000), spikes, key=split(key, (TICKS, 1000)))
    counts = network.output_spikes(trace).sum(0)
    right = (
        jnp.take_along_axis(counts, target[:, None], 1)[:, 0]
        > jnp.take_along_axis(counts, 1 - target[:, None], 1)[:, 0]
    )
    return round(100.0 * float(1.0 - right.mean()), 2)


if __name__ == "__main__":
    guarded(main)
