"""Event-driven contrastive divergence on MNIST: a spiking Boltzmann machine that recognises and generates digits.

824 visible neurons (784 pixels, 4 for each class) and 500 hidden ones, ticks of 2 ms, presentations of 100 ms: 50 of
data, then 50 of reconstruction; one global signal g(t) turns the sign of a symmetric STDP. `--noise neurons` has
stochastic neurons and reliable synapses. `--noise synapses` is the synaptic sampling machine: the neurons are
thresholds, and all noise comes from synapses that blank out half of the spikes (one mask per tick for the samples of a
batch); it wants `--batch 25 --eta 2.5e-3 --block 5`.
Recognition: pixels clamped for 0.5 s, the class whose neurons fire most.

Command:   python experiments/ecd_mnist.py [--noise neurons] [--samples 30000] [--out runs/ecd_mnist]
           The same command again goes on from the last checkpoint; --finish tests and draws what that holds.
Hardware:  any CPU. Needs MNIST (ERBP_JAX_DATA or the cache).
Wall time: 3 min for 30,000 digits on one CPU core; the test 1 to 2 min.
Expected:  30,000 digits: 92.6 % of the 10,000 test digits, hidden rates fall from 127 to 23 Hz, and clamped classes
           make digits of their class. With `--weight-decay 2e-4` 93.3 %, 127 to 28 Hz. Noise in the synapses: 90.5 %
           (1,000 test digits), 134 to 9.6 Hz. docs/lab/three_factor.md.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from boltzmann import Presentation, SamplingMachine, SamplingNeuron, ThresholdNeuron
from boltzmann import training as ecd
from common import keep, kept
from erbp_jax import data
from erbp_jax.__main__ import guarded
from erbp_jax.connections import SharedBlankOut
from erbp_jax.files import write_json, write_text
from erbp_jax.learning.three_factor.ecd import Phases
from erbp_jax.random import new_key, split
from erbp_jax.tasks.decisions import wrong
from erbp_jax.training.run_folder import lock
from erbp_jax.viz.figure import ACCENT, INK, save, styled, ticker
from erbp_jax.viz.figure import picture as figure_class

PIXELS, CLASSES, COPIES, HIDDEN = 784, 10, 4, 500
TICK_MS = 2
REFRACTORY = 2
"""Ticks: 4 ms, as the synaptic time constant and that of STDP."""
STRETCH = 40
"""Batches between two looks of the host."""
CHECK_EVERY = 5000
"""Samples between two tests on a twentieth of the test digits; a checkpoint follows every stretch."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs") / "ecd_mnist")
    parser.add_argument("--noise", choices=("neurons", "synapses"), default="neurons")
    parser.add_argument("--samples", type=int, default=30_000)
    parser.add_argument("--batch", type=int, default=5)
    parser.add_argument("--eta", type=float, default=0.02, help="at the start; falls to a tenth linearly")
    parser.add_argument("--weight-decay", type=float, default=0.0, help="at every weight change")
    parser.add_argument("--block", type=int, default=25, help="ticks of frozen weights: 5 or 25, a whole phase")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--test-size", type=int, default=10_000, help="test digits, taken evenly from the whole set")
    parser.add_argument("--finish", action="store_true", help="test and draw what the last checkpoint holds")
    arguments = parser.parse_args()
    out = arguments.out
    digits = data.load("mnist")
    machine = machine_of(arguments.noise)
    with lock(out):
        learner = resume(out, machine, arguments)
        if not arguments.finish:
            learner = train(machine, digits, learner, arguments)
        report(machine, digits, learner, arguments)


def machine_of(noise: str) -> SamplingMachine:
    visible = PIXELS + CLASSES * COPIES
    if noise == "neurons":
        return SamplingMachine(visible, HIDDEN, SamplingNeuron(REFRACTORY), REFRACTORY)
    return SamplingMachine(visible, HIDDEN, ThresholdNeuron(REFRACTORY), REFRACTORY, SharedBlankOut(0.5))


