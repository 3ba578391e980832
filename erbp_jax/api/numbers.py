"""Numbers that a caller gives, checked before anything is compiled."""

import math
from typing import Any

from erbp_jax.errors import UserError


def whole(name: str, value: Any, least: int) -> int:
    """A whole number from `least` on.

    Raises:
        UserError: anything else; says what was given.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        raise UserError(f"{name}: must be a whole number from {least} on, got {value!r}")
    return int(value)


def positive(name: str, value: Any) -> float:
    """A finite number above 0.

    Raises:
        UserError: anything else; says what was given.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (value > 0 and math.isfinite(value)):
        raise UserError(f"{name}: must be a finite number above 0, got {value!r}")
    return float(value)


def having(name: str, value: Any, members: tuple[str, ...], wanted: str) -> None:
    """Refuse what has not the members of its kind.

    Raises:
        UserError: says what was given and what is wanted.
    """
    if isinstance(value, type) or any(not hasattr(value, member) for member in members):
        given = f"the class {value.__name__}" if isinstance(value, type) else repr(value)
        raise UserError(f"{name}: must be {wanted}, got {given[:100]}")
