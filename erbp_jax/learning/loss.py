"""What a gradient rule makes small: functions of the output's mean rates."""

from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import optax

from erbp_jax.registry import register
from erbp_jax.units import Positive


class Loss(Protocol):
    """`(rates[B, K] as a fraction of the highest rate, target[B]) -> loss[B]`."""

    def __call__(self, rates: jax.Array, target: jax.Array) -> jax.Array: ...


@register("loss", "cross_entropy")
@dataclass(frozen=True)
class CrossEntropy:
    """Cross entropy of `softmax(gain * rates)`. With rates in [0, 1], `gain` bounds the confidence."""

    gain: Positive = 10.0
    """Logits are `gain` times the output's rates, as fractions of the highest rate."""

    def __call__(self, rates: jax.Array, target: jax.Array) -> jax.Array:
        check_classes("CrossEntropy", target, rates.shape[0])
        return optax.softmax_cross_entropy_with_integer_labels(jnp.float32(self.gain) * rates, target)


@register("loss", "squared_error")
@dataclass(frozen=True)
class SquaredError:
    """Half the squared distance of the rates from the label's: 1 for its class, 0 elsewhere. What eRBP follows."""

    def __call__(self, rates: jax.Array, target: jax.Array) -> jax.Array:
        check_classes("SquaredError", target, rates.shape[0])
        label = jax.nn.one_hot(target, rates.shape[-1], dtype=rates.dtype)
        return 0.5 * jnp.square(rates - label).sum(-1)


def check_classes(name: str, target: Any, batch: int) -> None:
    """Refuse a target that is not one class a sample.

    Raises:
        ValueError: says what was given.
    """
    shape, dtype = tuple(getattr(target, "shape", ())), getattr(target, "dtype", None)
    if shape != (batch,) or dtype is None or not jnp.issubdtype(dtype, jnp.integer):
        given = type(target).__name__ if dtype is None else f"{dtype} {list(shape)}"
        raise ValueError(f"{name}: the target must be one class a sample, whole numbers [{batch}], got {given}")
