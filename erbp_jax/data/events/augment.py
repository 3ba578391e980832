"""Recordings that are changed a little before they are learned from."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.data.events.events import Events, in_order
from erbp_jax.registry import register
from erbp_jax.units import AtLeast, Below, Count, Ms, Whole


@register("augment", "events")
@dataclass(frozen=True)
class Augment:
    """Other recordings of the same things: events left out, moved, mirrored.

    Example:
        >>> import numpy as np, erbp_jax as ej
        >>> one = ej.Events(t=[0, 10], x=[3, 0], y=[0, 1], p=[1, 0], sensor=(2, 4, 2))
        >>> ej.Augment(drop=0.5)(one, np.random.default_rng(1)).t.tolist()
        [0, 10]

    Raises:
        ValueError: numbers out of range.
    """

    copies: Count = 1
    """Number of modified copies of each training recording, in addition to the recording itself."""
    drop: Annotated[float, AtLeast(0.0), Below(1.0)] = 0.0
    """Probability that an event is dropped."""
    jitter: Annotated[Ms, AtLeast(0.0)] = 0.0
    """Standard deviation of the jitter of event times, in ms; times stay at or above 0."""
    shift: Whole = 0
    """Maximal shift of a whole recording in pixels, vertical and horizontal; events outside the sensor are
    dropped. Sensors of one row or one column are not shifted across it."""
    flip: bool = False
    """Mirror each copy horizontally with a chance of one half."""

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise ValueError(f"Augment: copies must be a whole number from 1, got {shown(repr(self.copies))}")
        if not (self.drop or self.jitter or self.shift or self.flip):
            raise ValueError("Augment: copies that nothing changes; give drop, jitter, shift or flip")
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
            y, x = y + down * (height > 1), x + right * (width > 1)
        if self.jitter:
            t = np.maximum(0, t + np.round(rng.normal(0, 1000 * self.jitter, len(t))).astype(np.int64))
        kept = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        if self.drop:
            kept &= rng.random(len(t)) >= self.drop
        _, columns = in_order(t[kept], x[kept], y[kept], p[kept])
        return Events(*columns, sensor=events.sensor, name=events.name)
