"""How a model was trained: what `fit(model=...)` goes on with where nothing else is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from erbp_jax.api.prepare import optimizers_for
from erbp_jax.data import Dataset
from erbp_jax.encoding import Frames
from erbp_jax.errors import UserError
from erbp_jax.tasks import Regression, task_for
from erbp_jax.tasks.inferred import is_one_hot
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.transforms import Optimizers

Make = Callable[..., Optimizers]
"""The optimisers of `(experiment, batches of an epoch)`, with `learning_rate=` at another rate."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a training was. Functions have no place in a pickle: if optimisers were given, what comes back is None."""

    experiment: Experiment
    batches: int
    """Of an epoch."""
    shape: tuple[int, ...] | None
    """Of a sample, or a tick of one."""
    trains: bool
    """Whether samples were given trains."""
    one_hot: bool
    """Whether targets were one-hot rows, which somebody wanted as they are."""
    optimizers: Optimizers
    make: Make
    given: tuple[bool, bool] = (False, False)
    """Whether the network's optimiser was given, and the rule's on its own: their schedules are not ours."""
    falls: int | None = None
    """Epochs in which the learning rate falls to 0; None if it never does."""
    begun: int = 0
    """The epoch in which its schedule began."""

    @classmethod
    def of(cls, experiment: Experiment, data: Dataset, optimizers: Optimizers, make: Make, **more: Any) -> "Fitted":
        """Of a training on this data."""
        batches, one_hot = len(data.train) // experiment.batch_size, data.labels is None and is_one_hot(data.train.y)
        return cls(experiment, batches, data.shape, data.ticks is not None, one_hot, optimizers, make, **more)

    def __reduce__(self) -> tuple[Any, ...]:
        if any(self.given) or not isinstance(self.make, partial) or self.make.func is not optimizers_for:
            return type(None), ()
        kept = self.experiment, self.batches, self.shape, self.trains, self.one_hot, self.make, self.falls, self.begun
        return _unpickled, kept

    def __copy__(self) -> "Fitted":
        return self

    def __deepcopy__(self, memo: Any) -> "Fitted":
        return self

    def optimizers_for(self, experiment: Experiment, batches: int) -> Optimizers:
        """Those of before. They count blocks of a presentation and of an epoch, and are made anew where there are
        others."""
        if (experiment.blocks, batches) == (self.experiment.blocks, self.batches):
            return self.optimizers
        return self.make(experiment, batches)

    def settings(self, data: Dataset, given: Mapping[str, Any]) -> dict[str, Any]:
        """What a training goes on with: what is not `given` is as it was.

        Encoders are of images or of given trains, the plain one of trains is of their size; burn-ins and updates are
        of a number of ticks, and of one another.

        Raises:
            UserError: samples of another size for the encoder of before, or one-hot rows for a regression of others.
        """
        was = self.experiment
        kept: dict[str, Any] = {"task": was.task, "batch_size": min(was.batch_size, len(data.train))}
        task = given["task"] or was.task
        if given["task"] is None and isinstance(task, Regression) and not self.one_hot and is_one_hot(data.train.y):
            task_for(data)  # says what they are
        if self.trains == (data.ticks is not None) and not isinstance(was.encoder, Frames):
            kept["encoder"] = was.encoder
            if given["encoder"] is None and self.shape is not None and data.shape is not None:
                _as_large(data, int(np.prod(self.shape)))
        ticks = data.curve_ticks if isinstance(task, Regression) else None
        if was.steps <= data.ticks if data.ticks is not None else ticks in (None, was.steps):
            kept["steps"] = was.steps
        if given["steps"] in (None, was.steps) and "steps" in kept:
            start, every = given["burn_in"], given["update_every"]
            if every is None or not (was.burn_in % every or was.steps % every):
                kept["burn_in"] = was.burn_in
            if start is None or not start % was.update_every:
                kept["update_every"] = was.update_every
        return {name: kept.get(name) if value is None else value for name, value in given.items()}

    def rest(self, experiment: Experiment, data: Dataset, *, steps: int | None) -> Experiment:
        """The experiment with what a config may say and `fit` has no argument for: ticks of a test, states that are
        carried on, shifted copies of images of the same shape."""
        was = self.experiment
        same = steps is None and experiment.steps == was.steps and (data.ticks is None or was.test_steps <= data.ticks)
        return replace(
            experiment,
            test_steps=was.test_steps if same else experiment.test_steps,
            reset_state=was.reset_state,
            shift=was.shift if data.shape == self.shape else None,
        )


def _unpickled(experiment: Experiment, batches: int, *more: Any) -> Fitted:
    shape, trains, one_hot, make, falls, begun = more
    made = make(experiment, batches)
    return Fitted(experiment, batches, shape, trains, one_hot, made, make, falls=falls, begun=begun)


def _as_large(data: Dataset, features: int) -> None:
    if data.features != features:
        raise UserError(
            f"data: a sample of {data.called} has {data.features} values, and the model was trained on samples of "
            f"{features}"
        )
