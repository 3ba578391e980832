"""What does exact counting of SynOps and plasticity events cost in training?

Command: erbp-jax bench counting_cost    (half a minute on one CPU core; needs no data set)

The same training with counting and with its counts thrown away (the compiler then removes the work), on random images
of MNIST's density. The two take turns, batch by batch; the figures are the ratios of the medians and of the lowest
tenths of their times, which other work on the machine disturbs less.
"""

import argparse
import statistics
import time
from dataclasses import fields, replace
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
from train_speed import experiment_of, images

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


def _decile(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=10)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=300)
    repeats = parser.parse_args().repeats
    data = images()
    arrays = (jnp.asarray(data.train.x), jnp.asarray(data.train.y), jnp.int32(0))
    for name, changes in CASES.items():
        experiment, optimizer = experiment_of(changes, data)
        rule = cast(Any, experiment.rule)
        bare = Uncounted(**{f.name: getattr(rule, f.name) for f in fields(rule)})
        cases = []
        for e in (experiment, replace(experiment, rule=bare)):
            learner = jax.jit(partial(engine.init, e, optimizer))(jnp.uint32(0))
            cases.append([jax.jit(partial(engine.train, e, optimizer)), learner, []])
        for turn in range(repeats + 1):
            for case in cases:
                train, learner, seconds = case
                began, batch = time.perf_counter(), turn % 19
                case[1] = jax.block_until_ready(train(learner, *arrays, jnp.int32(batch), jnp.int32(batch + 1)))
                if turn:  # the first one compiles
                    seconds.append(time.perf_counter() - began)
        (counted, bare) = (case[2] for case in cases)
        ratios = [pick(counted) / pick(bare) for pick in (statistics.median, _decile)]
        print(
            f"{name}: with counting / without: {ratios[0]:.3f} (medians), {ratios[1]:.3f} (fastest tenth); "
            f"{100 / min(counted):,.0f} samples/s at best"
        )


if __name__ == "__main__":
    main()
