"""What can maps learn from local classifiers? The talk's convolutional network without spikes, layer by layer.

Command:   python experiments/local_classifiers.py [--out runs/local_classifiers] [--seeds 2] [--shift 0]
Hardware:  one CPU core. Wall time: two minutes for each classifier and seed (`--classifiers` names some of them).
Expected:  test error of 28x28 - 8 maps - 16 maps - 100 - 10 with rectified units after 8 epochs, seed 0: output 1.21 %,
           learned 1.15 %, one classifier 1.80 %, four 1.54 %; with `--shift 1` one 1.39 %, four 1.27 %; seed 1: one
           and four 1.51 % (docs/lab/convolution.md).

Each layer of maps learns from its own softmax classifier, the dense layers by back-propagation on top of them; no
gradient leaves a layer of maps. The classifiers:

- `1`, `2`, ...: so many readouts with fixed random weights each, and the mean of their losses; what eRBP with
  `rule.errors: local` and that many `rule.readouts` is without spikes and without its noise.
- `learned`: one readout, whose weights learn with the rest.
- `output`: no classifiers; back-propagation through all layers.

Adam at 1e-3 with a cosine schedule, batches of 50. What a classifier cannot reach here it will not reach with spikes.
"""

import argparse
import re
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from erbp_jax import data
from erbp_jax.__main__ import guarded
from erbp_jax.data.shift import Shift
from erbp_jax.files import write_json
from erbp_jax.random import new_key, normal, permutation, split
from erbp_jax.training.progress import busy

CLASSIFIERS = ("output", "learned", "1", "4", "16")
MAPS, SIDES, HIDDEN, CLASSES = (8, 16), (14, 7), 100, 10
BATCH, RATE = 50, 1e-3

Weights = dict[str, jax.Array]


def init(key: jax.Array, classifier: str) -> tuple[Weights, Weights]:
    """What learns, and what stays as it is drawn: the readouts `[N, R K]` of the maps."""
    keys = split(key, 6)
    units = [maps * side**2 for maps, side in zip(MAPS, SIDES, strict=True)]
    weights = {
        "maps0": 0.2 * normal(keys[0], (5, 5, 1, MAPS[0])),
        "maps1": 0.1 * normal(keys[1], (5, 5, *MAPS)),
        "hidden": (2.0 / units[1]) ** 0.5 * normal(keys[2], (units[1], HIDDEN)),
        "output": 0.1 * normal(keys[3], (HIDDEN, CLASSES)),
    }
    if classifier == "output":
        return weights, {}
    width = CLASSES * (1 if classifier == "learned" else int(classifier))
    readouts = {f"readout{i}": n**-0.5 * normal(keys[4 + i], (n, width)) for i, n in enumerate(units)}
    return (weights | readouts, {}) if classifier == "learned" else (weights, readouts)


def forward(weights: Weights, image: jax.Array, classifier: str) -> tuple[jax.Array, list[jax.Array]]:
    """Logits `[B, K]` for images `[B, 784]`, and what the layers of maps did, `[B, N]` each."""
    x, seen = image.reshape(-1, 28, 28, 1), []
    for i in range(len(MAPS)):
        kernel = weights[f"maps{i}"]
        x = jax.nn.relu(
            jax.lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        )
        seen.append(x.reshape(len(x), -1))
        x = x if classifier == "output" else jax.lax.stop_gradient(x)
    return jax.nn.relu(x.reshape(len(x), -1) @ weights["hidden"]) @ weights["output"], seen


def loss(learning: Weights, fixed: Weights, image: jax.Array, label: jax.Array, classifier: str) -> jax.Array:
    """Cross-entropy of the output plus, for each layer of maps, the mean of that of its classifiers; a number."""
    logits, seen = forward(learning, image, classifier)
    total = optax.softmax_cross_entropy_with_integer_labels(logits, label).mean()
    readouts = learning | fixed
    for i, activity in enumerate(seen if classifier != "output" else ()):
        own = (activity @ readouts[f"readout{i}"]).reshape(len(label), -1, CLASSES)
        total += optax.softmax_cross_entropy_with_integer_labels(own, label[:, None]).mean()
    return total


def error(classifier: str, seed: int, digits: Any, epochs: int, shift: int) -> float:
    """Test error in percent of a network whose maps learn from that classifier."""
    images, labels = jnp.asarray(digits.train.x.reshape(-1, 784) / 255.0, jnp.float32), digits.train.y
    labels, move = jnp.asarray(labels), Shift(shift, (28, 28))
    first, order = split(new_key(seed), 2)
    learning, fixed = init(first, classifier)
    batches = len(images) // BATCH
    optimizer = optax.adam(optax.cosine_decay_schedule(RATE, epochs * batches))

    @jax.jit
    def epoch(learning, state, key):
        def step(carry, chosen):
            learning, state = carry
            index, key = chosen
            image = move(images[index], split(key, BATCH)) if shift else images[index]
            update, state = optimizer.update(jax.grad(loss)(learning, fixed, image, labels[index], classifier), state)
            return (optax.apply_updates(learning, update), state), None

        index = permutation(key, len(images))[: batches * BATCH].reshape(batches, BATCH)
        return jax.lax.scan(step, (learning, state), (index, split(key, batches)))[0]

    state = optimizer.init(learning)
    for n in range(epochs):
        learning, state = epoch(learning, state, jax.random.fold_in(order, n))
    choose = jax.jit(lambda image: forward(learning, image, classifier)[0].argmax(-1))
    test = digits.test.x.reshape(-1, 784) / np.float32(255.0)
    choice = np.concatenate([choose(part) for part in np.array_split(test, 20)])
    return 100.0 * float((choice != digits.test.y).mean())


def known(classifier: str) -> str:
    if classifier not in ("output", "learned") and not re.fullmatch("[1-9][0-9]*", classifier):
        raise argparse.ArgumentTypeError(f"unknown: {classifier!r}; known: output, learned, a number of readouts")
    return classifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/local_classifiers"))
    parser.add_argument("--classifiers", nargs="+", type=known, default=CLASSIFIERS)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--shift", type=int, default=0, help="pixels that training digits are moved by, at most")
    arguments = parser.parse_args()
    for name in ("seeds", "epochs"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name}: must be at least 1, got {getattr(arguments, name)}")
    if not 0 <= arguments.shift < 28:
        parser.error(f"--shift: must be from 0 to 27 pixels, got {arguments.shift}")
    digits = data.load("mnist")
    arguments.out.mkdir(parents=True, exist_ok=True)
    errors: dict[str, list[float]] = {}
    one = partial(error, digits=digits, epochs=arguments.epochs, shift=arguments.shift)
    for classifier in arguments.classifiers:
        with busy(f"maps learn from {classifier}"):
            errors[classifier] = [one(classifier, seed) for seed in range(arguments.seeds)]
        seeds = " ".join(f"{error:.2f}" for error in errors[classifier])
        print(
            f"{classifier}: {np.mean(errors[classifier]):.2f} %, by seed {seeds}",
            flush=True,
        )
        summary = {"epochs": arguments.epochs, "shift": arguments.shift, "test_error_per_seed": errors}
        write_json(arguments.out / "summary.json", summary)


if __name__ == "__main__":
    guarded(main)
