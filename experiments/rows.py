"""Digits shown row by row: what recurrent synapses are for.

The network sees one row of pixels at a time, 8 x 8 digits for four ticks per row and MNIST for one, and decides by the
spikes of its output. Feed-forward and recurrent networks have the same neurons, which forget within a few ticks; the
recurrent one has a projection from its hidden population to itself, with a delay of one tick, trained by the same rule.
BP is back-propagation through all ticks; eRBP learns on line, every tick. Learning rates are chosen on held-out
samples of seed 0, all in one program, and the test set is read once.

Command:   python experiments/rows.py [--data digits|mnist] [--rules BP eRBP] [--out runs/rows] [--seeds 3]
Hardware:  digits any CPU, MNIST a GPU.
Wall time: digits 15 minutes on one free core.
Expected:  digits, BP: 11.8 % feed-forward, 3.8 % recurrent; eRBP: 53 % and 81 % (docs/results.md).
"""

import argparse
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

import erbp_jax as ej
from erbp_jax import data
from erbp_jax.__main__ import guarded
from erbp_jax.encoding.base import check_images
from erbp_jax.files import write_json
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.sweep import Sweep, sweep
from erbp_jax.training.transforms import Optimizers

RATES = {"BP": (1e-3, 3e-3, 1e-2, 3e-2), "eRBP": (1e-5, 3e-5, 1e-4, 3e-4)}
HOLD = {"digits": 4, "mnist": 1}
HIDDEN = {"digits": 100, "mnist": 200}
HELD_OUT = {"digits": 300, "mnist": 10_000}
EPOCHS = {"digits": 40, "mnist": 10}
BATCH = {"digits": 20, "mnist": 100}


class RowState(NamedTuple):
    tick: jax.Array  # [] int32


@dataclass(frozen=True)
class Rows(ej.TickEncoder):
    """An image row by row, `hold` ticks each: graded input of pixel / 255, the same in every presentation."""

    height: int
    width: int
    hold: int

    def init_state(self, image: jax.Array, key: jax.Array) -> RowState:
        check_images("Rows", image, key)
        return RowState(jnp.int32(0))

    def step(self, state: RowState, image: jax.Array, key: jax.Array) -> tuple[RowState, jax.Array]:
        del key
        row = jnp.minimum(state.tick // self.hold, self.height - 1)
        rows = image.reshape(len(image), self.height, self.width)
        shown = jax.lax.dynamic_index_in_dim(rows, row, 1, keepdims=False)
        return RowState(state.tick + 1), shown.astype(jnp.float32) / 255.0


def network_of(name: str, side: tuple[int, int], classes: int, *, recurrent: bool) -> ej.Network:
    """One hidden population; neurons with a memory of a few ticks."""
    neuron = ej.LIF(tau_mem=2.0, tau_syn=2.0, refractory=0, reset="subtract")
    hidden, gain = HIDDEN[name], 4.0
    projections = [
        ej.Projection("row", "hidden", ej.Dense(side[1], hidden, gain)),
        ej.Projection("hidden", "output", ej.Dense(hidden, classes, gain)),
    ]
    if recurrent:
        projections.append(ej.Projection("hidden", "hidden", ej.Dense(hidden, hidden, 1.0), delay=1))
    return ej.Network({"hidden": neuron, "output": neuron}, projections)


def experiment_of(name: str, shown: data.Dataset, rule: str, *, recurrent: bool) -> Experiment:
    """What is trained: the whole presentation is one block of BP, eRBP learns every tick."""
    height, width = shown.image_shape
    ticks = height * HOLD[name]
    rules = {
        "BP": ej.BackProp(ej.Surrogate("fast_sigmoid", 0.5), ej.CrossEntropy(10.0)),
        "eRBP": ej.ERBP(ej.LabelNeurons(shown.classes, 2), ej.Boxcar(-3.0, 3.0), ej.RandomFeedback(10.0)),
    }
    return Experiment(
        network=network_of(name, (height, width), shown.classes, recurrent=recurrent),
        encoder=Rows(height, width, HOLD[name]),
        rule=rules[rule],
        steps=ticks,
        test_steps=ticks,
        update_every=ticks if rule == "BP" else 1,
        batch_size=BATCH[name],
        test_batch_size=500,
    )


def optimizers_of(rule: str, updates: int, rate: jax.Array) -> Optimizers:
    """For a rate that falls to a tenth."""
    step = optax.scale_by_learning_rate(optax.exponential_decay(rate, updates, 0.1))
    network = optax.chain(optax.scale_by_adam(), step) if rule == "BP" else step
    return Optimizers(network, optax.identity())


def train(
    name: str, shown: data.Dataset, rule: str, recurrent: bool, rates: Any, seeds: Any, epochs: int, *, final: bool
) -> Sweep:
    """All rates and seeds of one cell, tested on samples held out or, at the end, on the test set."""
    experiment = experiment_of(name, shown, rule, recurrent=recurrent)
    images, labels = shown.train.x, shown.train.y
    if final:
        learn, test = (images, labels), (shown.test.x, shown.test.y)
    else:
        cut = len(labels) - HELD_OUT[name]
        learn, test = (images[:cut], labels[:cut]), (images[cut:], labels[cut:])
    experiment = replace(experiment, test_batch_size=min(500, len(test[1])))
    blocks = experiment.steps // experiment.update_every
    updates = len(learn[1]) // experiment.batch_size * blocks * epochs
    return sweep(experiment, partial(optimizers_of, rule, updates), rates, seeds, learn, test, epochs=epochs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=tuple(HOLD), default="digits")
    parser.add_argument("--out", type=Path, default=Path("runs") / "rows")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="[default: 40 for digits, 10 for MNIST]")
    parser.add_argument("--samples", type=int, help="of the training set [default: all]")
    parser.add_argument("--rules", nargs="+", choices=tuple(RATES), default=tuple(RATES))
    arguments = parser.parse_args()
    name, out, epochs = arguments.data, arguments.out, arguments.epochs or EPOCHS[arguments.data]
    out.mkdir(parents=True, exist_ok=True)
    shown = data.load(name).subset(arguments.samples, None, 0)
    began = time.perf_counter()
    for rule in arguments.rules:
        table, rates = [], RATES[rule]
        for recurrent in (False, True):
            kind = "recurrent" if recurrent else "feed-forward"
            held_out = train(name, shown, rule, recurrent, rates, [0], epochs, final=False)
            rate = rates[held_out.best]
            made = train(name, shown, rule, recurrent, [rate], range(arguments.seeds), epochs, final=True)
            errors, found = made.test_error[0, :, -1], held_out.test_error[:, 0, -1].round(2).tolist()
            table.append({
                "rule": rule, "network": kind, "learning_rate": rate, "seeds": arguments.seeds,
                "test_error_mean": round(float(errors.mean()), 2),
                "test_error_std": round(float(errors.std(ddof=1)), 2) if len(errors) > 1 else None,
                "test_error_per_seed": [round(float(e), 2) for e in errors],
                "held_out_error_by_rate": dict(zip(map(str, rates), found, strict=True)),
            })  # fmt: skip
            print(f"{rule}, {kind}: {table[-1]['test_error_mean']} % (rate {rate:g}; "
                  f"{time.perf_counter() - began:.0f} s)", flush=True)  # fmt: skip
            write_json(out / f"{name}_{rule}.json", {"data": name, "epochs": epochs, "table": table})


if __name__ == "__main__":
    guarded(main)
