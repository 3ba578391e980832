"""Milliseconds to ticks."""

from erbp_jax.config.schema.base import MOST
from erbp_jax.errors import UserError


def ticks(key: str, milliseconds: float, dt: float, clock: str = "encoding.dt") -> int:
    """A time as a whole number of ticks; `key` and `clock` are where the config says the two.

    Raises:
        UserError: it is not a multiple of dt, or too many ticks for 32 bits.
    """
    exact = milliseconds / dt
    if exact > MOST:
        raise UserError(f"{key}: {milliseconds:g} ms are {exact:.3g} ticks of {clock} = {dt:g} ms, more than {MOST:,}")
    if abs(exact - round(exact)) > 1e-6 * min(max(1.0, exact), 1e3):
        raise UserError(f"{key}: {milliseconds:g} ms is not a whole number of ticks of {clock} = {dt:g} ms")
    return round(exact)
