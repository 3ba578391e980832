"""The task that a data set's targets are for."""

from erbp_jax.data import Dataset
from erbp_jax.tasks.base import Task
from erbp_jax.tasks.classification import Classification
from erbp_jax.tasks.regression import Regression


def task_for(data: Dataset) -> Task:
    """Classification of labels, regression of curves with the training set's variance.

    Raises:
        UserError: targets that are neither, or curves that never vary.
    """
    return Classification() if data.labels is not None else Regression(variance=data.variance)