def drive_of(images: jax.Array, labels: jax.Array) -> jax.Array:
    """Logits `[B, V]` of pixels and class neurons, with the published limits of 1e-5 and 0.98."""
    own = jnp.repeat(jnp.arange(CLASSES), COPIES)[None] == labels[:, None]
    p = jnp.concatenate([images.astype(jnp.float32) / 255.0, own.astype(jnp.float32)], 1)
    p = jnp.clip(p, 1e-5, 0.98)
    return jnp.log(p / (1.0 - p))


def root(seed: int) -> jax.Array:
    return new_key(seed)


def resume(out: Path, machine: SamplingMachine, arguments: Any) -> dict[str, Any]:
    """The learner of the last checkpoint, or a new one; `rows` has a line for each stretch that it has seen."""
    params = machine.init(root(arguments.seed))
    found = kept(out / "checkpoint.npz", options(arguments), {k: np.asarray(v) for k, v in params.items()})
    if found is None:
        return {"params": params, "seen": 0, "seconds": 0.0, "rows": []}
    report, arrays = found
    return {"params": jax.tree.map(jnp.asarray, arrays), **{k: report[k] for k in ("seen", "seconds", "rows")}}


def options(arguments: Any) -> dict[str, Any]:
    """What a run goes on with unchanged."""
    return {k: getattr(arguments, k) for k in ("noise", "samples", "batch", "eta", "weight_decay", "block", "seed")}


def checkpoint(out: Path, learner: dict[str, Any], arguments: Any) -> None:
    """The state and the rows that belong to it become one file at once; all else follows from it."""
    report = {"options": options(arguments), **{k: learner[k] for k in ("seen", "seconds", "rows")}}
    keep(out / "checkpoint.npz", report, {k: np.asarray(v) for k, v in learner["params"].items()})


@partial(jax.jit, static_argnums=(0, 1, 2))
def stretch(machine, how, decay, params, images, labels, keys, rates):
    """Learn from batches `[S, B, ...]` with a factor on the learning rate each, `[S]`; weights decay by it times
    `decay` at every change."""

    def one(params, inputs):
        image, label, key, rate = inputs
        optimizer = optax.chain(optax.add_decayed_weights(decay, {"weight": True, "visible": False, "hidden": False}),
                                optax.scale(-rate))  # fmt: skip
        params, _, counts = ecd.present(
            machine, how, optimizer, params, optimizer.init(params), drive_of(image, label), key
        )
        return params, counts

    return jax.lax.scan(one, params, (images, labels, keys, rates))


@partial(jax.jit, static_argnums=0)
def classify(machine, params, images, keys):
    """Spikes of each class's neurons, `[B, 10]`, in 0.5 s of which the first 50 ms do not count."""
    drive = drive_of(images, jnp.zeros(len(images), jnp.int32))[:, :PIXELS]
    counts = ecd.recognise(machine, params, drive, keys, steps=250, burn_in=25, first=PIXELS)
    return counts.reshape(-1, CLASSES, COPIES).sum(-1)


def accuracy(machine, params, digits, which: np.ndarray, seed: int, say: bool = False) -> float:
    """On the test digits `which`; a tie for the most spikes counts as wrong."""
    right, size = 0, 500
    for first in range(0, len(which), size):
        index = which[first : first + size]
        keys = split(jax.random.fold_in(root(seed), 1_000_000 + first), len(index))
        counts = np.asarray(classify(machine, params, jnp.asarray(digits.test.x[index]), keys))
        right += int((~wrong(counts, digits.test.y[index])).sum())
        if say and first % 2000 == 0:
            print(f"tested {first + len(index)} of {len(which)}", flush=True)
    return right / len(which)


