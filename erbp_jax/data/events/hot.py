"""Pixels that never rest, and recordings without them."""

import numpy as np

from erbp_jax.data.events.events import Events
from erbp_jax.errors import UserError


def hot_pixels(events: Events, *, factor: float = 10.0) -> np.ndarray:
    """Pixels whose number of events is more than `factor` times the mean of those that have any: bool `[H, W]`.

    A pixel with less than ten events is never one.

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

    Raises:
        UserError: pixels of another shape.
    """
    pixels = np.asarray(pixels)
    if pixels.shape != events.sensor[:2] or pixels.dtype != np.bool_:
        raise UserError(f"pixels: bool {list(events.sensor[:2])} was expected, got {pixels.dtype} {list(pixels.shape)}")
    return events[~pixels[events.y, events.x]]
