"""The compiled programs of a training, and the data they work on."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from erbp_jax.data import Dataset
from erbp_jax.errors import NonFiniteError, UserError
from erbp_jax.evaluation.alignment import Alignment, has_gradient
from erbp_jax.parallel import by_seed, everywhere
from erbp_jax.settings import settled
from erbp_jax.training import engine, testing
from erbp_jax.training.engine import Learner
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.pieces import Pieces
from erbp_jax.training.progress import Stopwatch
from erbp_jax.training.transforms import Optimizers

PROBE_TICKS = 4000
"""Samples times ticks on which updates are compared with gradients, at most 100 samples: the gradient's memory grows
with both."""


class Programs:
    """What trains, tests and measures one experiment on one data set.

    All seeds are one more `vmap` axis, in front of every leaf of the learner. `dt` is the length of a tick in ms, for
    values reported in Hz. `piece` is the number of samples that are on the device at a time, of a set that does not fit
    there: the next ones come while these are learned from, and no number changes.

    Raises:
        UserError: parts that do not fit together.
    """

    def __init__(
        self,
        experiment: Experiment,
        optimizers: Optimizers,
        data: Dataset,
        seeds: Sequence[int] | np.ndarray,
        *,
        dt: float = 1.0,
        alignment: bool = True,
        piece: int | None = None,
    ) -> None:
        self.experiment, self.optimizers, self.data, self.dt = experiment, optimizers, data, dt
        self.wants_alignment = alignment
        self.batches = len(data.train) // experiment.batch_size
        self.seeds = jnp.asarray(np.asarray(seeds), jnp.uint32)
        self.watch = Stopwatch()

        parts, mesh = (experiment, optimizers), experiment.mesh
        here = (0, None, None, None)
        self._init = _over_seeds(partial(engine.init, *parts), (0,), mesh)
        self._pieces = None if piece is None else Pieces(self.data, self.seeds, experiment, piece, mesh)
        data_axis = None if self._pieces is None else 0
        rows = () if self._pieces is None else (engine.Piece(0, None),)  # pyright: ignore[reportArgumentType]
        known = {} if self._pieces is None else {"batches": self.batches}
        self._train_jit = _over_seeds(
            partial(engine.train, *parts, **known), (0, data_axis, data_axis, None, None, None, *rows), mesh
        )
        self._trace = _over_seeds(
            partial(engine.trace_finite, *parts, **known), (0, data_axis, data_axis, None, None, *rows), mesh
        )
        offset = () if self._pieces is None else (None,)
        self._test_jit = _over_seeds(partial(testing.test, experiment), (0, 0, None, None, None, *offset), mesh)
        self._align_jit = _over_seeds(partial(engine.alignment, experiment), here, mesh)
        self._finite = jax.jit(lambda trained: [jnp.isfinite(x).all() for x in jax.tree.leaves(trained)])
        try:
            like = jax.eval_shape(self._init, self.seeds)
        except ValueError as error:  # parts that do not fit together, found before anything is written
            raise UserError(str(error)) from None
        self.like: Learner = like if mesh is None else jax.tree.map(partial(_on, mesh), like)
        """A learner's shapes, on the devices that it will be on."""

    @property
    def measures_alignment(self) -> bool:
        """Whether angles to the gradient are wanted, and there is one."""
        return self.wants_alignment and has_gradient(self.experiment.network, self.experiment.rule)

    @settled
    def start(self) -> Learner:
        """Learners that have seen nothing, one per seed."""
        return self._init(self.seeds)

    @settled
    def trace(self) -> None:
        """Go through what learns and what tests once, with shapes alone: what fails of a neuron, a rule or a task of
        one's own fails here, before anything is written. `compile` begins from these traces.

        Raises:
            UserError: what one of them says of what it meets.
        """
        d, zero = self.data, jax.ShapeDtypeStruct((), jnp.int32)
        try:
            if self._pieces is None:
                train, test = (_shapes((part.x, part.y)) for part in (d.train, d.test))
                self._train_jit.eval_shape(self.like, *train, zero, zero, zero)
                self._test_jit.eval_shape(self.seeds, self.like.weights, *test, zero)
            else:
                samples, piece = _shapes(self._pieces.of_training(0, 0))
                self._train_jit.eval_shape(self.like, *samples, zero, zero, zero, piece)
                first, samples = _shapes(next(self._pieces.of_test())[1:])
                self._test_jit.eval_shape(self.seeds, self.like.weights, *samples, zero, first)
            if self.measures_alignment:
                self._align_jit.eval_shape(self.like, *_shapes(self._of_probe()), zero)
        except ValueError as error:
            raise UserError(str(error)) from None

    @settled
    def compile(self, learner: Learner) -> None:
        """Put the data on the device and compile, with the time it takes kept apart.

        Raises:
            UserError: what a neuron, a rule or a task says of what it meets.
        """
        try:
            with self.watch.measure("compile"):
                self._compile(learner)
        except ValueError as error:
            raise UserError(str(error)) from None

    def _compile(self, learner: Learner) -> None:
        d = self.data
        place = None if self.experiment.mesh is None else everywhere(self.experiment.mesh)
        zero = jnp.int32(0)
        if self._pieces is None:
            self._train_set = jax.device_put((d.train.x, d.train.y), place)
            self._test_set = jax.device_put((d.test.x, d.test.y), place)
            self._train = self._train_jit.lower(learner, *self._train_set, zero, zero, zero).compile()
            self._test = self._test_jit.lower(self.seeds, learner.weights, *self._test_set, zero).compile()
        else:
            samples, piece = self._pieces.of_training(0, 0)
            self._train = self._train_jit.lower(learner, *samples, zero, zero, zero, piece).compile()
            first, samples = next(self._pieces.of_test())[1:]
            self._test = self._test_jit.lower(self.seeds, learner.weights, *samples, zero, first).compile()
        if self.measures_alignment:
            self._probe = jax.device_put(self._of_probe(), place)
            self._align = self._align_jit.lower(learner, *self._probe, zero).compile()

    def _of_probe(self) -> tuple[Any, Any]:
        """The first training samples, at which angles are measured, and their targets."""
        count = max(10, min(100, PROBE_TICKS // self.experiment.steps))
        return jax.tree.map(lambda x: x[:count], (self.data.train.x, self.data.train.y))

    @settled
    def train(self, learner: Learner, epoch: int, first: int, last: int) -> Learner:
        """The learner after the batches `first .. last - 1` of an epoch (from 0).

        Raises:
            NonFiniteError: weights or states became NaN or infinite; says in which ticks and layer.
        """
        with self.watch.measure("train"):
            after = self._trained(learner, epoch, first, last)
            finite = all(self._finite((after.params, after.rule_params))) and not after.counters.values().lost.any()
        if not finite:
            raise NonFiniteError(self._locate_non_finite(learner, epoch, first, last))
        return after

    def _trained(self, learner: Learner, epoch: int, first: int, last: int) -> Learner:
        if self._pieces is None:
            return self._train(learner, *self._train_set, jnp.int32(epoch), jnp.int32(first), jnp.int32(last))
        for number, begin, end in self._pieces.over(first, last):
            samples, piece = self._pieces.of_training(epoch, number)
            learner = self._train(learner, *samples, jnp.int32(epoch), jnp.int32(begin), jnp.int32(end), piece)
            self._pieces.prepare(epoch, number + 1)  # while the device works
        return learner

    def _tested(self, learner: Learner, epoch: int) -> testing.TestResult:
        if self._pieces is None:
            return jax.device_get(self._test(self.seeds, learner.weights, *self._test_set, jnp.int32(epoch)))
        found = []
        for new, first, samples in self._pieces.of_test():
            result = self._test(self.seeds, learner.weights, *samples, jnp.int32(epoch), first)
            found.append(jax.tree.map(lambda x, n=new: np.asarray(x)[:, :n], jax.device_get(result)))
        return jax.tree.map(lambda *parts: np.concatenate(parts, 1), *found)

    @settled
    def test(self, learner: Learner, epoch: int) -> testing.TestResult:
        """The test result of every seed, `[S, n]` each, with the random numbers that belong to an epoch.

        Raises:
            NonFiniteError: states became NaN or infinite, so that the decisions mean nothing.
        """
        with self.watch.measure("test"):
            result = self._tested(learner, epoch)
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
            if self._pieces is None:
                learner, finite = self._trace(learner, *self._train_set, jnp.int32(epoch), jnp.int32(batch))
            else:
                samples, piece = self._pieces.of_training(epoch, self._pieces.number(batch))
                learner, finite = self._trace(learner, *samples, jnp.int32(epoch), jnp.int32(batch), piece)
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


def _shapes(tree: Any) -> Any:
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), tree)


def _on(mesh: Mesh, shape: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=by_seed(mesh))


def _over_seeds(function: Callable[..., Any], in_axes: tuple[Any, ...], mesh: Mesh | None) -> Any:
    """The compiled function with the axis of the seeds in front of the arguments that have it, and of all results."""
    if mesh is None:
        return jax.jit(jax.vmap(function, in_axes=in_axes))
    placed = jax.tree.map(
        lambda axis: everywhere(mesh) if axis is None else by_seed(mesh), in_axes, is_leaf=lambda axis: axis is None
    )
    every = jax.vmap(function, in_axes=in_axes, spmd_axis_name="seeds")
    return jax.jit(every, in_shardings=placed, out_shardings=by_seed(mesh))
