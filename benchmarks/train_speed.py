"""How fast does training go, and how do time and memory grow with what is asked of it?

Command: erbp-jax bench train_speed [--question steps,width,...] [--repeats 5]     (needs no data set)

steps         eRBP, peRBP, RBP and BP (spiking) on 784-200-200-10 with 50, 500 and 5,000 ticks: time and memory.
width         the same with 100 to 4,096 hidden units a layer, 60 ticks.
update_every  eRBP with a weight change every 1, 5, 10 and 30 ticks (the error that comes with it: `update_error.py`).
batch         eRBP with batches of 1 to 1,000.
parts         what encoding and exact blank-out add to a training step.
share         784-500-500-10, batch 128: products worked out over what a plain product does in the same run.
streaming     batch 1, an update in every tick, 784-100-10: ticks per second.

Random images of MNIST's density. Medians of calls in turns, compile time apart; memory is the compiled program's own
account of its temporaries.
"""

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from harness import compiled, machine, take_turns
from rich.console import Console
from rich.table import Table

from erbp_jax import simulate
from erbp_jax.config import check
from erbp_jax.config.build import build
from erbp_jax.data import Dataset, Samples
from erbp_jax.training import engine
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.optimizer import make_optimizer

P2 = {
    "encoding": {"kind": "poisson", "max_rate": 200},  # about 20 of 784 inputs a tick
    "network": {"layers": [784, 200, 200, 10]},
    "rule": {"feedback_scale": [80, 10], "output_scale": 0.1},
}
console = Console(width=130)


class Prepared(NamedTuple):
    call: Callable[[], Any]
    samples: int
    ticks: int
    compile_seconds: float
    memory: float  # MiB


def images(n: int = 2000) -> Dataset:
    rng = np.random.default_rng(0)
    x = (rng.integers(0, 256, (n, 784)) * (rng.random((n, 784)) < 0.19)).astype(np.uint8)
    y = rng.integers(0, 10, n).astype(np.int32)
    return Dataset("mnist", Samples(x, y), Samples(x[:500], y[:500]), shape=(28, 28), labels=np.arange(10))


def experiment_of(changes: Mapping[str, Any], data: Dataset) -> tuple[Experiment, Any]:
    """The experiment and the optimiser of a case: 784-100-10, 40 ticks, batch 100, an update every 5 ticks, unless
    `changes` say otherwise."""
    base = {
        "encoding": {"kind": "regular", "steps": 40, "max_rate": 500},
        "network": {"layers": [784, 100, 10], "neuron": {"tau_mem": 0, "tau_syn": 0.5, "refractory": 0}},
        "rule": {"kind": "erbp", "label_period": 1, "burn_in": 0, "feedback_scale": 160, "output_scale": 0.6},
        "optimizer": {"learning_rate": 1e-6},
        "training": {"update_every": 5, "batch_size": 100},
    }
    merged = {k: v | changes.get(k, {}) for k, v in base.items()}
    if (kind := merged["rule"]["kind"]) in ("bp", "rbp"):  # no key of a local rule; back through the presentation
        merged["rule"] = {"kind": kind}
        merged["training"]["update_every"] = merged["encoding"]["steps"]
    config = check(merged, "benchmark")
    return build(config, data), make_optimizer(config.optimizer, 1, 1)


def prepare(changes: Mapping[str, Any], data: Dataset, batches: int = 1) -> Prepared:
    """A call that trains on a few batches, encoding included."""
    experiment, optimizer = experiment_of(changes, data)
    learner = jax.jit(partial(engine.init, experiment, optimizer))(jnp.uint32(0))
    arrays = (jnp.asarray(data.train.x), jnp.asarray(data.train.y), jnp.int32(0), jnp.int32(0))
    arguments = (learner, *arrays, jnp.int32(batches))
    program, seconds, memory = compiled(partial(engine.train, experiment, optimizer), *arguments)
    samples = batches * experiment.batch_size
    return Prepared(partial(program, *arguments), samples, experiment.steps, seconds, memory)


def encoding_of(changes: Mapping[str, Any], data: Dataset) -> Prepared:
    """The encoding of a batch by itself."""
    e, _ = experiment_of(changes, data)
    image, key = jnp.asarray(data.train.x[: e.batch_size]), jax.random.key(0, impl="threefry2x32")
    keys = jax.random.split(key, e.batch_size)

    def encode(image, keys):
        def block(state, ticks):
            state, spikes, _ = simulate.encode(e.encoder, state, image, keys, ticks)
            return state, spikes.sum()

        start = simulate.start(e.network, e.encoder, image, keys).encoder
        return simulate.over_time(block, start, start=0, steps=e.steps, block=e.update_every)[1]

    program, seconds, memory = compiled(encode, image, keys)
    return Prepared(partial(program, image, keys), e.batch_size, e.steps, seconds, memory)


def report(title: str, cases: Mapping[str, Prepared], repeats: int) -> dict[str, float]:
    """Print a table; samples/s of every case."""
    with console.status(title) as status:
        times = take_turns({name: case.call for name, case in cases.items()}, repeats, status.update)
    table = Table("case", "samples/s", "fastest", "ticks/s", "compile (s)", "temporaries (MiB)", title=title)
    for name, case in cases.items():
        rate, best = case.samples / times[name].median, case.samples / times[name].fastest
        ticks = f"{case.ticks * case.samples / times[name].median:,.0f}"
        table.add_row(name, f"{rate:,.4g}", f"{best:,.4g}", ticks, f"{case.compile_seconds:.1f}", f"{case.memory:.1f}")
    console.print(table)
    return {name: case.samples / times[name].fastest for name, case in cases.items()}


