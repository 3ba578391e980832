"""How fast does eRBP train, and how do time and memory grow with T and with the hidden size?

Command: python benchmarks/train_speed.py    (two minutes on two CPU cores; needs no data set)

Every figure is the median of five stretches after one warm-up, compile time apart, on random images of MNIST's
density; the configurations take turns, so that a busy machine slows all alike. Memory is the compiled program's
own account of its temporaries.
"""

import statistics
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from erbp_jax.config import check
from erbp_jax.config.build import build
from erbp_jax.data import Dataset
from erbp_jax.training import engine
from erbp_jax.training.optimizer import make_optimizer

BATCHES, REPEATS = 5, 5
CASES = [
    *(("steps", {"encoding": {"steps": t}}) for t in (40, 160, 640)),
    *(("hidden", {"network": {"layers": [784, n, 10]}}) for n in (100, 400, 1600)),
    *(("update_every", {"training": {"update_every": k}}) for k in (1, 5, 10)),
    *(("bp, steps", {"encoding": {"steps": t}, "rule": {"kind": "bp"}}) for t in (40, 160, 640)),
    ("perbp", {"rule": {"kind": "perbp"}, "network": {"transmission": {"p": 0.5}}}),
]


def images(n: int = 2000) -> Dataset:
    rng = np.random.default_rng(0)
    x = (rng.integers(0, 256, (n, 784)) * (rng.random((n, 784)) < 0.19)).astype(np.uint8)
    y = rng.integers(0, 10, n).astype(np.int32)
    return Dataset("mnist", (28, 28), 10, x, y, x[:500], y[:500])


def prepare_parts(changes, data):
    """The experiment and the optimiser of a case."""
    base = {
        "encoding": {"kind": "regular", "steps": 40, "max_rate": 500},
        "network": {"layers": [784, 100, 10], "neuron": {"tau_mem": 0, "tau_syn": 0.5, "refractory": 0}},
        "rule": {"kind": "erbp", "label_period": 1, "burn_in": 10, "feedback_scale": 160, "output_scale": 0.6},
        "optimizer": {"learning_rate": 1e-5},
        "training": {"update_every": 5, "batch_size": 100},
    }
    merged = {k: v | changes.get(k, {}) for k, v in base.items()}
    if merged["rule"]["kind"] == "bp":  # has none of the keys of a local rule, and goes back through the presentation
        merged["rule"], merged["training"] = {"kind": "bp"}, {"batch_size": 100}
    config = check(merged, "benchmark")
    return build(config, data), make_optimizer(config.optimizer, 1, 1)


def prepare(changes, data):
    experiment, optimizer = prepare_parts(changes, data)
    learner = jax.jit(partial(engine.init, experiment, optimizer))(jnp.uint32(0))
    train = jax.jit(partial(engine.train, experiment, optimizer))
    arrays = (jnp.asarray(data.train_images), jnp.asarray(data.train_labels), jnp.int32(0), jnp.int32(0))
    began = time.perf_counter()
    compiled = train.lower(learner, *arrays, jnp.int32(BATCHES)).compile()
    seconds = time.perf_counter() - began
    analysis = compiled.memory_analysis()
    memory = analysis.temp_size_in_bytes / 2**20 if analysis else float("nan")
    return partial(compiled, learner, *arrays, jnp.int32(BATCHES)), seconds, memory


def main() -> None:
    data = images()
    programs = [prepare(changes, data) for _, changes in CASES]
    times: list[list[float]] = [[] for _ in CASES]
    for repeat in range(REPEATS + 1):
        for i, (run, _, _) in enumerate(programs):
            began = time.perf_counter()
            jax.block_until_ready(run())
            if repeat:
                times[i].append(time.perf_counter() - began)
    table = Table("question", "case", "samples/s", "compile (s)", "temporaries (MiB)")
    for (question, changes), (_, seconds, memory), t in zip(CASES, programs, times, strict=True):
        rate = BATCHES * 100 / statistics.median(t)
        table.add_row(question, str(changes), f"{rate:,.0f}", f"{seconds:.1f}", f"{memory:.1f}")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
