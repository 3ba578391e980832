"""erbp_jax's eRBP on spikes that are given: the same engine as in training, with the update in every tick."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax import simulate
from erbp_jax.config import check
from erbp_jax.config.build import build as build_experiment
from erbp_jax.data import Dataset, Samples
from erbp_jax.encoding import Frames
from erbp_jax.training import engine
from erbp_jax.training.optimizer import make_optimizer


class ERBPNetwork:
    """784-200-200-10 by eRBP with the recipe of `configs/pi_mnist`, an update in every tick from the first one on."""

    def __init__(self, sizes: Sequence[int], ticks: int, batch: int):
        config = {
            "encoding": {"kind": "poisson", "steps": ticks, "max_rate": 200},
            "network": {"layers": list(sizes), "neuron": {"tau_mem": 0, "tau_syn": 0.5, "refractory": 0}},
            "rule": {
                "kind": "erbp",
                "gate": [-2.5, 2.5],
                "feedback_scale": [80, 10],
                "output_scale": 0.1,
                "tau_dendrite": 2,
                "label_period": 1,
                "burn_in": 0,
            },
            "optimizer": {"learning_rate": 5e-4, "schedule": "constant"},
            "training": {"update_every": 1, "batch_size": batch},
        }
        empty = np.zeros((batch, sizes[0]), np.uint8)
        some = Samples(empty, np.zeros(batch, np.int32))
        data = Dataset("mnist", some, some, shape=(28, 28), labels=np.arange(sizes[-1]))
        checked = check(config, "benchmark")
        self.experiment = replace(build_experiment(checked, data), encoder=Frames())
        optimizer = make_optimizer(checked.optimizer, 1, 1)
        self.learner = jax.jit(partial(engine.init, self.experiment, optimizer))(jnp.uint32(0))
        self.keys = jax.random.split(jax.random.key(0, impl="threefry2x32"), batch)
        e = self.experiment
        self._present = jax.jit(lambda *a: engine.present(e, optimizer, *a)[0])
        self._run = jax.jit(lambda *a: simulate.run(e.network, e.encoder, *a, steps=ticks, block=e.test_block)[1])

    def place(self, array: np.ndarray) -> jax.Array:
        """Spikes `[T, B, I]` as `[B, T, I]`, labels as they are."""
        return jnp.asarray(array if array.ndim < 3 else array.swapaxes(0, 1))

    def run(self, spikes: jax.Array) -> jax.Array:
        return self._run(self.learner.network_params, spikes, self.keys)

    def train(self, spikes: jax.Array, labels: jax.Array) -> Any:
        self.learner = self._present(self.learner, spikes, labels, self.keys)
        return self.learner.params
