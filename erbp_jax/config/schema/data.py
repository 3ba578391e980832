"""Data sets and how much of them."""

from typing import Literal

from erbp_jax.config.schema.base import Count, FilePath, Section, Whole


class Data(Section):
    name: Literal["mnist", "digits"] = "mnist"
    dir: FilePath | None = None
    train_size: Count | None = None
    test_size: Count | None = None
    validation_size: Whole = 0
    """Held-out training samples that take the place of the test set, for choosing hyper-parameters."""
    shift: Whole = 0
    """Pixels that a training image is moved by at most, down or up and left or right, anew each time it is shown."""
