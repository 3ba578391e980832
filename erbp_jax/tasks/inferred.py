"""The task that a data set's targets are for."""

from erbp_jax.data import Dataset
from erbp_jax.data.arrays import is_one_hot
from erbp_jax.errors import UserError
from erbp_jax.tasks.base import Task
from erbp_jax.tasks.classification import Classification
from erbp_jax.tasks.regression import Regression


def task_for(data: Dataset) -> Task:
    """Classification of labels, regression of curves with the training set's variance.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.tasks import task_for
        >>> task_for(ej.data.load("digits"))
        Classification(by='count')

    Raises:
        UserError: targets that are neither, curves that never vary, or labels in the form of curves: one-hot rows.
    """
    if data.labels is not None:
        return Classification()
    if is_one_hot(data.train.y):
        raise UserError(
            f"{data.called}: y {list(data.train.y.shape)} has one 1 per row, else 0, as one-hot labels have; "
            "y.argmax(1) are the labels; for a regression or rewards say task=ej.Regression(variance=data.variance) or "
            "task=ej.Choice(), in a config task.kind"
        )
    return Regression(variance=data.variance)
