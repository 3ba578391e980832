"""A neuron with nothing but what every network needs, for tests of what is refused."""

from dataclasses import dataclass

import jax.numpy as jnp


@dataclass(frozen=True)
class Threshold:
    """Fires where its input is above 1: no state, no surrogate, no rate."""

    def init_state(self, shape, dtype=jnp.float32):
        del shape, dtype
        return ()

    def step(self, state, current, *, key=None):
        del key
        return state, (current > 1).astype(current.dtype)
