"""When is a list of synapses faster than a matrix, and how much memory does it save?

Command: erbp-jax bench sparse [--units 10000 --fan-in 100]    (minutes on one CPU core)

A layer of units onto as many others, some synapses each, for 5 ticks of 1 and of 16 samples and two shares of active
inputs: currents, local updates, and both gradients, by a matrix, by the list (`Sparse`), by the list and events
(`Reliable(by_events=True)`), and by the list under exact blank-out (`BlankOut(7/8)`). Times in ms, the fastest of the
repeats (the machine is shared), the cases taking turns; MiB are parameters and what the program needs besides.
"""

import argparse
from functools import partial

import numpy as np
from harness import compiled, take_turns
from rich.console import Console
from rich.table import Table

TICKS = 5
BATCHES = [1, 16]
SHARES = [0.02, 0.05]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--fan-in", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()

    import jax
    import jax.numpy as jnp

    from erbp_jax.connections import BlankOut, Dense, Params, Reliable, Sparse

    units, fan_in, key = arguments.units, arguments.fan_in, jax.random.key(0, impl="threefry2x32")
    ways = {
        "matrix": Dense(units, units),
        "list": Sparse(units, units, fan_in),
        "events": Sparse(units, units, fan_in, transmission=Reliable(by_events=True)),
        "blank-out": Sparse(units, units, fan_in, transmission=BlankOut(0.875)),
    }
    params = {name: jax.jit(way.init)(key) for name, way in ways.items()}

    def current(way, params, spikes, post, keys):
        del post
        return way(params, (), spikes, key=keys)[1]

    def update(way, params, spikes, post, keys):
        return way.plasticity(params, way(params, (), spikes, key=keys)[2], post, gated=True)

    def gradient(way, params, spikes, post, keys):
        both = lambda w, s: way(Params(w, params.fixed), (), s, key=keys)[1]  # noqa: E731
        return jax.vjp(both, params.trained, spikes)[1](post)

    rng = np.random.default_rng(0)
    works = (current, update, gradient)
    table = Table("batch", "active", *[f"{work.__name__}, {name}" for work in works for name in ways])
    for batch in BATCHES:
        keys = jax.random.split(key, (TICKS, batch))
        post = jnp.asarray(rng.normal(size=(TICKS, batch, units)), jnp.float32)
        programs, memory = {}, {}
        for work in works:
            for name, way in ways.items():
                program, _, mebibytes = compiled(partial(work, way), params[name], post, post, keys)
                own = sum(x.nbytes for x in jax.tree.leaves(params[name])) / 2**20
                programs[work, name], memory[work, name] = program, f"{own:.0f} + {mebibytes:.0f}"
        for share in SHARES:
            spikes = jnp.asarray(rng.random((TICKS, batch, units)) < share, jnp.float32)
            calls = {case: partial(f, params[case[1]], spikes, post, keys) for case, f in programs.items()}
            times = take_turns(calls, arguments.repeats)
            table.add_row(str(batch), f"{100 * share:g} %", *(f"{1e3 * times[case].fastest:.1f}" for case in calls))
        table.add_row(str(batch), "MiB", *memory.values())
    Console(width=200).print(f"{units} x {fan_in} synapses, ms, on {jax.devices()[0].device_kind}", table)


if __name__ == "__main__":
    main()
