"""Gradient and training of a network that is a pure function of its weights, in JAX."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from frameworks.base import GAIN, LEARNING_RATE


class JaxNetwork:
    """A network from `apply(weights, spikes[T, B, I]) -> spikes[T, B, K]`."""

    def __init__(self, apply: Callable[[Any, jax.Array], jax.Array], weights: Sequence[jax.Array], gain: float = 1.0):
        self.weights, self.apply = tuple(weights), apply
        optimizer = optax.adam(LEARNING_RATE / gain)
        self.state = optimizer.init(self.weights)

        def loss(weights, spikes, labels):
            logits = GAIN * apply(weights, spikes).mean(0)
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

        def step(weights, state, spikes, labels):
            change, state = optimizer.update(jax.grad(loss)(weights, spikes, labels), state, weights)
            return optax.apply_updates(weights, change), state

        self._run, self._step = jax.jit(apply), jax.jit(step)
        self._gradient = jax.jit(jax.grad(lambda w, x, c: jnp.vdot(c, apply(w, x))))

    def place(self, array: np.ndarray) -> jax.Array:
        return jnp.asarray(array)

    def run(self, spikes: jax.Array) -> jax.Array:
        return self._run(self.weights, spikes)

    def gradient(self, spikes: jax.Array, cotangent: jax.Array) -> Sequence[jax.Array]:
        return self._gradient(self.weights, spikes, cotangent)

    def train(self, spikes: jax.Array, labels: jax.Array) -> Any:
        self.weights, self.state = self._step(self.weights, self.state, spikes, labels)
        return self.weights
