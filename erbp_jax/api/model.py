"""What was learned, with all that is needed to use it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.api.fitted import Fitted
from erbp_jax.api.numbers import numbers, whole
from erbp_jax.api.recording import Recording, are_bits, record
from erbp_jax.data import Dataset, Samples
from erbp_jax.data.arrays import as_array, as_bytes, as_trains, flat, not_dark
from erbp_jax.data.dataset import named
from erbp_jax.encoding import Encoder, Frames
from erbp_jax.errors import UserError
from erbp_jax.learning.base import Rule, display_name
from erbp_jax.network import Network
from erbp_jax.params import Params
from erbp_jax.settings import settled
from erbp_jax.tasks import Task
from erbp_jax.training import testing
from erbp_jax.training.engine import Learner
from erbp_jax.training.experiment import Experiment
from erbp_jax.wording import plural

MANY = 10
"""Samples that are looked at as a set."""


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network: returned by `fit`, `load` and `open_run`.

    `params` are the network's trained and fixed parameters, `rule_params` the rule's. `history` has the metrics of
    every epoch. `labels` are what the classes are called in the data.

    Example:
        >>> import erbp_jax as ej
        >>> data = ej.data.load("digits").subset(100, 20)
        >>> model = ej.fit(ej.mlp(64, 20, 10), ej.ERBP.default, data, epochs=0, progress=False)
        >>> model.predict(data.test.x[:5]).shape
        (5,)
    """

    network: Network
    params: Params
    rule: Rule
    rule_params: Params
    encoder: Encoder
    task: Task
    steps: int
    """Ticks of a presentation."""
    dt: float = 1.0
    """Length of a tick in ms, for rates in Hz and for plots."""
    seed: int = 0
    shape: tuple[int, ...] | None = None
    """Of one sample as the data has it; None if the samples are no arrays."""
    labels: np.ndarray | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    test_name: str = "test"
    """What the samples of the history's tests are called: `test` or `held-out`."""
    learner: Learner | None = None
    """The state from which `fit(..., model=...)` continues; None after `load`, so that the optimiser starts fresh."""
    fitted: Fitted | None = None
    """How the learner was trained, with which `fit(..., model=...)` continues where nothing else is given."""

    @classmethod
    def of_learner(
        cls,
        fitted: Fitted,
        learner: Learner,
        history: list[dict[str, Any]],
        data: Dataset,
        dt: float,
    ) -> "Model":
        """What a training ended with, of one seed."""
        e = fitted.experiment
        return cls(
            network=e.network, params=learner.weights, rule=e.rule, rule_params=learner.rule_params,
            encoder=e.encoder, task=e.task, steps=e.test_steps, dt=dt, seed=int(learner.seed), shape=data.shape,
            labels=data.labels, history=history, test_name=data.test_name, learner=learner,
            fitted=fitted,
        )  # fmt: skip

    @property
    def metrics(self) -> dict[str, Any]:
        """Those of the last epoch.

        Raises:
            UserError: it was never trained.
        """
        if not self.history:
            raise UserError("this model has no history: it was never trained")
        return self.history[-1]

    @property
    def test_error(self) -> float:
        """Of the last epoch, in percent.

        Raises:
            UserError: it was never trained, or is judged by something else.
        """
        if "test_error" not in self.metrics:
            raise UserError(f"this model is judged by {self.task.measures[0].name}, not by its error; see metrics")
        return self.metrics["test_error"]

    def predict(self, x: Any, *, seed: int | None = None, batch_size: int = 500) -> np.ndarray:
        """What the network says of samples `[n, ...]`: labels as the data calls them, or what the task's `answer` is.

        Where it is undecided the answer is -1, or the word `undecided` among words; if a label is called so, the next
        lower number that is none, or `undecided?`.

        `x` as `dataset` takes it: float in [0, 1] or uint8, in the shape of the data or in rows; given trains where the
        model was trained on such, of recordings `bins(events).spikes[None]`; or samples of a data set, `data.test`.

        Raises:
            UserError: samples that do not fit the model.
        """
        rows = self._rows(x.x if isinstance(x, Samples) else x)
        result = self._test(rows, None, seed, batch_size)
        return self.named(result.answer)

    def evaluate(self, data: Any, y: Any = None, *, seed: int | None = None, batch_size: int = 500) -> dict[str, float]:
        """The task's measures on samples and targets (labels as the data calls them), on a data set's test set, or on
        samples of a set with the model's labels, whose classes have its numbers: `model.evaluate(data.train)`.

        Raises:
            UserError: samples or targets that do not fit the model.
        """
        if isinstance(data, Samples):  # their classes are numbered already
            rows, targets = self._rows(data.x), data.y
        elif isinstance(data, Dataset):
            rows, targets = self._rows(data.test.x), data.test.y
            if self.labels is not None and data.labels is not None and not np.array_equal(self.labels, data.labels):
                targets = self._classes(data.labels[data.test.y])
        else:
            if y is None:
                raise UserError(
                    "evaluate: samples need their targets, evaluate(x, y); or give a Dataset, or its train or test"
                )
            if self.shape is not None and not isinstance(self.encoder, Frames) and len(data) >= MANY:
                not_dark("x", as_array("x", data))  # a dark image is an image, a dark set in other units
            rows = self._rows(data)
            if isinstance(y, list) or (isinstance(y, tuple) and self.labels is not None):
                y = as_array("y", y, words=True)
            shown, leaves = len(jax.tree.leaves(rows)[0]), jax.tree.leaves(y)
            given = next((np.shape(leaf)[:1] for leaf in leaves if np.shape(leaf)[:1] != (shown,)), (shown,))
            if not leaves or given != (shown,):
                raise UserError(f"y: {given[0] if leaves and given else repr(y)[:100]} for {shown} samples in x")
            targets = self._classes(y) if self.labels is not None else self._curves(y)
        result = self._test(rows, targets, seed, batch_size)
        return {
            m.name: float(m.scale * np.asarray(result.scores[m.name]).astype(np.float64).mean())
            for m in self.task.measures
        }

    def record(self, x: Any, *, seed: int | None = None, steps: int | None = None) -> Recording:
        """Everything that happens while one sample is shown, or a batch `[B, ...]`."""
        one = self._is_one(x)
        if steps is not None and steps < 1:
            raise UserError(f"steps: must be at least 1 tick, got {steps}")
        rows = self._rows(np.asarray(x)[None] if one else x)
        seen = record(
            self.network, self.params, rows, self.encoder, steps=steps or self.steps,
            seed=self.seed if seed is None else seed, dt=self.dt,
        )  # fmt: skip
        return seen.of(0) if one else seen

    def save(self, path: Path | str) -> None:
        """Write it as one `.npz`, which `ej.load` reads: `ej.save(path, model)`."""
        from erbp_jax.api.files import save

        save(path, self)

    def plot(self) -> Any:
        """The learning curve, a matplotlib figure."""
        from erbp_jax.viz.curves import learning_figure

        if not self.history:
            raise UserError("this model has no history to draw")
        return learning_figure(self.history, self.network.name, self.task.measures[0], self.test_name)

    def __repr__(self) -> str:
        first, score = self.task.measures[0], ""
        if self.history:
            score = f", {self.test_name} {first.name} {self.history[-1][f'test_{first.name}']:.4g}{first.unit}"
        return f"Model({self.network.name}, {display_name(self.rule)}, {plural(len(self.history), 'epoch')}{score})"

    def _is_one(self, x: Any) -> bool:
        """Whether it is one sample, in the shape of the data or as a row; given trains are `[T, I]`."""
        if self.shape is None:
            return False
        size, shape = int(np.prod(self.shape)), np.shape(x)
        if isinstance(self.encoder, Frames):
            return len(shape) == 2 and shape[-1] in (size, -(-size // 8) if self.encoder.bits else size)
        return shape in (self.shape, (size,))

    def _rows(self, x: Any) -> Any:
        """Samples as the network was trained on them."""
        if self.shape is None:
            return x
        given, size = as_array("x", x), int(np.prod(self.shape))
        trains = isinstance(self.encoder, Frames)
        wanted = f"[n, T, {size}]" if trains else f"[n, {', '.join(map(str, self.shape))}]"
        fits = given.shape[1:] == self.shape or given.shape[1:] == (size,)
        bits = isinstance(self.encoder, Frames) and bool(self.encoder.bits) and are_bits(given, size)
        if trains:
            fits = bits or (given.ndim == 3 and given.shape[-1] == size)
        if trains and fits and given.shape[1] < self.steps:
            raise UserError(f"x: trains must be at least {self.steps} ticks long, as in training; got {given.shape[1]}")
        if not fits or not len(given):
            raise UserError(f"x: samples must be {wanted}, got shape {list(given.shape)}")
        if bits:
            return given
        if not isinstance(self.encoder, Frames):
            return flat(as_bytes("x", given))
        rows = as_trains("x", given, self.encoder.most)
        return np.packbits(rows, axis=-1) if self.encoder.bits else rows

    def _curves(self, y: Any) -> Any:
        """Targets that are no labels: an array, or a tree that the task knows."""
        return jax.tree.map(np.asarray, y) if isinstance(y, Mapping | tuple) else np.asarray(y, np.float32)

    def _classes(self, y: Any) -> np.ndarray:
        """Labels as classes."""
        labels, given = self.labels, np.asarray(y)
        assert labels is not None
        if given.ndim != 1:
            raise UserError(f"y: labels must be [n], one for each sample, got shape {list(given.shape)}")
        if unknown := sorted(set(given.ravel().tolist()) - set(labels.tolist())):
            raise UserError(f"y: the labels {unknown[:10]} are not those of training, {labels.tolist()[:10]}")
        return np.searchsorted(labels, given).astype(np.int32)

    def named(self, answer: Any) -> Any:
        """Answers of the task as `predict` gives them."""
        if self.labels is None:
            return jax.tree.map(np.asarray, answer)
        return named(self.labels, np.asarray(answer))

    @settled
    def _test(self, rows: Any, targets: Any, seed: int | None, batch_size: int) -> testing.TestResult:
        whole("batch_size", batch_size, 1)
        numbers(seed=self.seed if seed is None else seed)
        n = len(jax.tree.leaves(rows)[0])
        if targets is None:  # scored against anything: only the answer is wanted
            targets = np.zeros(n, np.int32) if self.labels is not None else _nothing(self, n)
        e = Experiment(
            self.network, self.encoder, self.rule, self.steps, self.steps, self.steps, batch_size,
            min(batch_size, n), task=self.task,
        )  # fmt: skip
        used = jnp.uint32(self.seed if seed is None else seed)
        try:
            return jax.device_get(_TEST(e, used, self.params, rows, targets, jnp.int32(len(self.history))))
        except ValueError as error:  # of a task, whose targets these are not
            raise UserError(str(error)) from None


_TEST = jax.jit(testing.test, static_argnums=0)


def _nothing(model: Model, n: int) -> np.ndarray:
    return np.zeros((n, model.network.classes), np.float32)
