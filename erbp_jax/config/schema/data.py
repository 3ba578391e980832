"""Data sets and how much of them."""

from typing import Annotated

from pydantic import Field

from erbp_jax.config.schema.base import Count, FilePath, Section, Whole


class DataBase(Section):
    """A data set by name, or, with a `kind: my_package.module:factory`, one that a function makes of further keys."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")] = "mnist"
    """`digits`, `mnist`, `idx` (the four idx files in `dir`), or the name of a folder that holds four idx files or was
    prepared by TFDS, looked for where MNIST is."""
    dir: FilePath | None = None
    """Where the data is, if not where ERBP_JAX_DATA says or in the user's cache."""
    path: FilePath | None = None
    """A data set of your own, in the place of `name`: an `.npz` with `x` and `y`, and perhaps `x_test`, `y_test`."""
    train_size: Count | None = None
    """Training samples, the first ones; all if not given."""
    test_size: Count | None = None
    """Test samples, the first ones; all if not given."""
    validation_size: Whole = 0
    """Held-out training samples that take the place of the test set, for choosing hyper-parameters."""
    shift: Whole = 0
    """Pixels that a training image is moved by at most, down or up and left or right, anew each time it is shown."""
