"""How fast is a large population of each neuron, compared with what the memory allows?

Command: python benchmarks/neuron_population.py [--neurons 1000000] [--ticks 1000]

One million neurons, a thousand ticks of a constant input, one compiled `lax.scan`. The bound is a scan that reads and
writes arrays of the same number and size as the neuron's state and does nothing else with them (an add, so that it is
not removed). Both take turns; the figure is the best of the repeats, and their ratio. The spikes are counted in the
carry, as a network would use them, and never stored for all ticks. The population's scan is unrolled by four ticks,
which lets the compiler fuse them; the copy's is not, so that every tick of it moves all of its bytes.
"""

import argparse
import time

import jax
import jax.numpy as jnp
from rich.console import Console
from rich.table import Table

from erbp_jax.neurons import LIF, DualCompartmentLIF, LeakyIF, MihalasNiebur, SecondOrderLIF

MODELS = {
    "leaky": (LeakyIF(100.0), 0.011),
    "lif": (LIF(100.0, 40.0), 0.03),
    "second_order_lif": (SecondOrderLIF(100.0, 50.0, 20.0), 0.06),
    "dual_compartment_lif": (DualCompartmentLIF(100.0, 100.0, 50.0), 0.03),
    "mihalas_niebur": (MihalasNiebur(a=0.005), 1.5),
}


def programs(neuron, value, n, ticks):
    """`(run, copy, arrays)`: the population, and a copy of as many arrays; both return something small."""
    state = neuron.init_state((n,))
    arrays = len(jax.tree.leaves(state)) + 1  # and the spike counts
    current = jnp.full((n,), value, jnp.float32)

    def step(carry, _):
        state, count = carry
        state, spikes = neuron.step(state, current)
        return (state, count + spikes), None

    def touch(carry, _):
        return jax.tree.map(lambda x: x + 1.0, carry), None

    @jax.jit
    def run(state):
        return jax.lax.scan(step, (state, jnp.zeros((n,))), None, length=ticks, unroll=4)[0][1].sum()

    @jax.jit
    def copy(carry):
        return sum(x.sum() for x in jax.lax.scan(touch, carry, None, length=ticks)[0])

    return (run, state), (copy, tuple(jnp.zeros((n,)) for _ in range(arrays))), arrays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", type=int, default=1_000_000)
    parser.add_argument("--ticks", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    n, ticks = arguments.neurons, arguments.ticks
    table = Table("model", "arrays", "neuron updates/s", "copy bound", "time / copy time", "GB/s of state")
    for name, (neuron, value) in MODELS.items():
        ours, bound, arrays = programs(neuron, value, n, ticks)
        best = []
        for call, argument in (ours, bound):
            jax.block_until_ready(call(argument))
        for _ in range(arguments.repeats):
            times = []
            for call, argument in (ours, bound):
                began = time.perf_counter()
                jax.block_until_ready(call(argument))
                times.append(time.perf_counter() - began)
            best.append(times)
        mine, copied = (min(t[i] for t in best) for i in (0, 1))
        table.add_row(
            name, str(arrays), f"{n * ticks / mine:,.3g}", f"{n * ticks / copied:,.3g}", f"{mine / copied:.2f}",
            f"{2 * 4 * arrays * n * ticks / mine / 1e9:.1f}",
        )  # fmt: skip
    Console(width=120).print(f"{n:,} neurons, {ticks:,} ticks, {jax.devices()[0].device_kind}", table)


if __name__ == "__main__":
    main()
