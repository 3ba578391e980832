"""Data sets and how much of them."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from erbp_jax.config.schema.base import Count, FilePath, Section, Whole
from erbp_jax.config.sections import kinds

if TYPE_CHECKING:
    Binning = Augmentation = Any
else:
    Binning = kinds("bins")
    Augmentation = kinds("augment")


class DataBase(Section):
    """A data set by name, or, with a `kind: my_package.module:factory`, one that a function makes of further keys."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")] = "mnist"
    """`digits`, `mnist`, `idx` (the four idx files in `dir`), `digits_saccades` (digits seen by an event camera that is
    simulated), or the name of a folder, looked for where MNIST is, that holds four idx files or recordings of events or
    was prepared by TFDS."""
    dir: FilePath | None = None
    """Where the data is, if not where ERBP_JAX_DATA says or in the user's cache."""
    path: FilePath | None = None
    """A data set of your own, in place of `name`: an `.npz` with `x` and `y`, and perhaps `x_test`, `y_test`; or a
    folder with recordings of events."""
    events: Binning | None = None
    """How recordings of events become input of ticks of `encoding.dt`; the window is as long as `encoding.steps`."""
    augment: Augmentation | None = None
    """Further copies of the training recordings of events, changed a little."""
    repair: bool = False
    """Put events of recordings that are out of order in order, instead of refusing them."""
    train_size: Count | None = None
    """Training samples, the first ones; all if not given."""
    test_size: Count | None = None
    """Test samples, the first ones; all if not given."""
    validation_size: Whole = 0
    """Held-out training samples that take the place of the test set, for choosing hyper-parameters."""
    shift: Whole = 0
    """Pixels that a training image is moved by at most, down or up and left or right, anew each time it is shown."""
