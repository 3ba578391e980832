"""From events to ticks of input: window, crop, pooling, polarity; a bit per input and tick."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.data.events.events import Events
from erbp_jax.data.events.hot import hot_pixels, without
from erbp_jax.errors import UserError
from erbp_jax.registry import register
from erbp_jax.units import Above, Count, Whole


class Binned(NamedTuple):
    """One recording as ticks of input.

    Example:
        >>> import erbp_jax as ej
        >>> one = ej.Events(t=[0, 10, 2500], x=[3, 3, 0], y=[0, 0, 1], p=[1, 1, 0], sensor=(2, 4, 2))
        >>> binned = ej.Bins(steps=2)(one)
        >>> binned.spikes.shape, binned.cut, binned.merged
        ((2, 2), 1, 1)
    """

    spikes: np.ndarray
    """uint8 `[T, ceil(I / 8)]`, the first input the highest bit; or, of counts, `[T, I]`."""
    cut: int
    """Events beyond the window."""
    merged: int
    """Events that fell on an input and tick that had one; for counts, those above 255."""


@register("bins", "bins")
@dataclass(frozen=True)
class Bins:
    r"""An event at t microseconds, column x and row y becomes a spike of tick :math:`\lfloor t / (1000 dt) \rfloor`.

    Events from `steps` ticks on are cut off, and counted; what is shorter ends in silence. Inputs are maps (height,
    width, polarities), the last axis fastest, as `Conv2d` takes them.

    Example:
        >>> import erbp_jax as ej
        >>> bins = ej.Bins(steps=300)  # N-MNIST: 34 x 34 x 2 inputs, 289 bytes per tick
        >>> bins.shape((34, 34, 2)), ej.Bins(steps=60, dt=5, pool=2, polarity=False).shape((34, 34, 2))
        ((34, 34, 2), (17, 17, 1))

    Raises:
        ValueError: numbers out of range.
        UserError: when used, a crop or a pool beyond the sensor.
    """

    steps: int
    """Ticks of a recording."""
    dt: float = 1.0
    """Milliseconds per tick."""
    crop: tuple[Whole, Whole, Count, Count] | None = None
    """Top, left, height and width of the region of the sensor to keep, before pooling; all if not given."""
    pool: Count = 1
    """Side length of the squares of pixels that share an input; incomplete squares at the right and bottom are
    left out."""
    polarity: bool = True
    """Use separate inputs for the polarities of a pixel instead of one input."""
    counts: bool = False
    """Use the number of events per tick and input, at most 255, instead of at most one spike."""
    hot: Annotated[float, Above(1.0)] | None = None
    """Leave out pixels with more than this multiple of the mean number of events, in each recording."""

    def __post_init__(self) -> None:
        for key, value in (("steps", self.steps), ("pool", self.pool)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"Bins: {key} must be a whole number from 1, got {shown(repr(value))}")
        if isinstance(self.dt, bool) or not isinstance(self.dt, int | float) or not 1e-3 <= self.dt <= 1e6:
            raise ValueError(f"Bins: dt must be milliseconds, 0.001 and more, got {shown(repr(self.dt))}")
        if self.crop is not None:
            ok = len(self.crop) == 4 and all(isinstance(n, int | np.integer) and n >= 0 for n in self.crop)
            if not ok or 0 in self.crop[2:]:
                raise ValueError(f"Bins: crop must be (top, left, height, width), got {shown(repr(self.crop))}")
            object.__setattr__(self, "crop", tuple(map(int, self.crop)))
        if self.hot is not None and not self.hot > 1:
            raise ValueError(f"Bins: hot must be above 1, got {shown(repr(self.hot))}")

    def shape(self, sensor: tuple[int, int, int]) -> tuple[int, int, int]:
        """Of the inputs of such a sensor: (height, width, maps).

        Raises:
            UserError: a crop or a pool that the sensor has no room for.
        """
        top, left, height, width = self._window(sensor)
        if top + height > sensor[0] or left + width > sensor[1]:
            raise UserError(f"bins.crop: {self.crop} lies outside a sensor of {sensor[0]} x {sensor[1]}")
        if min(height, width) < self.pool and self.pool > 1:
            raise UserError(f"bins.pool: squares of {self.pool} do not fit in {height} x {width} pixels")
        return height // self.pool, width // self.pool, sensor[2] if self.polarity else 1

    def _window(self, sensor: tuple[int, int, int]) -> tuple[int, int, int, int]:
        return self.crop or (0, 0, sensor[0], sensor[1])

    def bytes_a_tick(self, sensor: tuple[int, int, int]) -> int:
        """Of one stored recording."""
        inputs = int(np.prod(self.shape(sensor)))
        return inputs if self.counts else -(-inputs // 8)

    def __call__(self, events: Events) -> Binned:
        """A recording as ticks of input.

        Raises:
            UserError: as `shape`.
        """
        height, width, maps = self.shape(events.sensor)
        top, left, *_ = self._window(events.sensor)
        if self.hot is not None:
            events = without(events, hot_pixels(events, factor=self.hot))
        length = 1000.0 * self.dt  # us
        whole = round(length)
        exact = whole > 0 and abs(length - whole) < 1e-6
        tick = events.t // whole if exact else (events.t / length).astype(np.int64)
        row, column = (events.y - top) // self.pool, (events.x - left) // self.pool
        inside = (events.y >= top) & (row < height) & (events.x >= left) & (column < width)
        late = tick >= self.steps
        kept = inside & ~late
        where = ((tick * height + row) * width + column) * maps + (events.p if self.polarity else 0)
        size = height * width * maps
        place, number = np.unique(where[kept], return_counts=True)
        cut = int((inside & late).sum())
        if self.counts:
            counted = np.zeros((self.steps, size), np.uint8)
            counted.flat[place] = np.minimum(number, 255)
            return Binned(counted, cut, int(np.maximum(number - 255, 0).sum()))
        bits = np.zeros((self.steps, -(-size // 8)), np.uint8)
        tick, unit = np.divmod(place, size)
        np.bitwise_or.at(bits, (tick, unit >> 3), (128 >> (unit & 7)).astype(np.uint8))
        return Binned(bits, cut, int((number - 1).sum()))
