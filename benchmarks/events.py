"""When are events faster than a matrix product, what does exact blank-out cost, how fast are recordings learned?

Command: erbp-jax bench events [--question layers,model,training,epochs] [--rows 500]     (minutes on one CPU core)

layers     Currents and weight updates of a layer, for rows of spikes (ticks times samples): a product, a walk through
           the spikes (`Reliable(by_events=True)`), and exact blank-out (`BlankOut(7/8)`), for several sizes and shares
           of active inputs.
model      A current and an update together, for more sizes and numbers of rows; the cost model of `network.events:
           auto` (`erbp_jax.config.by_events`) fitted to them, and what its choices lose.
training   A batch of training with events and with products, of N-MNIST and of the simulated recordings.
epochs     Samples/s of an epoch of eRBP on the simulated recordings and on 1,000 real ones.

`training` and `epochs` need `nmnist_small`. Times in ms, the fastest of the repeats (the machine is shared), the cases
taking turns, compile time apart.
"""

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from harness import compiled, machine, take_turns
from rich.console import Console
from rich.table import Table

from erbp_jax.config import by_events, load_config
from erbp_jax.config.build import build
from erbp_jax.config.build_data import load_data
from erbp_jax.connections import BlankOut, Reliable
from erbp_jax.data import Dataset
from erbp_jax.training import engine
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.optimizer import make_optimizer

SIZES = [(784, 100), (784, 200), (784, 500), (500, 500)]
SHARES = [0.01, 0.025, 0.05, 0.1, 0.2]
MODEL_SIZES = [(578, 100), (784, 100), (784, 500), (2312, 100), (2312, 512)]
MODEL_ROWS = [20, 100, 500]
MODEL_SHARES = [0.01, 0.03, 0.1]
CONFIGS = Path(__file__).parents[1] / "configs"
NMNIST, MAPS = "nmnist/small_2312_512_10.yaml", "nmnist/small_maps.yaml"
SACCADES = "saccades/512_100_10.yaml"
FEW = ["data.train_size=200", "data.test_size=10"]
BY_TICK = {
    1: ["encoding.steps=300", "encoding.dt=1", "rule.label_period=1"],
    5: [],
    10: ["encoding.steps=30", "encoding.dt=10", "rule.label_period=10"],
}
"""Overrides of the N-MNIST config, by the milliseconds of a tick."""
STRETCHES = [
    *((f"N-MNIST, {dt} ms, 2312-512-10, {rule}", NMNIST, rule, [*BY_TICK[dt], *FEW])
      for dt, rule in ((1, "erbp"), (5, "erbp"), (5, "bp"), (10, "erbp"))),
    *((f"N-MNIST, {dt} ms, 2312-100-10, erbp", NMNIST, "erbp", [*BY_TICK[dt], *FEW, "network.layers=[2312,100,10]"])
      for dt in (1, 5)),
    ("simulated, 5 ms, 512-100-10, erbp", SACCADES, "erbp", []),
]  # fmt: skip
EPOCHS = [
    ("simulated, 512-100-10", SACCADES, "erbp"),
    ("N-MNIST, 2312-512-10", NMNIST, "erbp"),
    ("N-MNIST, 12 maps, two copies of each recording", MAPS, "erbp_learned"),
]
console = Console(width=150)


def layers(arguments: argparse.Namespace) -> None:
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
    console.print(f"{arguments.rows} rows, ms", table)


def model(arguments: argparse.Namespace) -> None:
    ways = {"events": Reliable(by_events=True), "product": Reliable()}
    both = {
        name: jax.jit(lambda w, s, q, way=way: (way.current(w, s), way.outer(s, q, None))) for name, way in ways.items()
    }
    rng, found = np.random.default_rng(0), []
    for inputs, outputs in MODEL_SIZES:
        weight = jnp.asarray(rng.normal(size=(inputs, outputs)), jnp.float32)
        for rows in MODEL_ROWS:
            post = jnp.asarray(rng.normal(size=(rows, outputs)), jnp.float32)
            for share in MODEL_SHARES:
                spikes = jnp.asarray(rng.random((rows, inputs)) < share, jnp.float32)
                times = take_turns({n: partial(f, weight, spikes, post) for n, f in both.items()}, arguments.repeats)
                ns = [1e9 * times[name].fastest / rows for name in ways]  # of a row
                found.append((inputs, outputs, rows, float(spikes.sum(1).max()), *ns))
    i, o, _, longest, events, product = np.asarray(found).T
    fitted = [_fit(np.stack(terms), seconds) for terms, seconds in (
        ([i, longest * i, longest * o], events), ([i * o, i], product)
    )]  # fmt: skip
    console.print("ns: locate {:.3g}, turn {:.3g} an input, {:.3g} an output".format(*fitted[0]))
    console.print("ns: product {:.3g} a synapse, {:.3g} an input".format(*fitted[1]))
    table = Table("layer", "rows", "longest row", "events / product", "auto takes")
    lost = []
    for (a, b, rows, most, *_), ratio in zip(found, events / product, strict=True):
        pay = by_events.events_pay(a, b, most)
        lost.append(max(ratio if pay else 1 / ratio, 1.0))
        table.add_row(f"{a}-{b}", f"{rows}", f"{100 * most / a:.1f} %", f"{ratio:.2f}", "events" if pay else "product")
    console.print(table, f"auto takes at most {max(lost):.2f} times as long as the better one, {np.mean(lost):.2f} on "
                         "average")  # fmt: skip


