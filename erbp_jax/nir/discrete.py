r"""From a time constant to the factor of one tick, and back.

.. math:: a = e^{-\Delta t / \tau} \quad\text{(exact)}, \qquad a = 1 - \Delta t / \tau \quad\text{(Euler)}

Each first-order stage is solved for an input that is held over the tick: `x <- a x + (1 - a) input`. In a neuron of two
stages the membrane of a tick follows the synaptic current of the same tick. `I` and `IF` add `r` times their input once
a tick: their unit of time is the tick, as all simulators read them.
"""

from typing import Literal, get_args

import numpy as np

from erbp_jax.errors import UserError

Method = Literal["exact", "euler"]
METHODS: tuple[str, ...] = get_args(Method)
MS = 1000.0
"""NIR's files have seconds, this package milliseconds."""


def check(dt: float, method: str) -> None:
    """Refuse a tick that is no time, and an unknown way of discretising.

    Raises:
        UserError: says which.
    """
    if isinstance(dt, bool) or not isinstance(dt, int | float | np.number) or not 0 < dt < np.inf:
        raise UserError(f"dt: must be milliseconds > 0, got {dt!r}")
    if method not in METHODS:
        raise UserError(f"method: must be exact or euler, got {method!r}")


def factors(tau: np.ndarray, dt: float, method: str, where: str) -> np.ndarray:
    """The factor a of a tick of `dt` ms, for time constants in seconds; float64.

    Raises:
        UserError: a time constant that is negative, or shorter than a tick under Euler; `where` is put in front.
    """
    tau = np.asarray(tau, np.float64)
    if not (np.isfinite(tau) & (tau >= 0)).all():
        raise UserError(f"{where}: must be seconds >= 0, got {tau.ravel()[~(tau.ravel() >= 0)][:1].tolist()}")
    if method == "exact":
        with np.errstate(divide="ignore", over="ignore"):
            return np.exp(-(dt / MS) / tau)
    short = tau * MS < dt * (1 - 1e-6)  # files have float32
    if short.any():
        raise UserError(
            f"{where}: {tau.min() * MS:.6g} ms is shorter than a tick of {dt:g} ms, for which Euler is unstable; take "
            "dt at most as long, or method exact"
        )
    return np.maximum(1.0 - (dt / MS) / tau, 0.0)


def time_constant(factor: float | np.ndarray, dt: float, method: str) -> np.ndarray:
    """The time constant in seconds whose factor of a tick is this one; 0 for an exact factor of 0."""
    a = np.asarray(factor, np.float64)
    if method == "euler":
        return (dt / MS) / (1.0 - a)
    with np.errstate(divide="ignore"):
        return -(dt / MS) / np.log(a)
