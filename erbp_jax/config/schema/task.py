"""What the output means."""

from typing import Annotated, Literal

from pydantic import Field

from erbp_jax.config.schema.base import Positive, Section


class ClassificationTask(Section):
    kind: Literal["classification"]
    by: Literal["count", "first", "membrane"] = "count"
    """What decides: the output neuron with the most spikes, the first spike, or the highest membrane potential."""


class RegressionTask(Section):
    kind: Literal["regression"]
    tau: Positive = 20.0
    """Time constant that output and target are smoothed with before they are compared, ms."""


class ChoiceTask(Section):
    kind: Literal["choice"]
    """The data's targets `[n, K]` are what each choice brings."""


Task = Annotated[ClassificationTask | RegressionTask | ChoiceTask, Field(discriminator="kind")]
