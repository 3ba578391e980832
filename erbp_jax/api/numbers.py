"""Numbers and parts that a caller gives, checked before anything is compiled."""

import math
from typing import Any

import numpy as np

from erbp_jax.declared import having
from erbp_jax.errors import UserError

MOST_SEED = 2**32 - 1


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
    number = isinstance(value, int | float | np.floating | np.integer) and not isinstance(value, bool)
    if not number or not (value > 0 and math.isfinite(value)):
        raise UserError(f"{name}: must be a finite number above 0, got {value!r}")
    return float(value)


LEAST = {"epochs": 0, "seed": 0, "burn_in": 0}
PARTS = {
    "network": (("projections", "populations"), "a network, e.g. ej.mlp(64, 100, 10)"),
    "optimizer": (("init", "update"), "an optax transformation, e.g. optax.adam(1e-3)"),
    "rule_optimizer": (("init", "update"), "an optax transformation, e.g. optax.adam(1e-3)"),
    "encoder": (("init_state", "__call__"), "an encoder, e.g. ej.Poisson(0.25)"),
    "task": (("measures", "observe", "score"), "a task, e.g. ej.Classification()"),
    "model": (("learner", "history"), "what ej.fit or ej.load returned"),
}
"""What each part has, and what to say of one that has not."""


def numbers(**given: Any) -> None:
    """Refuse numbers that no training can have; None is not given.

    Raises:
        UserError: names the first of them.
    """
    for name, value in given.items():
        if value is None:
            continue
        if name in ("learning_rate", "dt", "average"):
            positive(name, value)
        else:
            whole(name, value, LEAST.get(name, 1))
            if name == "seed" and value > MOST_SEED:
                raise UserError(f"seed: must be below 2**32, got {value}")


def parts(**given: Any) -> None:
    """Refuse parts that have not the members of their kind; None is not given, but for the network.

    Raises:
        UserError: names the first of them.
    """
    for name, value in given.items():
        if value is not None or name == "network":
            having(name, value, *PARTS[name])
