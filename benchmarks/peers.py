"""How fast are our gradient and our on-line rule beside other frameworks, on the same work?

Command: erbp-jax bench peers [--question layer,step,accuracy,memory] [--sizes 512,2048] [--repeats 5]
Needs:   pip install '.[bench]'; on a machine without a GPU take PyTorch's CPU build first. Frameworks that are
         not installed are left out. MNIST for `accuracy` (ERBP_JAX_DATA or the cache).

First every framework's spikes and gradients are compared with loops in float64 (`oracle.py`); one that disagrees is
not timed. Then, on the cores that the process may use:

layer     (P1) one linear map and a layer of leaky integrate-and-fire neurons, batch 16: forward, and with gradient.
step      (P2) 784-200-200-10, 60 ticks, batch 128, 2.6 % of the inputs active: one training step, given the spikes.
accuracy  on 2,048 test digits after 9,984 training digits on P2's network: speed is not bought with a broken network.
memory    (P4) by how much the process grows in a training step of P2 with 50, 200 and 800 ticks.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import frameworks
import jax
import numpy as np
import oracle
from frameworks.erbp import ERBPNetwork
from harness import machine, peak_of, take_turns
from rich.console import Console
from rich.table import Table

DECAY = 0.9
SIZES, TICKS, BATCH = (784, 200, 200, 10), 60, 128
MAX_RATE = 0.2
"""Spikes per tick of a white pixel: about 20 of 784 in a tick."""
ACTIVE = 0.026
QUESTIONS = ("layer", "step", "accuracy", "memory")
ERBP = "erbp_jax, eRBP"
console = Console(width=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--question", default=",".join(QUESTIONS), help=f"by comma: {', '.join(QUESTIONS)} [all]")
    parser.add_argument("--sizes", default="512,2048,4096", help="of the layer [512,2048,4096]")
    parser.add_argument("--ticks", default="100,500", help="for the layer [100,500]")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory-of", nargs=2, metavar=("NAME", "TICKS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        name, ticks = arguments.memory_of
        print(json.dumps(memory_of(name, int(ticks))))
        return
    asked = arguments.question.split(",")
    if unknown := set(asked) - set(QUESTIONS):
        parser.error(f"--question: {', '.join(sorted(unknown))} not known; there are {', '.join(QUESTIONS)}")
    console.print(machine())
    if missing := [name for name in frameworks.PEERS if name not in frameworks.available()]:
        console.print(f"not installed: {', '.join(missing)}")
    right = [name for name in frameworks.available() if agrees(name)]
    if "layer" in asked:
        for size in _numbers(arguments.sizes):
            for ticks in _numbers(arguments.ticks):
                console.print(one_layer(right, size, ticks, arguments.repeats))
    if "step" in asked:
        console.print(one_step(right, arguments.repeats))
    if "accuracy" in asked:
        console.print(accuracy(right))
    if "memory" in asked:
        console.print(memory(right))


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def weights_for(name: str, sizes: tuple[int, ...], rng: np.random.Generator, scale: float = 2.0) -> list[np.ndarray]:
    """Weights that drive every framework's neurons alike."""
    gain = frameworks.load(name).semantics(DECAY).gain
    return [
        (scale / gain * rng.normal(size=pair) / np.sqrt(pair[0])).astype(np.float32)
        for pair in zip(sizes[:-1], sizes[1:], strict=True)
    ]


def spikes_of(rng: np.random.Generator, ticks: int, batch: int, inputs: int, share: float = ACTIVE) -> np.ndarray:
    return (rng.random((ticks, batch, inputs)) < share).astype(np.float32)


def agrees(name: str) -> bool:
    """Whether spikes and gradients are those of the loops; says so."""
    rng = np.random.default_rng(1)
    framework = frameworks.load(name)
    how = framework.semantics(DECAY)
    weights = weights_for(name, (40, 30, 20), rng, 1.0)
    spikes, cotangent = spikes_of(rng, 20, 4, 40, 0.3), rng.normal(size=(20, 4, 20)).astype(np.float32)
    network = framework.build(weights, DECAY)
    wrong = int(
        (np.asarray(network.run(network.place(spikes))) != oracle.forward(weights, spikes, DECAY, how)[0][-1]).sum()
    )
    found = [np.asarray(g) for g in network.gradient(network.place(spikes), network.place(cotangent))]
    wanted = oracle.gradient(weights, spikes, cotangent, DECAY, how)
    error = max(float(np.abs(f - w).max() / np.abs(w).max()) for f, w in zip(found, wanted, strict=True))
    right = wrong == 0 and error < 1e-3
    verdict = "agrees with" if right else "DISAGREES with, and is left out:"
    console.print(
        f"{framework.name} {verdict} the loops: {wrong} spikes differ, gradients by {error:.0e} of the largest"
    )
    return right


