"""What does each three-factor rule cost per tick, against plain simulation of the same network?

Command: erbp-jax bench rule_cost [--inputs 200] [--outputs 100] [--batch 16] [--block 10]

One layer of integrate-and-fire neurons, inputs at 20 Hz in ticks of 1 ms; the same spikes for all. Plain simulation is
`Network.advance` alone; a rule is `advance`, `step` and the weights' change. All take turns; the figures are the best
of the repeats, and their ratio to plain simulation.
"""

import argparse

import jax
import jax.numpy as jnp
from harness import take_turns
from rich.console import Console
from rich.table import Table

from erbp_jax.chain import sequential
from erbp_jax.connections import Dense
from erbp_jax.encoding import LabelNeurons
from erbp_jax.kernels import Exponential
from erbp_jax.learning import ERBP, Boxcar
from erbp_jax.learning.base import Given, Rule
from erbp_jax.learning.three_factor import (
    Clopath,
    ForwardTableSTDP,
    MembraneGate,
    ThreeFactor,
    membrane_gated,
    mstdp,
    mstdpet,
    pair_stdp,
    symmetric_stdp,
    urbanczik_senn,
)
from erbp_jax.neurons import LeakyIF

TICKS = 200


def rules(outputs: int) -> dict[str, Rule]:
    kernel = Exponential()
    return {
        "STDP, all pairs, window 64": ThreeFactor((pair_stdp(kernel),)),
        "STDP, nearest": ThreeFactor((pair_stdp(kernel, "nearest"),)),
        "STDP, forward table": ForwardTableSTDP(kernel),
        "symmetric STDP (eCD)": ThreeFactor((symmetric_stdp(),)),
        "MSTDP": mstdp(),
        "MSTDPET": mstdpet(),
        "membrane-gated": ThreeFactor((membrane_gated(MembraneGate(0.5, alpha=0.1)),)),
        "Urbanczik-Senn": ThreeFactor((urbanczik_senn(),), tau_eligibility=100.0),
        "Clopath": ThreeFactor((Clopath().terms,)),
        "eRBP": ERBP(LabelNeurons(outputs), Boxcar(), ()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("inputs", 200), ("outputs", 100), ("batch", 16), ("block", 10), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=int, default=value)
    a = parser.parse_args()
    network = sequential(Dense(a.inputs, a.outputs), LeakyIF(20.0))
    key = jax.random.key(0, impl="threefry2x32")
    params = network.init(key)
    blocks = (TICKS // a.block, a.block, a.batch)
    spikes = jax.random.bernoulli(key, 0.02, (*blocks, a.inputs)).astype(jnp.float32)
    keys, target = jax.random.split(key, blocks), jnp.zeros(a.batch, jnp.int32)
    ticks = jnp.arange(TICKS, dtype=jnp.int32).reshape(blocks[:2])

    def program(rule):
        own = None if rule is None else rule.init(network, key)

        def block(carry, inputs):
            trained, state = carry
            spikes, key, tick = inputs
            weights = params._replace(trained=trained)
            if rule is None:
                state, trace = network.advance(weights, state, spikes, key=key)
                return (trained, state), network.output_spikes(trace).sum()
            made = rule.block(network, weights, own, state, Given(spikes, target, tick, key))
            trained = jax.tree.map(lambda w, u: w - 1e-6 * u, trained, made.update)
            return (trained, made.state), network.output_spikes(made.trace).sum()

        start = network.init_state(a.batch) if rule is None else rule.init_state(network, a.batch)
        return jax.jit(lambda: jax.lax.scan(block, (params.trained, start), (spikes, keys, ticks))[0])

    programs = {"plain simulation": program(None), **{n: program(r) for n, r in rules(a.outputs).items()}}
    times = take_turns(programs, a.repeats)
    plain = times["plain simulation"].fastest
    table = Table("rule", "us per tick", "/ plain simulation")
    for name, time in times.items():
        table.add_row(name, f"{1e6 * time.fastest / TICKS:.1f}", f"{time.fastest / plain:.2f}")
    title = f"{a.inputs}-{a.outputs}, batch {a.batch}, blocks of {a.block}, {jax.devices()[0].device_kind}"
    Console(width=100).print(title, table)


if __name__ == "__main__":
    main()
