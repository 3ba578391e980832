"""Shared weights within a tick: one event after the other, as the published code does, or one summed update, as here.

Command:   python experiments/conv_sequential.py [--weights runs/RUN/weights.npz]
Hardware:  one CPU core; NumPy alone does the work, tick by tick and event by event.
Wall time: two minutes.
Expected:  for most digits the two schemes give the same update; now and then a unit near its threshold spikes in one
           and not in the other, and the mean difference is about 1 % of an update's length
           (docs/lab/fully_connected.md).

An event is a presynaptic spike that meets a position. In the sequential scheme each one transmits with the weights that
the events before it have left, and then writes; in the summed one all events of a tick transmit with the same weights
and their writes are applied together at its end. Both learn after transmission, with the dendrites of the tick before.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from erbp_jax import archive, data
from erbp_jax.__main__ import guarded
from erbp_jax.errors import UserError

ETA, GATE, TAU_U, TICKS, BURN_IN = 2e-4, 2.5, 2.0, 20, 5
FEEDBACK, OUTPUT = (2.0, 5.0, 20.0), 1.0
"""Of configs/conv_mnist/talk.yaml, batch 1, the weights moved in every tick."""


@dataclass
class Layer:
    """A layer as a list of events: `reach[i]` has the targets of unit i, `(unit, kernel entry)` each."""

    outputs: int
    maps: int
    weight: np.ndarray  # [entries, maps]
    reach: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)  # per input: positions, entries


def convolution(height: int, channels: int, maps: int, rng: np.random.Generator, k: int = 5, s: int = 2) -> Layer:
    """Maps of `height / 2`, "same" padding."""
    out = -(-height // s)
    before = ((out - 1) * s + k - height) // 2
    bound = (7 / (k * k * channels + k * k * maps / s**2)) ** 0.5
    layer = Layer(out * out * maps, maps, rng.uniform(-bound, bound, (k * k * channels, maps)))
    for y in range(height):
        for x in range(height):
            meets = [
                (oy * out + ox, (y + before - s * oy) * k + x + before - s * ox)
                for oy in range(out)
                for ox in range(out)
                if 0 <= y + before - s * oy < k and 0 <= x + before - s * ox < k
            ]
            where, entry = np.array(meets, int).reshape(-1, 2).T
            layer.reach += [(where, entry * channels + c) for c in range(channels)]
    return layer


def dense(inputs: int, outputs: int, rng: np.random.Generator) -> Layer:
    """One position that sees every input through an entry of its own."""
    bound = (7 / (inputs + outputs)) ** 0.5
    layer = Layer(outputs, outputs, rng.uniform(-bound, bound, (inputs, outputs)))
    layer.reach = [(np.zeros(1, int), np.array([i])) for i in range(inputs)]
    return layer


def through(layer: Layer, weight: np.ndarray, spikes: np.ndarray, write: np.ndarray, sequential: bool) -> np.ndarray:
    """The current of a tick; `weight` moves by `write[positions, maps]` (0: no learning) for every event."""
    current = np.zeros_like(write)
    change = weight if sequential else np.zeros_like(weight)
    for unit in np.flatnonzero(spikes):
        for where, entry in zip(*layer.reach[unit], strict=True):
            current[where] += weight[entry]
            change[entry] += write[where]
    if not sequential:
        weight += change
    return current


def show(network, weights, feedback, image, label, rng, sequential):
    """One digit; the weights move in place. Returns the output's spike counts."""
    shapes = [(layer.outputs // layer.maps, layer.maps) for layer in network]
    current = [np.zeros(s) for s in shapes]
    dendrite = [np.zeros(s) for s in shapes]
    write = [np.zeros(s) for s in shapes]
    error, counts = np.zeros((2, 10)), np.zeros(10)
    phase = rng.random(784)
    for t in range(TICKS):
        spikes = np.floor(phase + 0.5 * (t + 1) * image / 255) - np.floor(phase + 0.5 * t * image / 255)
        for i, (layer, weight) in enumerate(zip(network, weights, strict=True)):
            current[i] = np.exp(-2.0) * current[i] + through(layer, weight, spikes, write[i], sequential)
            spikes = (current[i] > 1.0).astype(float).ravel()
        counts += spikes
        teach = np.arange(10) == label
        error += 0.9 * np.array([1, -1])[:, None] * (teach - spikes)
        fired = error > 1.0
        error = np.maximum(error - fired, 0.0)
        signed = fired[0].astype(float) - fired[1]
        for i, g in enumerate(feedback):
            dendrite[i] = np.exp(-1 / TAU_U) * dendrite[i] + (signed @ g).reshape(shapes[i])
            inside = np.abs(current[i]) < GATE
            write[i] = ETA * dendrite[i] * inside if t >= BURN_IN else np.zeros(shapes[i])
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digits", type=int, default=100)
    parser.add_argument(
        "--weights", type=Path, help="weights.npz of a run of configs/conv_mnist/talk.yaml to start from"
    )
    arguments = parser.parse_args()
    count = arguments.digits
    mnist = data.load("mnist")
    rng = np.random.default_rng(0)
    network = [convolution(28, 1, 8, rng), convolution(14, 8, 16, rng), dense(784, 100, rng), dense(100, 10, rng)]
    feedback = []
    for layer, scale in zip(network[:-1], FEEDBACK, strict=True):
        g = scale * (7 / (10 + layer.outputs)) ** 0.5 * rng.uniform(-1, 1, (10, layer.outputs))
        feedback.append(g - g.mean(0))
    feedback.append(OUTPUT * np.eye(10))
    if arguments.weights is not None:
        trained = archive.load(arguments.weights)
        if missing := {f"layer{i}_weight" for i in range(len(network))} - set(trained):
            raise UserError(
                f"{arguments.weights}: not the weights.npz of a run of configs/conv_mnist/talk.yaml: no {min(missing)}"
            )
        for i, layer in enumerate(network):
            layer.weight = trained[f"layer{i}_weight"][0].reshape(layer.weight.shape).astype(float)
    start = [layer.weight for layer in network]
    summed, sequential = [w.copy() for w in start], [w.copy() for w in start]
    apart, same = [], 0
    for n in range(count):
        shown = (feedback, mnist.train.x[n].astype(float), int(mnist.train.y[n]))
        before = [w.copy() for w in summed]
        alone = [w.copy() for w in summed]
        show(network, alone, *shown, np.random.default_rng(n), True)  # the same digit from the same weights
        ours = show(network, summed, *shown, np.random.default_rng(n), False)
        theirs = show(network, sequential, *shown, np.random.default_rng(n), True)
        same += int(ours.argmax() == theirs.argmax())
        moved = [np.linalg.norm(s - b) for s, b in zip(summed, before, strict=True)]
        apart.append([np.linalg.norm(a - s) / max(m, 1e-12) for a, s, m in zip(alone, summed, moved, strict=True)])
    names = ("conv 1", "conv 2", "dense", "output")
    print(
        "layer: difference of one digit's update, of its length, median; difference after all digits, of the way gone"
    )
    for i, name in enumerate(names):
        drift = np.linalg.norm(sequential[i] - summed[i]) / max(np.linalg.norm(summed[i] - start[i]), 1e-12)
        each = 100 * np.array([a[i] for a in apart])
        print(
            f"{name}: {np.median(each):.3f} % (mean {each.mean():.3f}, largest {each.max():.2f}); {100 * drift:.2f} %"
        )
    print(f"the same decision while learning: {same} of {count} digits")


if __name__ == "__main__":
    guarded(main)
