"""How fast is a large population of each neuron, compared with what the memory allows?

Command: erbp-jax bench neuron_population [--neurons 1000000] [--ticks 1000]

One million neurons, a thousand ticks of a constant input, in one compiled program, two ways: *tick by tick* (a scan
that steps all neurons, unrolled by four ticks so that the compiler may fuse them) and *tile by tile*
(`run_population`). The bound is a scan that reads and writes arrays of the same number and size as the neuron's state
and does nothing else with them (an add, so that it is not removed), every tick moving all of its bytes. All take
turns; the figures are the best of the repeats, and their ratios. Spikes are counted, as a network would use them, and
never stored for all ticks.
"""

import argparse
from functools import partial

import jax
import jax.numpy as jnp
from harness import take_turns
from rich.console import Console
from rich.table import Table

from erbp_jax.neurons import LIF, DualCompartmentLIF, LeakyIF, MihalasNiebur, SecondOrderLIF, run_population

MODELS = {
    "leaky": (LeakyIF(100.0), 0.011),
    "lif": (LIF(100.0, 40.0), 0.03),
    "second_order_lif": (SecondOrderLIF(100.0, 50.0, 20.0), 0.06),
    "dual_compartment_lif": (DualCompartmentLIF(100.0, 100.0, 50.0), 0.03),
    "mihalas_niebur": (MihalasNiebur(a=0.005), 1.5),
}


def programs(neuron, value, n, ticks):
    """`(tick by tick, tile by tile, copy), arrays`: each a call and its argument; all return something small."""
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
    def whole(state):
        return jax.lax.scan(step, (state, jnp.zeros((n,))), None, length=ticks, unroll=4)[0][1].sum()

    @jax.jit
    def tiled(state):
        return run_population(neuron, current, steps=ticks, state=state)[1].sum()

    @jax.jit
    def copy(carry):
        return sum(x.sum() for x in jax.lax.scan(touch, carry, None, length=ticks)[0])

    return ((whole, state), (tiled, state), (copy, tuple(jnp.zeros((n,)) for _ in range(arrays)))), arrays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", type=int, default=1_000_000)
    parser.add_argument("--ticks", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    n, ticks = arguments.neurons, arguments.ticks
    table = Table("model", "arrays", "tile by tile, updates/s", "/ copy time", "tick by tick", "/ copy time", "copy")
    for name, (neuron, value) in MODELS.items():
        calls, arrays = programs(neuron, value, n, ticks)
        cases = {i: partial(call, argument) for i, (call, argument) in enumerate(calls)}
        whole, tiled, copy = (time.fastest for time in take_turns(cases, arguments.repeats).values())
        rates = [f"{n * ticks / seconds:,.3g}" for seconds in (tiled, whole, copy)]
        table.add_row(name, str(arrays), rates[0], f"{tiled / copy:.2f}", rates[1], f"{whole / copy:.2f}", rates[2])
    Console(width=120).print(f"{n:,} neurons, {ticks:,} ticks, {jax.devices()[0].device_kind}", table)


if __name__ == "__main__":
    main()
