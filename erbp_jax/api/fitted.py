"""How a model was trained: what `fit(model=...)` goes on with where nothing else is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import optax

from erbp_jax.api.prepare import optimizers_for
from erbp_jax.data import Dataset
from erbp_jax.encoding import Frames
from erbp_jax.errors import UserError
from erbp_jax.tasks import Regression, task_for
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.transforms import Optimizers
from erbp_jax.wording import plural

Make = Callable[[Experiment, int], Optimizers]
"""The optimisers of an experiment and the batches of an epoch."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a training was. Functions, which optimisers are, have no place in a pickle: what comes back is None."""

    experiment: Experiment
    batches: int
    """Of an epoch."""
    shape: tuple[int, ...] | None
    """Of a sample, or a tick of one."""
    trains: bool
    """Whether samples were given trains."""
    optimizers: Optimizers
    make: Make
    rule_optimizer: bool = False
    """Whether the rule's optimiser was given."""
    ends: int | None = None
    """Epochs after which the learning rate is 0; None if it never is."""

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()

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
            UserError: samples of another size for the encoder of before, or one-hot rows for a regression.
        """
        was = self.experiment
        kept: dict[str, Any] = {"task": was.task, "batch_size": min(was.batch_size, len(data.train))}
        if given["task"] is None and isinstance(was.task, Regression):
            task_for(data)  # looks at the targets
        if self.trains == (data.ticks is not None) and not isinstance(was.encoder, Frames):
            kept["encoder"] = was.encoder
            if given["encoder"] is None and self.shape is not None and data.shape is not None:
                _as_large(data, int(np.prod(self.shape)))
        if was.steps <= data.ticks if data.ticks is not None else data.curve_ticks in (None, was.steps):
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
        return replace(
            experiment,
            test_steps=was.test_steps if steps is None and experiment.steps == was.steps else experiment.test_steps,
            reset_state=was.reset_state,
            shift=was.shift if data.shape == self.shape else None,
        )


def _as_large(data: Dataset, features: int) -> None:
    if data.features != features:
        raise UserError(
            f"data: a sample of {data.called} has {data.features} values, and the model was trained on samples of "
            f"{features}"
        )


@dataclass(frozen=True, eq=False)
class Asked:
    """The optimisers that a training asks for: the given ones, and those of `before` where none is given.

    A new optimiser or learning rate is also for the rule's parameters, unless these had an optimiser of their own.
    """

    before: Fitted | None
    optimizer: optax.GradientTransformation | None
    rule_optimizer: optax.GradientTransformation | None
    learning_rate: float | None

    @property
    def _own(self) -> bool:
        return self.optimizer is not None or self.learning_rate is not None

    def optimizers(self, experiment: Experiment, batches: int) -> Optimizers:
        """Those of before themselves if nothing is asked, so that a program that is compiled serves again."""
        if self.before is not None and not self._own and self.rule_optimizer is None:
            return self.before.optimizers_for(experiment, batches)
        return self._make()(experiment, batches)

    def fitted(self, experiment: Experiment, optimizers: Optimizers, data: Dataset) -> Fitted:
        """What the next training goes on with."""
        before, rule_optimizer = self.before, self.rule_optimizer is not None
        return Fitted(
            experiment, len(data.train) // experiment.batch_size, data.shape, data.ticks is not None, optimizers,
            self._make(), rule_optimizer or (before is not None and before.rule_optimizer), self._ends,
        )  # fmt: skip

    def check(self, begun: int, epochs: int) -> None:
        """Refuse epochs in which nothing would be learned.

        Raises:
            UserError: the learning rate is 0 at the end of what a run was planned for.
        """
        if self._ends is not None and epochs and begun + epochs > self._ends:
            raise UserError(
                f"model: the learning rate of its run falls to 0 within {plural(self._ends, 'epoch')}, and this "
                f"training goes on to epoch {begun + epochs}; go on from the weights alone, "
                "model=dataclasses.replace(model, learner=None)"
            )

    @property
    def _ends(self) -> int | None:
        return self.before.ends if self.before is not None and not self._own else None

    def _make(self) -> Make:
        before, own = self.before, self._own
        new: Make = partial(
            optimizers_for, optimizer=self.optimizer, rule_optimizer=self.rule_optimizer,
            learning_rate=self.learning_rate,
        )  # fmt: skip
        if before is None or (own and (self.rule_optimizer is not None or not before.rule_optimizer)):
            return new
        kept = before.make
        if not own and self.rule_optimizer is None:
            return kept

        def make(experiment: Experiment, batches: int) -> Optimizers:
            made, was = new(experiment, batches), kept(experiment, batches)
            return Optimizers(made.network, was.rule) if own else Optimizers(was.network, made.rule)

        return make
