"""Error neurons: the pair E+ and E- that turns (label - prediction) into spikes of either sign."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.declared import checked


class ErrorState(NamedTuple):
    """State of `ErrorNeurons` after a tick."""

    positive: jax.Array  # [..., K] membrane of E+ (label ahead of prediction)
    negative: jax.Array  # [..., K] membrane of E- (prediction ahead of label)


@checked
@dataclass(frozen=True)
class ErrorNeurons:
    r"""Non-leaky linear neurons with subtractive reset and a floor at zero.

    .. math::
        E^\pm[t] &= E^\pm[t-1] \pm w (s^L[t] - s^P[t]) \\
        s^\pm[t] &= \Theta(E^\pm[t] - E_{th}), \qquad
        E^\pm[t] \leftarrow \max(E^\pm[t] - E_{th} s^\pm[t],\; 0)

    Order within a tick: input, threshold, reset, floor; at most one spike per tick. Without the floor every error
    removes charge from the other neuron of the pair for ever, both drift to minus infinity and learning stops: 7.5 % of
    the small digits wrong in place of 4.3 % (docs/lab/fully_connected.md).

    `weight` and `threshold` share one unit. Labels, predictions and outputs `[..., K]`.
    Source: Neftci et al. 2017, Methods (weight 90 mV, threshold 100 mV); its published code for the floor.

    Example:
        >>> import jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> neurons = ej.ErrorNeurons(weight=0.9, threshold=1.0)
        >>> state, total = neurons.init_state((1,)), 0
        >>> for _ in range(10):
        ...     state, (positive, negative) = neurons.step(state, jnp.ones(1), jnp.zeros(1))
        ...     total += int(positive[0])
        >>> total
        8
    """

    weight: float = 0.9
    threshold: float = 1.0

    def __post_init__(self) -> None:
        if self.weight <= 0 or self.threshold <= 0:
            raise ValueError(f"ErrorNeurons: weight and threshold must be > 0, got {self}")

    def init_state(self, shape: tuple[int, ...]) -> ErrorState:
        return ErrorState(jnp.zeros(shape, jnp.float32), jnp.zeros(shape, jnp.float32))

    def step(
        self, state: ErrorState, label: jax.Array, prediction: jax.Array
    ) -> tuple[ErrorState, tuple[jax.Array, jax.Array]]:
        """One tick: `(state, label[..., K], prediction[..., K]) -> (state, (E+ spikes, E- spikes))`."""
        difference = self.weight * (label - prediction)
        positive, spikes_positive = self._fire(state.positive + difference)
        negative, spikes_negative = self._fire(state.negative - difference)
        return ErrorState(positive, negative), (spikes_positive, spikes_negative)

    def _fire(self, membrane: jax.Array) -> tuple[jax.Array, jax.Array]:
        spikes = (membrane > self.threshold).astype(membrane.dtype)
        return jnp.maximum(membrane - self.threshold * spikes, 0.0), spikes
