"""Recordings that are changed a little before they are learned from, and pixels that never rest."""

from dataclasses import dataclass

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.data.events.events import Events, in_order
from erbp_jax.declared import checked
from erbp_jax.errors import UserError


@checked
@dataclass(frozen=True)
class Augment:
    """Other recordings of the same things: events left out, moved, mirrored.

    Args:
        drop: Chance of an event to be left out.
        jitter: Standard deviation by which an event's time moves, in milliseconds; none comes before 0.
        shift: Pixels that a whole recording is moved by at most, up or down and left or right; what leaves the sensor
            is left out.
        flip: Mirror every second recording, left for right.

    Example:
        >>> import numpy as np, erbp_jax as ej
        >>> one = ej.Events(t=[0, 10], x=[3, 0], y=[0, 1], p=[1, 0], sensor=(2, 4, 2))
        >>> ej.Augment(drop=0.5)(one, np.random.default_rng(1)).t.tolist()
        [0, 10]

    Raises:
        ValueError: numbers out of range.
    """

    drop: float = 0.0
    jitter: float = 0.0
    shift: int = 0
    flip: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.drop < 1:
            raise ValueError(f"Augment: drop must be a chance from 0 to below 1, got {shown(repr(self.drop))}")
        if not (0 <= self.jitter <= 1e6 and self.shift >= 0):
            raise ValueError(f"Augment: jitter and shift must not be below 0, got {self.jitter} and {self.shift}")

    def __call__(self, events: Events, rng: np.random.Generator) -> Events:
        """One more recording."""
        height, width, _ = events.sensor
        t, x, y, p = events.t, events.x, events.y, events.p
        if self.flip and rng.random() < 0.5:
            x = width - 1 - x
        if self.shift:
            down, right = rng.integers(-self.shift, self.shift + 1, 2)
            y, x = y + down, x + right
        if self.jitter:
            t = np.maximum(0, t + np.round(rng.normal(0, 1000 * self.jitter, len(t))).astype(np.int64))
        kept = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        if self.drop:
            kept &= rng.random(len(t)) >= self.drop
        _, columns = in_order(t[kept], x[kept], y[kept], p[kept])
        return Events(*columns, sensor=events.sensor, name=events.name)


def hot_pixels(events: Events, *, factor: float = 10.0) -> np.ndarray:
    """Pixels whose number of events is more than `factor` times the mean of those that have any: bool `[H, W]`.

    A pixel with less than ten events is never one.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.data.events import hot_pixels, without
        >>> noisy = ej.Events(t=range(102), x=[0] * 100 + [1, 2], y=[0] * 102, p=[0] * 102, sensor=(1, 3, 1))
        >>> hot = hot_pixels(noisy, factor=2.0)
        >>> hot.tolist(), len(without(noisy, hot))
        ([[True, False, False]], 2)

    Raises:
        UserError: a factor that is not above 1.
    """
    if not factor > 1:
        raise UserError(f"factor: must be above 1, got {factor!r}")
    height, width, _ = events.sensor
    count = np.bincount(events.y * width + events.x, minlength=height * width).reshape(height, width)
    alive = count[count > 0]
    return (count > factor * alive.mean()) & (count >= 10) if alive.size else count > 0


def without(events: Events, pixels: np.ndarray) -> Events:
    """The events of all other pixels; `pixels` is bool `[H, W]`.

    Example:
        >>> import numpy as np, erbp_jax as ej
        >>> from erbp_jax.data.events import without
        >>> one = ej.Events(t=[0, 5], x=[0, 1], y=[0, 0], p=[0, 0], sensor=(1, 2, 1))
        >>> without(one, np.array([[True, False]])).x.tolist()
        [1]

    Raises:
        UserError: pixels of another shape.
    """
    pixels = np.asarray(pixels)
    if pixels.shape != events.sensor[:2] or pixels.dtype != np.bool_:
        raise UserError(f"pixels: bool {list(events.sensor[:2])} was expected, got {pixels.dtype} {list(pixels.shape)}")
    return events[~pixels[events.y, events.x]]
