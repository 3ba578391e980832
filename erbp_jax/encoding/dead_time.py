"""The silence after a spike: a counter of ticks in the narrowest integer that holds it."""

import jax
import jax.numpy as jnp
import numpy as np


def check_dead_time(name: str, ticks: int) -> None:
    """Refuse a dead time that is no whole number of ticks, or that no counter of 31 bits holds.

    Raises:
        ValueError: with the bounds.
    """
    if not 0 <= ticks < 2**31 or int(ticks) != ticks:
        raise ValueError(f"{name}: dead_time must be a whole number of ticks >= 0 and below 2^31, got {ticks:.10g}")


def no_dead_time(shape: tuple[int, ...], ticks: int) -> jax.Array:
    """The counter of neurons that may all fire: 0, of the dtype that a dead time of `ticks` needs."""
    dtype = next(d for d in (np.uint8, np.uint16, np.uint32) if ticks <= np.iinfo(d).max)
    return jnp.zeros(shape, dtype)


def after_spikes(left: jax.Array, spikes: jax.Array, ticks: int) -> jax.Array:
    """The counter `left` after a tick with `spikes` (bool)."""
    return jnp.where(spikes, jnp.asarray(ticks, left.dtype), jnp.where(left > 0, left - 1, left))