def one_layer(names: list[str], size: int, ticks: int, repeats: int) -> Table:
    """P1."""
    rng = np.random.default_rng(0)
    spikes, cotangent = spikes_of(rng, ticks, 16, size, 0.1), rng.normal(size=(ticks, 16, size)).astype(np.float32)
    cases = {}
    for name in names:
        if name == "ours_by_events":
            continue  # the input is not sparse
        network = frameworks.load(name).build(weights_for(name, (size, size), rng, 1.0), DECAY)
        x, c = network.place(spikes), network.place(cotangent)
        cases[name, "forward"] = partial(network.run, x)
        cases[name, "with gradient"] = partial(network.gradient, x, c)
    times = _timed(cases, repeats)
    plain = times["plain_jax", "with gradient"].fastest
    table = Table(
        "framework",
        "forward (ms)",
        "with gradient (ms)",
        "fastest",
        "/ plain JAX",
        title=f"P1: n = {size}, T = {ticks}",
    )
    for name in dict.fromkeys(name for name, _ in cases):
        forward, both = times[name, "forward"], times[name, "with gradient"]
        row = (f"{1e3 * forward.median:.1f}", f"{1e3 * both.median:.1f}", f"{1e3 * both.fastest:.1f}")
        table.add_row(frameworks.load(name).name, *row, f"{both.fastest / plain:.2f}")
    return table


def learners(names: list[str], ticks: int = TICKS) -> Iterator[tuple[str, Any]]:
    """P2's network in every framework, and by eRBP with the update in every tick."""
    for name in names:
        rng = np.random.default_rng(0)
        yield frameworks.load(name).name, frameworks.load(name).build(weights_for(name, SIZES, rng), DECAY)
    yield ERBP, ERBPNetwork(SIZES, ticks, BATCH)


def one_step(names: list[str], repeats: int) -> Table:
    """P2."""
    rng = np.random.default_rng(0)
    spikes = spikes_of(rng, TICKS, BATCH, SIZES[0])
    labels = rng.integers(0, SIZES[-1], BATCH).astype(np.int32)
    cases = {}
    for name, network in learners(names):
        cases[name] = partial(network.train, network.place(spikes), network.place(labels))
    times = _timed(cases, repeats)
    plain = times["plain JAX"].fastest
    table = Table("framework", "samples/s, median", "fastest", "/ plain JAX", title="P2: one training step")
    for name, time in times.items():
        table.add_row(
            name, f"{BATCH / time.median:,.0f}", f"{BATCH / time.fastest:,.0f}", f"{plain / time.fastest:.2f}"
        )
    return table


def _timed(cases, repeats: int):
    with console.status("compiling") as status:
        return take_turns(cases, repeats, lambda text: status.update(text))


def accuracy(names: list[str]) -> Table:
    """Test accuracy after an epoch of 9,984 digits, the same spikes for all."""
    from erbp_jax import data

    digits = data.load("mnist").subset(78 * BATCH, 16 * BATCH)
    table = Table("framework", "correct (%)", title="after 9,984 digits")
    for name, network in learners(names):
        rng = np.random.default_rng(0)

        def shown(images, rng=rng):
            for first in range(0, len(images), BATCH):
                chance = MAX_RATE / 255.0 * images[first : first + BATCH].reshape(-1, SIZES[0])
                yield first, (rng.random((TICKS, *chance.shape), np.float32) < chance).astype(np.float32)

        with console.status(name):
            for first, spikes in shown(digits.train.x):
                labels = digits.train.y[first : first + BATCH]
                jax.block_until_ready(network.train(network.place(spikes), network.place(labels)))
            right = 0
            for first, spikes in shown(digits.test.x):
                counts = np.asarray(network.run(network.place(spikes))).sum(0)
                right += int((counts.argmax(1) == digits.test.y[first : first + BATCH]).sum())
        table.add_row(name, f"{100 * right / len(digits.test.y):.1f}")
    return table


def memory(names: list[str]) -> Table:
    """P4, a process of its own for every figure."""
    lengths = (50, 200, 800)
    table = Table("framework", *[f"T = {ticks}" for ticks in lengths], title="P4: MiB that a training step adds")
    for name in (*names, ERBP):
        cells = []
        for ticks in lengths:
            with console.status(f"{name}, T = {ticks}"):
                command = [sys.executable, str(Path(__file__)), "--memory-of", name, str(ticks)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
            cells.append(f"{json.loads(done.stdout.splitlines()[-1]):.0f}")
        table.add_row(name if name == ERBP else frameworks.load(name).name, *cells)
    return table


def memory_of(name: str, ticks: int) -> float:
    rng = np.random.default_rng(0)
    chosen = dict(learners([] if name == ERBP else [name], ticks))
    network = chosen[ERBP if name == ERBP else frameworks.load(name).name]
    spikes = network.place(spikes_of(rng, ticks, BATCH, SIZES[0]))
    labels = network.place(np.zeros(BATCH, np.int32))
    jax.block_until_ready(network.train(spikes, labels))
    return peak_of(partial(network.train, spikes, labels))


if __name__ == "__main__":
    main()
