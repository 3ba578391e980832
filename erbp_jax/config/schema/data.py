"""Data sets and how much of them."""

from typing import Annotated

from pydantic import Field, model_validator

from erbp_jax.config.schema.base import Count, FilePath, Finite, Fraction, NonNegative, Section, Whole


class EventsSection(Section):
    """How recordings of events become ticks of `encoding.dt`; the window is as long as `encoding.steps`."""

    crop: Annotated[tuple[Whole, Whole, Count, Count], Field(min_length=4, max_length=4)] | None = None
    """Top, left, height and width of what is kept of the sensor, before pooling; all if not given."""
    pool: Count = 1
    """Side of the squares of pixels that share an input."""
    polarity: bool = True
    """An input for each polarity of a pixel; if not, one for all."""
    counts: bool = False
    """The number of events a tick and input, in the place of at most one spike."""
    hot: Annotated[Finite, Field(gt=1)] | None = None
    """Leave out pixels with more than so many times the mean number of events, in each recording."""
    repair: bool = False
    """Put events that are out of order in order, in the place of refusing them."""
    copies: Whole = 0
    """Further copies of each training recording, changed as the keys below say."""
    drop: Fraction = 0.0
    """Chance of an event of a copy to be left out."""
    jitter: NonNegative = 0.0
    """Standard deviation by which an event of a copy moves in time; in ms."""
    shift: Whole = 0
    """Pixels by which a copy is moved at most, up or down and left or right."""
    flip: bool = False
    """Every second copy is mirrored, left for right."""

    @model_validator(mode="after")
    def _changes_are_of_copies(self) -> "EventsSection":
        changed = [key for key in ("drop", "jitter", "shift", "flip") if getattr(self, key)]
        if bool(changed) != bool(self.copies):
            given = " and ".join(changed) or "drop, jitter, shift or flip"
            raise ValueError(f"copies: {self.copies} with {given}: copies are what these change; give both, or none")
        return self


class DataBase(Section):
    """A data set by name, or, with a `kind: my_package.module:factory`, one that a function makes of further keys."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")] = "mnist"
    """`digits`, `mnist`, `idx` (the four idx files in `dir`), `digits_saccades` (digits seen by an event camera that is
    simulated), or the name of a folder, looked for where MNIST is, that holds four idx files or recordings of events or
    was prepared by TFDS."""
    dir: FilePath | None = None
    """Where the data is, if not where ERBP_JAX_DATA says or in the user's cache."""
    path: FilePath | None = None
    """A data set of your own, in the place of `name`: an `.npz` with `x` and `y`, and perhaps `x_test`, `y_test`; or a
    folder with recordings of events."""
    events: EventsSection | None = None
    """How recordings of events become input; for such data alone."""
    train_size: Count | None = None
    """Training samples, the first ones; all if not given."""
    test_size: Count | None = None
    """Test samples, the first ones; all if not given."""
    validation_size: Whole = 0
    """Held-out training samples that take the place of the test set, for choosing hyper-parameters."""
    shift: Whole = 0
    """Pixels that a training image is moved by at most, down or up and left or right, anew each time it is shown."""
