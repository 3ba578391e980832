"""What the output means, from a config and the data."""

from erbp_jax.config import schema
from erbp_jax.config.construct import construct
from erbp_jax.data import Dataset
from erbp_jax.errors import UserError
from erbp_jax.tasks import Task, task_for
from erbp_jax.units import Clock


def build_task(config: schema.Config, data: Dataset, clock: Clock) -> Task:
    """The task of a config; without one, the one that the data's targets are for.

    Raises:
        UserError: a task whose targets the data has not; names the key.
    """
    classes = data.labels is not None
    section = config.task
    if section is None:
        return task_for(data)
    given = {"steps": config.encoding.steps, "classes": data.classes, "variance": None if classes else data.variance}
    if section.kind in ("classification", "regression", "choice") and classes != (section.kind == "classification"):
        has = "labels" if classes else "numbers for every output"
        raise UserError(f"task.kind: {section.kind} does not fit {data.called}, whose targets are {has}")
    return construct(section, "task", clock, given)
