"""When are events faster than a matrix product, and what does exact blank-out cost?

Command: erbp-jax bench events [--rows 500]    (a minute on one CPU core)

Currents and weight updates of a layer, for rows of spikes (ticks times samples): a product, a walk through the spikes
(`Reliable(by_events=True)`), and exact blank-out (`BlankOut(7/8)`), for several sizes and shares of active inputs.
Times in ms, the fastest of the repeats (the machine is shared), the cases taking turns.
"""

import argparse
from functools import partial

import numpy as np
from harness import take_turns
from rich.console import Console
from rich.table import Table

SIZES = [(784, 100), (784, 200), (784, 500), (500, 500)]
SHARES = [0.01, 0.025, 0.05, 0.1, 0.2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()

    import jax
    import jax.numpy as jnp

    from erbp_jax.connections import BlankOut, Reliable

    keys = jax.random.split(jax.random.key(0, impl="threefry2x32"), arguments.rows)
    ways = {"product": Reliable(), "events": Reliable(by_events=True), "blank-out": BlankOut(0.875, by_events=True)}
    calls = {
        name: (jax.jit(way.current), jax.jit(lambda s, q, way=way: way.outer(s, q, None))) for name, way in ways.items()
    }
    rng = np.random.default_rng(0)
    table = Table("layer", "active", *[f"{what}, {name}" for what in ("current", "update") for name in ways])
    for inputs, outputs in SIZES:
        weight = jnp.asarray(rng.normal(size=(inputs, outputs)), jnp.float32)
        post = jnp.asarray(rng.normal(size=(arguments.rows, outputs)), jnp.float32)
        for share in SHARES:
            spikes = jnp.asarray(rng.random((arguments.rows, inputs)) < share, jnp.float32)
            work = {
                (what, name): partial(f, weight, spikes, keys) if what == "current" else partial(f, spikes, post)
                for name, pair in calls.items()
                for what, f in zip(("current", "update"), pair, strict=True)
            }
            times = take_turns(work, arguments.repeats)
            cells = [f"{1e3 * times[what, name].fastest:.2f}" for what in ("current", "update") for name in ways]
            table.add_row(f"{inputs}-{outputs}", f"{100 * share:g} %", *cells)
    Console(width=140).print(f"{arguments.rows} rows, ms, on {jax.devices()[0].device_kind}", table)


if __name__ == "__main__":
    main()
