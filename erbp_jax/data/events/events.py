"""Events of an address-event sensor: when, where, of which sign."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.errors import UserError

MOST_PLACES = 2**28
"""16,384 x 16,384 pixels of one polarity."""


@dataclass(frozen=True, eq=False)
class Events:
    """A recording: event i happened at `t[i]` microseconds at column `x[i]`, row `y[i]`, with polarity `p[i]`.

    `t` int64, in order, not before 0; `x`, `y` and `p` int32, in the ranges of `sensor`, (height, width, polarities).
    A cochlea or a microphone array has one row and one polarity: `(1, 700, 1)`.

    Example:
        >>> import erbp_jax as ej
        >>> one = ej.Events(t=[0, 10, 10], x=[3, 0, 1], y=[0, 1, 1], p=[1, 0, 1], sensor=(2, 4, 2))
        >>> len(one), one.duration
        (3, 11)

    Raises:
        UserError: arrays of other lengths or types, and the first event that lies outside the sensor or before the
            event in front of it; `in_order` mends the latter.
    """

    t: np.ndarray
    x: np.ndarray
    y: np.ndarray
    p: np.ndarray
    sensor: tuple[int, int, int]
    name: str = field(default="events", kw_only=True)
    """What messages call it: a file's path."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sensor", as_sensor(self.name, self.sensor))
        for key, dtype in (("t", np.int64), ("x", np.int32), ("y", np.int32), ("p", np.int32)):
            object.__setattr__(self, key, _column(self.name, key, getattr(self, key), dtype))
        if any(len(column) != len(self.t) for column in (self.x, self.y, self.p)):
            lengths = {key: len(getattr(self, key)) for key in "txyp"}
            raise UserError(f"{self.name}: t, x, y and p must be equally long, got {lengths}")
        for key, most in zip("yxp", self.sensor, strict=True):
            column = getattr(self, key)
            if (wrong := np.flatnonzero((column < 0) | (column >= most))).size:
                raise UserError(
                    f"{self.name}: event {wrong[0]:,}: {key} = {column[wrong[0]]}, and a sensor of "
                    f"{sensor_text(self.sensor)} has 0 to {most - 1}"
                )
        if len(self.t) and (early := np.flatnonzero(np.diff(self.t, prepend=0) < 0)).size:
            first = int(early[0])
            before = f"after one at {self.t[first - 1]:,} us" if first else "before 0"
            raise UserError(
                f"{self.name}: event {first:,}: at {self.t[first]:,} us {before}; time runs backwards at "
                f"{early.size:,} of its {len(self):,} events (repair puts them in order)"
            )

    def __len__(self) -> int:
        return len(self.t)

    def __getitem__(self, which: Any) -> "Events":
        """Some of the events, in their order: a slice or a mask."""
        return Events(
            *(column[which] for column in (self.t, self.x, self.y, self.p)), sensor=self.sensor, name=self.name
        )

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        """
        Raises:
            UserError: always: what a network is shown are ticks of input.
        """
        raise UserError(
            f"{self.name}: a recording is no array yet; ej.Bins(steps=...)(events).spikes are its ticks of input, "
            "[None] makes one sample of them, and ej.from_recordings a data set of many"
        )

    @property
    def duration(self) -> int:
        """Microseconds from 0 to the end of the last event's."""
        return int(self.t[-1]) + 1 if len(self) else 0


def in_order(t: Any, *columns: Any) -> tuple[int, tuple[np.ndarray, ...]]:
    """How many events were out of order, and the columns in order of time; events of one time keep their order.

    An event is out of order if a later one comes before it.

    Example:
        >>> from erbp_jax.data.events import in_order
        >>> late, (t, x) = in_order([5, 3, 9], [0, 1, 2])
        >>> late, t.tolist(), x.tolist()
        (1, [3, 5, 9], [1, 0, 2])
    """
    t = np.asarray(t)
    ordered = t.ndim == 1 and t.size and t.dtype.kind in "iuf"  # of other columns there is nothing to say
    late = int((t < np.maximum.accumulate(t)).sum()) if ordered else 0
    order = np.argsort(t, kind="stable") if late else slice(None)
    return late, (t[order], *(np.asarray(column)[order] for column in columns))


def as_sensor(name: str, given: Any) -> tuple[int, int, int]:
    """(height, width, polarities), at least 1 each, and at most `MOST_PLACES` together.

    Raises:
        UserError: something else.
    """
    try:
        height, width, polarities = (int(n) for n in given if n == int(n) and n >= 1)
    except (TypeError, ValueError, OverflowError):  # the last of infinity
        raise UserError(
            f"{name}: a sensor is (height, width, polarities), whole numbers from 1, got {shown(repr(given))}"
        ) from None
    if height * width * polarities > MOST_PLACES:
        raise UserError(
            f"{name}: a sensor has at most {MOST_PLACES:,} pixels times polarities, got {shown(repr(given))}"
        )
    return height, width, polarities


def sensor_text(sensor: tuple[int, int, int]) -> str:
    """`34 x 34 x 2`."""
    return " x ".join(map(str, sensor))


def _column(name: str, key: str, given: Any, dtype: type[np.signedinteger[Any]]) -> np.ndarray:
    column = np.asarray(given)
    if column.ndim != 1 or (column.size and column.dtype.kind not in "iub"):
        raise UserError(
            f"{name}: {key} must be whole numbers, one per event, got {column.dtype} {list(column.shape)}"
            + ("; times are in microseconds" if key == "t" and column.dtype.kind == "f" else "")
        )
    limits = np.iinfo(dtype)
    if column.size and (column.max() > limits.max or column.min() < limits.min):
        raise UserError(f"{name}: {key} goes from {column.min():,} to {column.max():,}, beyond {dtype.__name__}")
    return column.astype(dtype)
