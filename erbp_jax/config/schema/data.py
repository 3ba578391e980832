"""Data sets and how much of them."""

from typing import Annotated, Literal

from pydantic import Field

from erbp_jax.config.schema.base import Count, Section


class Data(Section):
    name: Literal["mnist", "digits"] = "mnist"
    dir: str | None = None
    train_size: Count | None = None
    test_size: Count | None = None
    validation_size: Annotated[int, Field(ge=0)] = 0
    """Held-out training samples that take the place of the test set, for choosing hyper-parameters."""
    shift: Annotated[int, Field(ge=0)] = 0
    """Pixels that a training image is moved by at most, down or up and left or right, anew each time it is shown."""
