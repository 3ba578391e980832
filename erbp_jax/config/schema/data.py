"""Data sets and how much of them."""

from typing import Literal

from erbp_jax.config.schema.base import Count, FilePath, Section, Whole


class DataBase(Section):
    """A data set by name, or, with a `kind: my_package.module:factory`, one that a function makes of further keys."""

    name: Literal["mnist", "digits"] = "mnist"
    """A data set of this package."""
    dir: FilePath | None = None
    """The folder of its files."""
    train_size: Count | None = None
    """Training samples, the first ones; all if not given."""
    test_size: Count | None = None
    """Test samples, the first ones; all if not given."""
    validation_size: Whole = 0
    """Held-out training samples that take the place of the test set, for choosing hyper-parameters."""
    shift: Whole = 0
    """Pixels that a training image is moved by at most, down or up and left or right, anew each time it is shown."""
