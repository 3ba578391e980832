"""Milliseconds to ticks."""

from erbp_jax.errors import UserError


def ticks(key: str, milliseconds: float, dt: float) -> int:
    """A time as a whole number of ticks.

    Raises:
        UserError: it is not a multiple of dt.
    """
    exact = milliseconds / dt
    if abs(exact - round(exact)) > 1e-6 * max(1.0, exact):
        raise UserError(f"{key}: {milliseconds:g} ms is not a whole number of ticks of encoding.dt = {dt:g} ms")
    return round(exact)
