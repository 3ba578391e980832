"""How fast is the fixed-point machine on its eRBP benchmark, beside the reference C simulator?

Command: erbp-jax bench nsat_speed [--replicas 64] [--devices 2] [--ticks 1500]

784-100-10 of `erbp_jax.nsat.erbp`, the reference's parameters, MNIST digits as random spikes (about 2.3 events per tick
and replica). Three questions: replicas as chips with separate weights, learning (spread over the devices); replicas
that share weights and add up their changes, learning (one device); testing without learning (spread). A forward SynOp
is a pair of a spike and a synapse from input or hidden neurons, transmitted or not; a plastic update is one that passes
gate and burn-in, counted here as every forward SynOp outside the burn-in. Medians of the repeats; compilation apart.

The reference (one thread of an AMD EPYC, median of three): learning 89.9 samples/s, 32.8 M forward SynOps/s, 21.2 M
plastic updates/s; testing 51.6 M forward SynOps/s.
"""

import argparse
import time

import numpy as np
from rich.console import Console
from rich.table import Table

REFERENCE = {"learning": 32.77e6, "testing": 51.64e6}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicas", type=int, default=64)
    parser.add_argument("--devices", type=int, default=2, help="virtual CPU devices; on a GPU its own are used")
    parser.add_argument("--ticks", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()

    import jax

    jax.config.update("jax_num_cpu_devices", arguments.devices)  # without effect where there is a GPU

    cases = [
        ("own weights, learning", "learning", True, False, len(jax.devices())),
        ("shared weights, learning", "learning", True, True, 1),
        ("testing", "testing", False, True, len(jax.devices())),
    ]
    programs = [(name, kind, *case(learning, shared, arguments.replicas, devices, arguments.ticks))
                for name, kind, learning, shared, devices in cases]  # fmt: skip
    times: list[list[float]] = [[] for _ in programs]
    compiled = []
    for _, _, call, _ in programs:
        began = time.perf_counter()
        call()
        compiled.append(time.perf_counter() - began)
    for _ in range(arguments.repeats):
        for i, (_, _, call, _) in enumerate(programs):
            began = time.perf_counter()
            call()
            times[i].append(time.perf_counter() - began)
    table = Table("case", "ticks/s", "replica ticks/s", "samples/s of 1,500 ticks", "fwd SynOps/s", "/ reference",
                  "plastic updates/s", "first call (s)")  # fmt: skip
    for (name, kind, _, work), taken, first in zip(programs, times, compiled, strict=True):
        seconds = float(np.median(taken))
        synops = work() / seconds
        table.add_row(
            name, f"{arguments.ticks / seconds:,.0f}", f"{arguments.replicas * arguments.ticks / seconds:,.0f}",
            f"{arguments.replicas * arguments.ticks / 1500 / seconds:,.0f}", f"{synops / 1e6:,.1f} M",
            f"{synops / REFERENCE[kind]:.1f}",
            f"{0.75 * synops / 1e6:,.1f} M" if kind == "learning" else "-", f"{first:.0f}",
        )  # fmt: skip
    devices_ = f"{len(jax.devices())} x {jax.devices()[0].device_kind}"
    title = f"{arguments.replicas} replicas, {devices_}, median of {arguments.repeats}"
    Console(width=130).print(title, table)


def case(learning: bool, shared: bool, replicas: int, devices: int, ticks: int):
    """`(call, work)`: a call that runs all replicas for `ticks` ticks, and the SynOps of its last run."""
    import jax
    import jax.numpy as jnp
    from jax.sharding import AxisType, PartitionSpec

    from erbp_jax import data
    from erbp_jax.nsat.arriving import Events
    from erbp_jax.nsat.erbp import Recipe, erbp_program, image_events
    from erbp_jax.nsat.machine import Machine
    from erbp_jax.nsat.run import count_spikes, padded

    recipe = Recipe()
    program = erbp_program(recipe, learning=learning)
    machine, arrays, _ = Machine.of(program, duplicates=False)
    digits = data.load("mnist")
    each = replicas // devices
    lists, states, events = [], [], 0
    for d in range(devices):
        part = slice(d * each, (d + 1) * each)
        labels = digits.train.y[part] if learning else None
        tick, replica, axon = image_events(
            digits.train.x[part], labels, np.random.default_rng(d), recipe=recipe, ticks=ticks
        )
        events += int((axon < 784).sum())
        lists.append((tick, replica, axon))
        keys = jax.random.split(jax.random.key(d, impl="threefry2x32"), each)
        states.append(machine.init(program, arrays, replicas=each, shared=shared, draws=keys))
    capacity = max(int(np.bincount(tick).max()) for tick, *_ in lists)
    padded_lists = [padded(*x, replicas=each, ticks=ticks, capacity=capacity) for x in lists]
    mesh = jax.make_mesh((devices,), ("replicas",), axis_types=(AxisType.Auto,))
    along = PartitionSpec("replicas")

    def stack(trees):
        return jax.tree.map(lambda *x: jnp.stack(x), *trees)

    run = jax.jit(
        jax.shard_map(
            lambda arrays, state, events, first: jax.tree.map(
                lambda x: x[None],
                count_spikes(machine, arrays, *jax.tree.map(lambda x: x[0], (state, events)), first=first),
            ),
            mesh=mesh,
            in_specs=(PartitionSpec(), along, along, PartitionSpec()),
            out_specs=along,
            check_vma=False,
        ),
        donate_argnums=1,
    )
    held = {"state": stack(states), "tick": jnp.int32(ticks), "counts": None}
    all_events = Events(*stack(padded_lists))

    def call():
        held["state"], counts = run(arrays, held["state"], all_events, held["tick"])
        held["tick"], held["counts"] = held["tick"] + ticks, jax.block_until_ready(counts)

    def work():
        return events * 100 + int(np.asarray(held["counts"])[..., :100].sum()) * 10

    return call, work


if __name__ == "__main__":
    main()
