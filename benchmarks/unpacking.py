"""What does it cost to keep recordings as bits on the device, and what does it save?

Command: erbp-jax bench unpacking [--repeats 5]     (needs no data set)

2312-512-10, the inputs of N-MNIST, 60 ticks, batches of 20, random trains of its density (3.3 %): a batch of eRBP and
of BP on bits and on a byte per spike, in turns, compile time apart; and the bytes of 60,000 recordings at 300 ticks.
"""

import argparse
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from harness import compiled, machine, take_turns
from rich.console import Console
from rich.table import Table

from erbp_jax.config import check
from erbp_jax.config.build import build
from erbp_jax.data import Dataset, Samples
from erbp_jax.data.events import Bins
from erbp_jax.training import engine
from erbp_jax.training.optimizer import make_optimizer

SENSOR, TICKS, BATCH = (34, 34, 2), 60, 20
RULES = {
    "eRBP": {"kind": "erbp", "feedback_scale": 60, "output_scale": 0.3, "label_period": 5, "burn_in": 0},
    "BP": {"kind": "bp"},
}
console = Console(width=130)


def trains(*, packed: bool) -> Dataset:
    """A batch of recordings, as bits or as bytes."""
    rng = np.random.default_rng(0)
    spikes = (rng.random((BATCH, TICKS, int(np.prod(SENSOR)))) < 0.033).astype(np.uint8)
    x = np.packbits(spikes, axis=-1) if packed else spikes
    part = Samples(x, rng.integers(0, 10, BATCH).astype(np.int32))
    return Dataset("events", part, part, shape=SENSOR, labels=np.arange(10), ticks=TICKS, packed=packed)


def prepared(rule: str, *, packed: bool):
    """A batch of learning, compiled."""
    data = trains(packed=packed)
    section = {
        "encoding": {"steps": TICKS, "dt": 5},
        "network": {
            "layers": [2312, 512, 10],
            "neuron": {"tau_mem": 0, "tau_syn": 20, "refractory": 0},
            "events": "none",
        },
        "rule": RULES[rule],
        "optimizer": {"learning_rate": 1e-6},
        "training": {"batch_size": BATCH, "update_every": 5 if rule == "eRBP" else TICKS},
    }
    config = check(section, "benchmark")
    experiment, optimizer = build(config, data), make_optimizer(config.optimizer, 1, 1)
    learner = jax.jit(partial(engine.init, experiment, optimizer))(jnp.uint32(0))
    samples, targets = jnp.asarray(data.train.x), jnp.asarray(data.train.y)

    def batch(learner, samples, targets):
        return engine.train(experiment, optimizer, learner, samples, targets, jnp.int32(0), jnp.int32(0), jnp.int32(1))

    program, _, memory = compiled(batch, learner, samples, targets)
    return partial(program, learner, samples, targets), memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    cases = {(rule, packed): prepared(rule, packed=packed) for rule in RULES for packed in (False, True)}
    times = take_turns({case: call for case, (call, _) in cases.items()}, arguments.repeats)
    table = Table("rule", "kept as", "ms per batch", "over bytes", "temporaries (MiB)", title=machine())
    for (rule, packed), timing in times.items():
        ratio = timing.median / times[rule, False].median
        table.add_row(
            rule, "bits" if packed else "bytes", f"{1000 * timing.median:.1f}", f"{ratio:.2f}",
            f"{cases[rule, packed][1]:.0f}",
        )  # fmt: skip
    console.print(table)
    size = 60_000 * 300 * Bins(300).bytes_a_tick(SENSOR)
    console.print(
        f"N-MNIST, 60,000 recordings at 300 ticks: {size / 1e9:.2f} GB as bits, {8 * size / 1e9:.0f} as bytes"
    )


if __name__ == "__main__":
    main()
