"""The boxcar that eRBP puts in place of the activation function's derivative."""

import math
from dataclasses import dataclass

import jax

from erbp_jax.declared import checked


@checked
@dataclass(frozen=True)
class Boxcar:
    r"""`Theta(I) = 1` where `low < I < high`, else 0: one addition and two comparisons a synapse event.

    Reads the synaptic current, in units of the weights. `Boxcar.open()` lets everything through (no gate).
    Source: Neftci et al. 2017, eRBP rule.

    Example:
        >>> import jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> ej.Boxcar(-1.0, 1.0)(jnp.array([-2.0, 0.0, 0.5, 1.0])).tolist()
        [False, True, True, False]
    """

    low: float = -2.0
    high: float = 2.0

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"Boxcar: low must lie below high, got {self.low} and {self.high}")

    @classmethod
    def open(cls) -> "Boxcar":
        return cls(-math.inf, math.inf)

    def scaled(self, factor: float) -> "Boxcar":
        """The gate for currents that are so many times as large."""
        return Boxcar(factor * self.low, factor * self.high)

    def __call__(self, current: jax.Array) -> jax.Array:
        """The gate, bool, shape of `current`."""
        return (current > self.low) & (current < self.high)