def with_rules(data: Dataset, shape: Mapping[str, Any], label: str) -> dict[str, Prepared]:
    """P2's training by four rules, in one shape."""
    rules = {
        "eRBP, every tick": {"training": {"update_every": 1, "batch_size": 128}},
        "peRBP, every 5 ticks": {
            "rule": {"kind": "perbp"},
            "network": {"transmission": {"p": 0.875}},
            "training": {"batch_size": 128},
        },
        "RBP": {"rule": {"kind": "rbp"}, "training": {"batch_size": 128}},
        "BP": {"rule": {"kind": "bp"}, "training": {"batch_size": 128}},
    }
    return {f"{name}, {label}": prepare(merge(P2, shape, changes), data) for name, changes in rules.items()}


def merge(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """Configs, section by section; the last word counts."""
    sections = {section for part in parts for section in part}
    return {s: {k: v for part in parts for k, v in part.get(s, {}).items()} for s in sections}


def steps(data: Dataset, repeats: int) -> None:
    for ticks in (50, 500, 5000):
        report(
            f"784-200-200-10, {ticks} ticks",
            with_rules(data, {"encoding": {"steps": ticks}}, f"{ticks} ticks"),
            repeats,
        )


def width(data: Dataset, repeats: int) -> None:
    for n in (100, 400, 1600, 4096):
        shape = {"encoding": {"steps": 60}, "network": {"layers": [784, n, n, 10]}}
        report(f"784-{n}-{n}-10, 60 ticks", with_rules(data, shape, f"{n} units"), repeats)


def update_every(data: Dataset, repeats: int) -> None:
    cases = {
        f"every {k} ticks": prepare({"encoding": {"steps": 60}, "training": {"update_every": k}}, data, 3)
        for k in (1, 5, 10, 30)
    }
    report("784-100-10, 60 ticks, batch 100", cases, repeats)


def batch(data: Dataset, repeats: int) -> None:
    cases = {
        f"batch {size}": prepare({"training": {"batch_size": size}}, data, max(1, 200 // size))
        for size in (1, 10, 100, 1000)
    }
    report("784-100-10, 40 ticks, an update every 5", cases, repeats)


def parts(data: Dataset, repeats: int) -> None:
    for kind in ("regular", "poisson"):
        shape = merge(P2, {"encoding": {"kind": kind}, "training": {"update_every": 5}})
        blank = {"rule": {"kind": "perbp"}, "network": {"transmission": {"p": 0.875}}}
        cases = {
            "encoding alone": encoding_of(shape, data),
            "training, reliable": prepare(shape, data),
            "training, exact blank-out p = 7/8": prepare(merge(shape, blank), data),
        }
        rates = report(f"784-200-200-10, 40 ticks, encoding: {kind}", cases, repeats)
        encoding, reliable, blanked = (1.0 / rates[name] for name in cases)
        console.print(
            f"encoding adds {100 * encoding / (reliable - encoding):.0f} % to what is left of a step without it, "
            f"blank-out {100 * (blanked / reliable - 1):.0f} % to a step"
        )


def share(data: Dataset, repeats: int) -> None:
    sizes, ticks, rows = (784, 500, 500, 10), 40, 128
    shape = {"network": {"layers": list(sizes)}, "training": {"batch_size": rows, "update_every": 5}}
    cases = {
        name: prepare(merge(P2, shape, changes), data)
        for name, changes in (
            ("eRBP, events", {}),
            ("eRBP, products", {"network": {"events": "none"}}),
            ("BP, products", {"network": {"events": "none"}, "rule": {"kind": "bp"}}),
        )
    }
    a, b = jnp.ones((8, 5 * rows, 784)), jnp.ones((784, 500))
    product, seconds, memory = compiled(lambda a, b: jax.lax.map(lambda x: (x @ b).sum(), a), a, b)
    cases["a product"] = Prepared(lambda: product(a, b), len(a), 1, seconds, memory)
    rates = report("784-500-500-10, batch 128", cases, repeats)
    plain = 2 * 5 * rows * 784 * 500 * rates.pop("a product")
    weights = sum(i * o for i, o in zip(sizes[:-1], sizes[1:], strict=True))
    for name, rate in rates.items():
        # forward and update; BP brings the error back through all layers but the first besides
        products = 2 * weights + (weights - sizes[0] * sizes[1] if name.startswith("BP") else 0)
        done = 2 * products * ticks * rate
        console.print(f"{name}: {done / 1e9:.1f} of {plain / 1e9:.1f} GFLOP/s, {100 * done / plain:.0f} %")


def streaming(data: Dataset, repeats: int) -> None:
    shape = {"training": {"batch_size": 1, "update_every": 1}, "encoding": {"steps": 500}}
    cases = {
        f"784-100-10, events: {events}": prepare(merge(shape, {"network": {"events": events}}), data)
        for events in ("input", "none", "all")
    }
    report("batch 1, an update in every tick", cases, repeats)


QUESTIONS = {f.__name__: f for f in (steps, width, update_every, batch, parts, share, streaming)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--question", default=",".join(QUESTIONS), help=f"by comma: {', '.join(QUESTIONS)} [all]")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    asked = arguments.question.split(",")
    if unknown := set(asked) - set(QUESTIONS):
        parser.error(f"--question: {', '.join(sorted(unknown))} not known; there are {', '.join(QUESTIONS)}")
    console.print(machine())
    data = images()
    for name in asked:
        QUESTIONS[name](data, arguments.repeats)


if __name__ == "__main__":
    main()
