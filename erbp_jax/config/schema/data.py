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


_WORD = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"
_NAME = rf"^{_WORD}(/{_WORD})?$"
"""A variant stands behind its set: `emnist/letters`."""


class DataBase(Section):
    """A data set by name, or, with a `kind: my_package.module:factory`, one that a function makes of further keys."""

    name: Annotated[str, Field(pattern=_NAME)] = "mnist"
    """`digits`, `mnist`, `idx` (the four idx files in `dir`), `digits_saccades` (digits recorded by a simulated
    event camera), or the name of a folder next to MNIST that holds four idx files or event recordings or was
    prepared by TFDS."""
    dir: FilePath | None = None
    """Folder of the data, if not given by ERBP_JAX_DATA or in the user's cache."""
    path: FilePath | None = None
    """Your own data set, instead of `name`: an `.npz` with `x` and `y`, and optionally `x_test`, `y_test`; or a
    folder with event recordings."""
    events: Binning | None = None
    """How event recordings are binned into ticks of `encoding.dt`; the window has `encoding.steps` ticks."""
    augment: Augmentation | None = None
    """Additional, slightly modified copies of the training recordings."""
    repair: bool = False
    """Sort events that are out of order instead of refusing the recording."""
    train_size: Count | None = None
    """Training samples, the first ones; all if not given."""
    test_size: Count | None = None
    """Test samples, the first ones; all if not given."""
    validation_size: Whole = 0
    """Number of held-out training samples that replace the test set, for choosing hyper-parameters."""
    shift: Whole = 0
    """Maximal random shift of a training image in pixels, vertical and horizontal, drawn anew at each presentation."""
