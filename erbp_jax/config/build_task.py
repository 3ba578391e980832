"""What the output means, from a config and the data."""

import numpy as np

from erbp_jax.config import schema
from erbp_jax.data import Dataset
from erbp_jax.errors import UserError
from erbp_jax.tasks import Choice, Classification, Regression, Task


def build_task(config: schema.Config, data: Dataset) -> Task:
    """The task of a config; without one, the one that the data's targets are for.

    Raises:
        UserError: a task whose targets the data has not; names the key.
    """
    section = config.task
    if section is None:
        return task_of(data)
    classes = data.labels is not None
    if classes != isinstance(section, schema.ClassificationTask):
        raise UserError(f"task.kind: {section.kind} does not fit {data.name}, whose targets are {_targets(data)}")
    match section:
        case schema.ClassificationTask():
            return Classification(section.by)
        case schema.RegressionTask():
            return Regression(section.tau / config.encoding.dt, variance(data))
        case schema.ChoiceTask():
            return Choice()


def task_of(data: Dataset, tau: float = 20.0) -> Task:
    """Classification of labels, regression of curves, with their variance."""
    return Classification() if data.labels is not None else Regression(tau, variance(data))


def variance(data: Dataset) -> float:
    """Of the training set's curves, over samples, ticks and outputs.

    Raises:
        UserError: curves that are all the same number.
    """
    if not isinstance(data.train.y, np.ndarray):
        raise UserError(f"{data.name}: its targets are no arrays; give a task of your own")
    spread = float(data.train.y.astype(np.float64).var())
    if spread == 0:
        raise UserError(f"{data.name}: its curves never vary; there is nothing to follow")
    return spread


def _targets(data: Dataset) -> str:
    return "labels" if data.labels is not None else "numbers for every output"
