"""What does exact counting of SynOps and plasticity events cost in training?

Command: python benchmarks/counting_cost.py    (two minutes on one CPU core; needs no data set)

The same training with counting and with its counts thrown away (the compiler then removes the work), on random images
of MNIST's density. The two take turns, batch by batch; the figure is the ratio of their medians, and of the medians of
processor time, which a busy machine disturbs less.
"""

import argparse
import statistics
import time
from dataclasses import fields, replace
from functools import partial

import jax
import jax.numpy as jnp
from train_speed import images, prepare_parts

from erbp_jax.learning import ERBP
from erbp_jax.training import engine

CASES = {
    "784-100-10": {"network": {"layers": [784, 100, 10]}},
    "784-200-200-10": {
        "network": {"layers": [784, 200, 200, 10]},
        "rule": {"feedback_scale": [80, 10], "output_scale": 0.1},
    },
    "784-100-10, peRBP": {"rule": {"kind": "perbp"}, "network": {"transmission": {"p": 0.875}}},
}


class Uncounted(ERBP):
    """eRBP whose counts nobody reads."""

    def block(self, *arguments, **named):
        return super().block(*arguments, **named)._replace(events=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    data = images()
    arrays = (jnp.asarray(data.train_images), jnp.asarray(data.train_labels), jnp.int32(0))
    for name, changes in CASES.items():
        experiment, optimizer = prepare_parts(changes, data)
        bare = Uncounted(**{f.name: getattr(experiment.rule, f.name) for f in fields(experiment.rule)})
        cases = []
        for e in (experiment, replace(experiment, rule=bare)):
            learner = jax.jit(partial(engine.init, e, optimizer))(jnp.uint32(0))
            cases.append([jax.jit(partial(engine.train, e, optimizer)), learner, [], []])
        for turn in range(repeats + 1):
            for case in cases:
                train, learner, wall, processor = case
                began, worked = time.perf_counter(), time.process_time()
                case[1] = jax.block_until_ready(train(learner, *arrays, jnp.int32(turn), jnp.int32(turn + 2)))
                if turn:  # the first one compiles
                    wall.append(time.perf_counter() - began)
                    processor.append(time.process_time() - worked)
        ratios = [statistics.median(cases[0][i]) / statistics.median(cases[1][i]) for i in (2, 3)]
        print(
            f"{name}: with counting / without: {ratios[0]:.3f} (wall), {ratios[1]:.3f} (processor); "
            f"{100 * 2 / statistics.median(cases[0][2]):,.0f} samples/s"
        )


if __name__ == "__main__":
    main()