def train(machine: SamplingMachine, digits: Any, learner: dict[str, Any], arguments: Any) -> dict[str, Any]:
    phases = Phases(100 // TICK_MS, 10 // TICK_MS)
    how = Presentation(phases, arguments.eta, arguments.eta, 4.0 / TICK_MS, arguments.block)
    batch, few = arguments.batch, np.arange(0, len(digits.test.y), 20)
    labels = jnp.asarray(digits.train.y)
    while learner["seen"] < arguments.samples:
        began = time.perf_counter()
        seen = learner["seen"]
        place = seen + np.arange(STRETCH * batch)
        size = len(digits.train.y)
        orders = {e: np.random.default_rng([arguments.seed, e]).permutation(size) for e in np.unique(place // size)}
        index = np.array([orders[p // size][p % size] for p in place]).reshape(STRETCH, batch)
        keys = split(jax.random.fold_in(root(arguments.seed), seen), (STRETCH, batch))
        rates = 1.0 - 0.9 * np.minimum(place[::batch] / arguments.samples, 1.0)
        params, counts = stretch(
            machine, how, arguments.weight_decay, learner["params"], jnp.asarray(digits.train.x[index]),
            labels[index], keys, jnp.asarray(rates, jnp.float32),
        )  # fmt: skip
        data_hz, model_hz = (np.asarray(c) * 1000.0 / TICK_MS for c in counts)
        seconds = learner["seconds"] + time.perf_counter() - began
        learner = {"params": params, "seen": seen + STRETCH * batch, "seconds": seconds, "rows": learner["rows"]}
        line = {"epoch": learner["seen"] // (STRETCH * batch), "samples": learner["seen"],
                "hidden_hz_data": round(float(data_hz.mean()), 3), "hidden_hz_model": round(float(model_hz.mean()), 3),
                "hidden_hz_first_batch": round(float(data_hz[0]), 3)}  # fmt: skip
        if learner["seen"] % CHECK_EVERY == 0 or learner["seen"] >= arguments.samples:
            line["accuracy_500_test_digits"] = accuracy(machine, params, digits, few, arguments.seed)
        learner["rows"].append(line)
        checkpoint(arguments.out, learner, arguments)
        print(json.dumps(line), f"{learner['seconds']:.0f} s", flush=True)
    return learner


def rates(machine: SamplingMachine, params: dict[str, jax.Array], digits: Any, seed: int) -> dict[str, float]:
    """Mean hidden rates in Hz in both phases, on 100 test digits, without learning."""
    how = Presentation(Phases(100 // TICK_MS, 10 // TICK_MS), 0.0, 0.0, 4.0 / TICK_MS, 5)
    optimizer = optax.identity()
    drive = drive_of(jnp.asarray(digits.test.x[:100]), jnp.asarray(digits.test.y[:100]))
    keys = split(jax.random.fold_in(root(seed), 77), 100)
    _, _, counts = jax.jit(lambda p: ecd.present(machine, how, optimizer, p, optimizer.init(p), drive, keys))(params)
    return {name: round(float(x) * 1000.0 / TICK_MS, 3) for name, x in counts._asdict().items()}


def dream(
    machine: SamplingMachine, params: dict[str, jax.Array], digits: Any, seed: int, copies: int = 4
) -> np.ndarray:
    """Pixels `[copies, 10, 784]` made of clamped class neurons: mean activity in the last 100 ms of 600.

    For the first 50 ms the mean of all training digits, whatever their class, is clamped: from rest, a network may stay
    with pixels that are all off.
    """
    labels = jnp.tile(jnp.arange(CLASSES), copies)
    mean = jnp.broadcast_to(jnp.asarray(digits.train.x.mean(0)).reshape(1, PIXELS), (len(labels), PIXELS))
    start = drive_of(mean, labels)
    drive = start.at[:, :PIXELS].set(jnp.nan)
    keys = split(jax.random.fold_in(root(seed), 99), len(labels))
    make = jax.jit(lambda p: ecd.generate(machine, p, drive, keys, steps=300, burn_in=250, start=start, start_steps=25))
    return np.asarray(make(params))[:, :PIXELS].reshape(copies, CLASSES, PIXELS)


def report(machine: SamplingMachine, digits: Any, learner: dict[str, Any], arguments: Any) -> None:
    params, out = learner["params"], arguments.out
    which = np.linspace(0, len(digits.test.y) - 1, arguments.test_size).astype(int)
    right = accuracy(machine, params, digits, which, arguments.seed, say=True)
    before = rates(machine, machine.init(root(arguments.seed)), digits, arguments.seed)
    after = rates(machine, params, digits, arguments.seed)
    summary = {
        "rule": "event-driven contrastive divergence", "dataset": "mnist", "noise": arguments.noise,
        "network": f"{PIXELS}+{CLASSES * COPIES}-{HIDDEN}", "seed": arguments.seed, "batch": arguments.batch,
        "eta": arguments.eta, "weight_decay": arguments.weight_decay, "block": arguments.block,
        "samples": learner["seen"],
        "train_seconds": round(learner["seconds"]),
        "test_digits": len(which), "test_accuracy_percent": round(100 * right, 2),
        "test_error": round(100 * (1 - right), 2),
        "hidden_hz_before": before, "hidden_hz_after": after,
        "hidden_rate_falls_by": round(before["data"] / after["data"], 1),
    }  # fmt: skip
    write_json(out / "summary.json", summary)
    write_text(out / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in learner["rows"]))
    print(summary)
    dreams = dream(machine, params, digits, arguments.seed)
    print(picture(learner["rows"], dreams, params, summary, out / "ecd_mnist.png"))


@styled
def picture(metrics: Any, dreams: np.ndarray, params: dict[str, jax.Array], summary: Any, path: Path) -> Path:
    figure = figure_class()(figsize=(10, 6.2), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.0, 1.05])
    left, tests = upper.subplots(1, 2)
    middle, right = lower.subplots(1, 2, width_ratios=[1.5, 1.0])
    samples = [m["samples"] for m in metrics]
    left.plot(samples, [m["hidden_hz_data"] for m in metrics], color=INK, label="with data clamped")
    left.plot(samples, [m["hidden_hz_model"] for m in metrics], "--", color=ACCENT, label="reconstruction")
    left.plot(0, summary["hidden_hz_before"]["data"], "o", color=INK, markersize=4, label="before training, data")
    left.set(xlabel="digits seen", ylabel="mean rate of hidden neurons (Hz)", yscale="log", yticks=[10, 20, 50, 100])
    left.yaxis.set_major_formatter(ticker().FormatStrFormatter("%g"))
    left.yaxis.set_minor_formatter(ticker().NullFormatter())
    left.legend(frameon=False, fontsize=8, loc="center right")
    tested = [(m["samples"], 100 * m["accuracy_500_test_digits"]) for m in metrics if "accuracy_500_test_digits" in m]
    if tested:
        tests.plot(*zip(*tested, strict=True), color=ACCENT, marker="o", markersize=4)
    tests.set(xlabel="digits seen", ylabel="accuracy on 500 test digits (%)", xlim=left.get_xlim())
    percent = summary["test_accuracy_percent"]
    tests.set_title(f"at the end {percent} % of {summary['test_digits']:,} test digits", fontsize=9, loc="left")
    left.set_title("activity of the hidden layer", fontsize=9, loc="left")
    rows, classes = dreams.shape[:2]
    sheet = dreams.reshape(rows, classes, 28, 28).transpose(0, 2, 1, 3).reshape(rows * 28, classes * 28)
    shown = middle.imshow(sheet, cmap="gray_r", vmin=0, vmax=1)
    lower.colorbar(shown, ax=middle, shrink=0.7, pad=0.02, label="mean activity")
    middle.set(xticks=14 + 28 * np.arange(classes), xticklabels=range(classes), yticks=[], xlabel="clamped class")
    middle.set_title("generated: mean pixel activity in 100 ms", fontsize=9, loc="left")
    weight = np.asarray(params["weight"])[:PIXELS]
    strongest = np.argsort(-np.abs(weight).sum(0))[:: weight.shape[1] // 24][:24]
    tiles = weight[:, strongest].T.reshape(4, 6, 28, 28).transpose(0, 2, 1, 3).reshape(4 * 28, 6 * 28)
    bound = np.percentile(np.abs(tiles), 99)
    shown = right.imshow(tiles, cmap="RdBu_r", vmin=-bound, vmax=bound)
    lower.colorbar(shown, ax=right, shrink=0.7, pad=0.02, label="weight")
    right.set(xticks=[], yticks=[])
    right.set_title("weights of 24 hidden neurons", fontsize=9, loc="left")
    return save(figure, path)


if __name__ == "__main__":
    guarded(main)
