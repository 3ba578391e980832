"""The twin of `ecd_mnist.py` without spikes: contrastive divergence by Gibbs sampling, same size, same units.

What learning rate and batch the machine wants can be seen here much faster than with spikes: 824 visible and
500 hidden units, CD-1, eta per sample as in `ecd_mnist.py`, falling to a tenth linearly. Recognition by free energy on
2,000 test digits (every fifth). `silent`: hidden units with a mean activity below 1 % on them, class units at 0.

Command:   python experiments/rbm_mnist.py [--samples 5000] [--cells batch=25,eta=0.0025 batch=5,eta=0.02]
Hardware:  any CPU. Needs MNIST (ERBP_JAX_DATA or the cache).
Wall time: 1 to 2 s a cell on one free core.
Expected:  5,000 digits, seed 0: 80.9 % (batch 25, eta 0.0025), 87.7 % (batch 10, eta 0.01), 90.1 % (batch 5, eta
           0.02).
"""

import argparse

import numpy as np

from erbp_jax import data
from erbp_jax.__main__ import guarded

PIXELS, CLASSES, COPIES, HIDDEN = 784, 10, 4, 500
DEFAULT = ("batch=25,eta=0.0025", "batch=10,eta=0.01", "batch=10,eta=0.025", "batch=5,eta=0.02")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--scale", type=float, default=0.1, help="standard deviation of the initial weights")
    parser.add_argument("--mean-bias", action="store_true", help="visible biases start at the logits of the mean digit")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cells", nargs="+", default=list(DEFAULT))
    arguments = parser.parse_args()
    digits = data.load("mnist")
    for cell in arguments.cells:
        values = dict(part.split("=") for part in cell.split(","))
        params = train(digits, int(values["batch"]), float(values["eta"]), arguments)
        print(cell, test(digits, *params), flush=True)


def logistic(u: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * u))


def train(digits, batch: int, eta: float, arguments) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights `[V, H]`, visible and hidden biases."""
    rng, samples = np.random.default_rng(arguments.seed), arguments.samples
    visible, images = PIXELS + CLASSES * COPIES, np.asarray(digits.train.x).reshape(-1, PIXELS)
    weight = (arguments.scale * rng.standard_normal((visible, HIDDEN))).astype(np.float32)
    hidden, bias = np.zeros(HIDDEN, np.float32), np.zeros(visible, np.float32)
    if arguments.mean_bias:
        mean = np.concatenate([images[:20_000].mean(0) / 255.0, np.full(CLASSES * COPIES, 1 / CLASSES)])
        mean = np.clip(mean, 0.01, 0.98).astype(np.float32)
        bias = np.log(mean / (1 - mean))
    order = np.concatenate([rng.permutation(len(images)) for _ in range(-(-samples // len(images)))])
    one_hot = np.repeat(np.eye(CLASSES, dtype=np.float32), COPIES, 1)

    def draw(p: np.ndarray) -> np.ndarray:
        return (rng.random(p.shape, dtype=np.float32) < p).astype(np.float32)

    for first in range(0, samples, batch):
        index = order[first : first + batch]
        pixels = np.clip(images[index].astype(np.float32) / 255.0, 0.0, 0.98)
        shown = draw(np.concatenate([pixels, 0.98 * one_hot[digits.train.y[index]]], 1))
        driven = logistic(shown @ weight + hidden)
        made = draw(logistic(draw(driven) @ weight.T + bias))
        again = logistic(made @ weight + hidden)
        draw(again)  # the chain's next step, not used by CD-1
        rate = np.float32(eta * (1.0 - 0.9 * first / samples))
        weight += rate * (shown.T @ driven - made.T @ again)
        bias += rate * (shown - made).sum(0)
        hidden += rate * (driven - again).sum(0)
    return weight, bias, hidden


def test(digits, weight: np.ndarray, bias: np.ndarray, hidden: np.ndarray) -> dict[str, float]:
    images = np.asarray(digits.test.x).reshape(-1, PIXELS)[::5].astype(np.float32) / 255.0
    drive = images @ weight[:PIXELS] + hidden
    own, own_bias = weight[PIXELS:].reshape(CLASSES, COPIES, -1).sum(1), bias[PIXELS:].reshape(CLASSES, COPIES).sum(1)
    energy = np.stack([np.logaddexp(0, drive + w).sum(1) + b for w, b in zip(own, own_bias, strict=True)], 1)
    activity = logistic(drive).mean(0)
    right = (energy.argmax(1) == np.asarray(digits.test.y)[::5]).mean()
    return {
        "accuracy_percent": round(100 * float(right), 2),
        "hidden_activity": round(float(activity.mean()), 3),
        "silent": int((activity < 0.01).sum()),
    }


if __name__ == "__main__":
    guarded(main)
