"""How a model was trained: what `fit(model=...)` goes on with where nothing else is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from erbp_jax.data import Dataset
from erbp_jax.encoding import Frames
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.transforms import Optimizers


@dataclass(frozen=True, eq=False)
class Fitted:
    """The experiment, the batches of an epoch, the optimisers, and what makes them for another experiment."""

    experiment: Experiment
    batches: int
    optimizers: Optimizers
    make: Callable[[Experiment, int], Optimizers]

    def optimizers_for(self, experiment: Experiment, batches: int) -> Optimizers:
        """Those of before. They count blocks of a presentation and of an epoch, and are made anew where there are
        others."""
        if (experiment.blocks, batches) == (self.experiment.blocks, self.batches):
            return self.optimizers
        return self.make(experiment, batches)

    def settings(self, data: Dataset, given: Mapping[str, Any]) -> dict[str, Any]:
        """What a training goes on with: what is not `given` is as it was.

        Encoders are of images or of given trains; burn-ins and updates are of a number of ticks, and of one another.
        """
        was = self.experiment
        images = data.ticks is None and not isinstance(was.encoder, Frames)
        kept: dict[str, Any] = {"task": was.task, "batch_size": min(was.batch_size, len(data.train))}
        if images:
            kept["encoder"] = was.encoder
        if images or (data.ticks is not None and was.steps <= data.ticks):
            kept["steps"] = was.steps
        if given["steps"] in (None, was.steps) and "steps" in kept:
            start, every = given["burn_in"], given["update_every"]
            if every is None or not (was.burn_in % every or was.steps % every):
                kept["burn_in"] = was.burn_in
            if start is None or not start % was.update_every:
                kept["update_every"] = was.update_every
        return {name: kept.get(name) if value is None else value for name, value in given.items()}
