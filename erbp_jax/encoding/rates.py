"""How finely a rate must be drawn: in 256ths where that is near enough for every pixel, else in 2^-32."""

from typing import Annotated

import numpy as np

from erbp_jax.units import PerTick, Rate

PIXELS = np.arange(256)

TOLERANCE = 0.01
"""How far a rate may lie from the one asked for, as a share of the fastest pixel's."""

LEAST_RATE = 0.5 / TOLERANCE / 2.0**32
"""Spikes per tick of the fastest pixel, below which 2^-32 is too coarse for the tolerance: 1.2e-8."""

PixelRate = Annotated[Rate, PerTick(LEAST_RATE, 1.0), "Mean rate of a white pixel."]
"""Spikes per tick of a white pixel; Hz in a config."""


def near_enough(asked: np.ndarray, got: np.ndarray) -> bool:
    """Whether all rates `got[256]` lie within the tolerance of those `asked[256]`; NaN does not."""
    return bool(np.all(np.abs(got - asked) <= TOLERANCE * asked.max()))


def in_words(chance: np.ndarray) -> np.ndarray:
    """Chances or shares of a turn `[256]` as uint32 multiples of 2^-32. A chance of 1 falls short by one of them."""
    return np.minimum(np.round(chance * 2.0**32), 2.0**32 - 1).astype(np.uint32)
