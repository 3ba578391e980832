"""The compiled programs of a training, and the data they work on."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from erbp_jax.config import Config
from erbp_jax.config.build import build
from erbp_jax.config.build_data import load_data
from erbp_jax.data import Dataset
from erbp_jax.errors import NonFiniteError, UserError
from erbp_jax.evaluation.alignment import Alignment
from erbp_jax.learning.base import Aligned
from erbp_jax.parallel import by_seed, everywhere
from erbp_jax.settings import settled
from erbp_jax.training import engine, testing
from erbp_jax.training.engine import Learner
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.optimizer import make_optimizer
from erbp_jax.training.progress import Stopwatch
from erbp_jax.training.rounding import grid_link

PROBE_TICKS = 4000
"""Samples times ticks on which updates are compared with gradients, at most 100 samples: the gradient's memory grows
with both."""


class Session:
    """The compiled programs of one config, and the data they work on.

    All seeds of the config are one more `vmap` axis, in front of every leaf of the learner.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.data: Dataset = load_data(config)
        self.experiment: Experiment = build(config, self.data)
        self.batches = len(self.data.train_labels) // config.training.batch_size
        blocks = (self.experiment.steps - self.experiment.burn_in) // self.experiment.update_every
        try:
            write = grid_link(config.precision, self.experiment.network)
            optimizers = make_optimizer(
                config.optimizer, self.batches * blocks, config.training.epochs, write, blocks=blocks
            )
        except ValueError as error:  # a component's own check
            raise UserError(str(error)) from None
        self.seeds = jnp.asarray(config.seed + np.arange(config.training.seeds), jnp.uint32)
        self.watch = Stopwatch()

        parts, mesh = (self.experiment, optimizers), self.experiment.mesh
        here = (0, None, None, None)
        self._init = _over_seeds(partial(engine.init, *parts), (0,), mesh)
        self._train_jit = _over_seeds(partial(engine.train, *parts), (*here, None, None), mesh)
        self._trace = _over_seeds(partial(engine.trace_finite, *parts), (*here, None), mesh)
        self._test_jit = _over_seeds(partial(testing.test, self.experiment), (0, 0, None, None, None), mesh)
        self._align_jit = _over_seeds(partial(engine.alignment, self.experiment), here, mesh)
        self._finite = jax.jit(lambda trained: [jnp.isfinite(x).all() for x in jax.tree.leaves(trained)])
        try:
            like = jax.eval_shape(self._init, self.seeds)
        except ValueError as error:  # parts that do not fit together, found before anything is written
            raise UserError(str(error)) from None
        self.like: Learner = like if mesh is None else jax.tree.map(partial(_on, mesh), like)
        """A learner's shapes, on the devices that it will be on."""

    @property
    def measures_alignment(self) -> bool:
        """Whether angles to the gradient are wanted, and there is a gradient that the rule stands for."""
        return self.config.training.alignment and isinstance(self.experiment.rule, Aligned)

    @settled
    def start(self) -> Learner:
        """Learners that have seen nothing, one a seed."""
        return self._init(self.seeds)

    @settled
    def compile(self, learner: Learner) -> None:
        """Put the data on the device and compile, with the time it takes kept apart."""
        with self.watch.measure("compile"):
            d = self.data
            place = None if self.experiment.mesh is None else everywhere(self.experiment.mesh)
            self._train_set = jax.device_put((d.train_images, d.train_labels), place)
            self._test_set = jax.device_put((d.test_images, d.test_labels), place)
            zero = jnp.int32(0)
            self._train = self._train_jit.lower(learner, *self._train_set, zero, zero, zero).compile()
            self._test = self._test_jit.lower(self.seeds, learner.weights, *self._test_set, zero).compile()
            if self.measures_alignment:
                probe = max(10, min(100, PROBE_TICKS // self.experiment.steps))
                self._probe = jax.tree.map(lambda x: x[:probe], self._train_set)
                self._align = self._align_jit.lower(learner, *self._probe, zero).compile()

    @settled
    def train(self, learner: Learner, epoch: int, first: int, last: int) -> Learner:
        """The learner after the batches `first .. last - 1` of an epoch (from 0).

        Raises:
            NonFiniteError: weights or states became NaN or infinite; says in which ticks and layer.
        """
        with self.watch.measure("train"):
            after = self._train(learner, *self._train_set, jnp.int32(epoch), jnp.int32(first), jnp.int32(last))
            finite = all(self._finite((after.params, after.rule_params))) and not after.tally.values().lost.any()
        if not finite:
            raise NonFiniteError(self._locate_non_finite(learner, epoch, first, last))
        return after

    @settled
    def test(self, learner: Learner, epoch: int) -> testing.TestResult:
        """The test result of every seed, `[S, n]` each, with the random numbers that belong to an epoch.

        Raises:
            NonFiniteError: states became NaN or infinite, so that the decisions mean nothing.
        """
        with self.watch.measure("test"):
            result = jax.device_get(self._test(self.seeds, learner.weights, *self._test_set, jnp.int32(epoch)))
        if not result.finite.all():
            lost = int((~result.finite).sum())
            raise NonFiniteError(
                f"currents or membrane potentials became NaN or infinite in {lost:,} of {result.finite.size:,} test "
                f"presentations (after epoch {epoch})"
            )
        return result

    @settled
    def align(self, learner: Learner, epoch: int) -> Alignment | None:
        """The angles of every seed, `[S, ...]`; None if the config does not want them or the rule has none."""
        if not self.measures_alignment:
            return None
        with self.watch.measure("alignment"):
            return jax.device_get(self._align(learner, *self._probe, jnp.int32(epoch)))

    @settled
    def _locate_non_finite(self, learner: Learner, epoch: int, first: int, last: int) -> str:
        """Go through the stretch again, looking at weights and states after every block."""
        for batch in range(first, last):
            learner, finite = self._trace(learner, *self._train_set, jnp.int32(epoch), jnp.int32(batch))
            bad = np.argwhere(~np.asarray(finite))  # (seed, block, part)
            if len(bad):
                seed, block, part = bad[np.lexsort((bad[:, 2], bad[:, 1]))][0]
                every = self.experiment.update_every
                tick = self.experiment.burn_in + int(block) * every
                return (
                    f"the {engine.part_names(self.experiment.network)[part]} became NaN or infinite: "
                    f"seed {int(self.seeds[seed])}, epoch {epoch + 1}, batch {batch}, ticks {tick} to "
                    f"{tick + every - 1} of the presentation"
                )
        return f"weights or states became NaN or infinite in epoch {epoch + 1}, batches {first} to {last - 1}"


def _on(mesh: Mesh, shape: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=by_seed(mesh))


def _over_seeds(function: Callable[..., Any], in_axes: tuple[int | None, ...], mesh: Mesh | None) -> Any:
    """The compiled function with the axis of the seeds in front of the arguments that have it, and of all results."""
    if mesh is None:
        return jax.jit(jax.vmap(function, in_axes=in_axes))
    placed = tuple(everywhere(mesh) if axis is None else by_seed(mesh) for axis in in_axes)
    every = jax.vmap(function, in_axes=in_axes, spmd_axis_name="seeds")
    return jax.jit(every, in_shardings=placed, out_shardings=by_seed(mesh))
