"""What a gradient rule makes small: functions of the output's mean rates."""

from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
import optax


class Loss(Protocol):
    """`(rates[B, K] as a fraction of the highest rate, target[B]) -> loss[B]`."""

    def __call__(self, rates: jax.Array, target: jax.Array) -> jax.Array: ...


@dataclass(frozen=True)
class CrossEntropy:
    """Cross entropy of `softmax(gain * rates)`. With rates in [0, 1], `gain` bounds the confidence."""

    gain: float = 10.0

    def __call__(self, rates: jax.Array, target: jax.Array) -> jax.Array:
        return optax.softmax_cross_entropy_with_integer_labels(jnp.float32(self.gain) * rates, target)


@dataclass(frozen=True)
class SquaredError:
    """Half the squared distance of the rates from the label's: 1 for its class, 0 elsewhere. What eRBP follows."""

    def __call__(self, rates: jax.Array, target: jax.Array) -> jax.Array:
        label = jax.nn.one_hot(target, rates.shape[-1], dtype=rates.dtype)
        return 0.5 * jnp.square(rates - label).sum(-1)
