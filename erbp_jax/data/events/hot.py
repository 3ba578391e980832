"""Pixels that never rest, and recordings without them."""

import numpy as np

from erbp_jax.data.events.events import Events
from erbp_jax.errors import UserError


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
