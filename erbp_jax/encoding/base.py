"""What every data neuron is: an image in, spikes out, one tick at a time."""

from typing import Any, Protocol

import jax


class Encoder(Protocol):
    """A population of data neurons. Frozen, hashable hyper-parameters; state and keys are explicit.

    Images are uint8 `[B, *shape]`, 0 to 255, and are never turned into `[T, B, ...]` floats; `key[B]`.
    """

    def init_state(self, image: jax.Array, key: jax.Array) -> Any:
        """The state before the first tick of a presentation."""
        ...

    def step(self, state: Any, image: jax.Array, key: jax.Array) -> tuple[Any, jax.Array]:
        """One tick: `(state, image[B, *shape], key[B]) -> (state, spikes[B, *shape])`, float32 0 or 1."""
        ...