def _fit(terms: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Positive coefficients of terms `[K, n]` with the least sum of absolute errors of the logarithm."""
    from scipy.optimize import minimize

    scale = terms.mean(1)

    def error(logs: np.ndarray) -> float:
        return float(np.abs(np.log(np.exp(logs) / scale @ terms) - np.log(seconds)).sum())

    starts = np.log(seconds.mean()) + np.random.default_rng(0).normal(size=(10, len(terms)))
    tried = [minimize(error, x, method="Nelder-Mead", options={"maxiter": 20_000}) for x in starts]
    return np.exp(min(tried, key=lambda one: one.fun).x) / scale


def _prepared(
    path: str, rule: str, changes: Sequence[str], batches: int | None, data: Dataset | None = None
) -> tuple[Any, Experiment, Dataset, float]:
    """A call that trains on so many batches, or on all; the experiment, its data, seconds of compiling."""
    config = load_config(CONFIGS / path, changes, rule)
    data = data or load_data(config)
    experiment, optimizer = build(config, data), make_optimizer(config.optimizer, 1, 1)
    learner = jax.jit(partial(engine.init, experiment, optimizer))(jnp.uint32(0))
    count = jnp.int32(batches or len(data.train) // experiment.batch_size)
    arguments = learner, jnp.asarray(data.train.x), jnp.asarray(data.train.y), jnp.int32(0), jnp.int32(0), count
    program, seconds, _ = compiled(partial(engine.train, experiment, optimizer), *arguments)
    return partial(program, *arguments), experiment, data, seconds


def training(arguments: argparse.Namespace) -> None:
    calls: dict[tuple[str, str], Any] = {}
    about: dict[str, tuple[str, ...]] = {}
    for name, path, rule, changes in STRETCHES:
        data = None
        for events in ("none", "input", "auto"):
            call, experiment, data, _ = _prepared(path, rule, [*changes, f"network.events={events}"], 2, data)
            if events != "auto":
                calls[name, events] = call
                continue
            chosen = experiment.network.layers[0].connection.transmission.by_events
            longest = by_events.longest_row(data, experiment.batch_size, experiment.update_every) or 0.0
            shares = (data.mean, longest / data.features)
            about[name] = *(f"{100 * x:.1f} %" for x in shares), "events" if chosen else "product"
    times = take_turns(calls, arguments.repeats)
    table = Table("training", "active", "longest row", "product", "events", "events / product", "auto takes")
    for name, (mean, longest, chosen) in about.items():
        product, events = (1e3 * times[name, way].fastest / 2 for way in ("none", "input"))
        table.add_row(name, mean, longest, f"{product:.1f}", f"{events:.1f}", f"{events / product:.2f}", chosen)
    console.print("a batch, ms", table)


def epochs(arguments: argparse.Namespace) -> None:
    cases: dict[str, tuple[Any, Experiment, Dataset, float]] = {}
    for name, path, rule in EPOCHS:
        cases[name] = _prepared(path, rule, [], None)
    times = take_turns({name: case[0] for name, case in cases.items()}, min(arguments.repeats, 3))
    table = Table("an epoch of eRBP", "samples", "ticks", "seconds", "samples/s", "compile (s)")
    for name, (_, experiment, data, seconds) in cases.items():
        n, best = len(data.train) // experiment.batch_size * experiment.batch_size, times[name].fastest
        table.add_row(name, f"{n:,}", f"{experiment.steps}", f"{best:.2f}", f"{n / best:,.0f}", f"{seconds:.0f}")
    console.print(table)


QUESTIONS: Mapping[str, Any] = {f.__name__: f for f in (layers, model, training, epochs)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--question", default="layers", help=f"by comma: {', '.join(QUESTIONS)} [layers]")
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    asked = arguments.question.split(",")
    if unknown := set(asked) - set(QUESTIONS):
        parser.error(f"--question: {', '.join(sorted(unknown))} not known; there are {', '.join(QUESTIONS)}")
    console.print(machine())
    for name in asked:
        QUESTIONS[name](arguments)


if __name__ == "__main__":
    main()
