"""What every data neuron is: an image in, spikes out, one tick at a time."""

from typing import Any, Protocol

import jax
import jax.numpy as jnp

from erbp_jax.random import check_keys


class Encoder(Protocol):
    """A population of data neurons. Frozen, hashable hyper-parameters; state and keys are explicit.

    Images are uint8 `[B, *shape]`, 0 to 255, and are never turned into `[T, B, ...]` floats; `key[B]`. Anything else is
    refused (`check_images`).
    """

    def init_state(self, image: jax.Array, key: jax.Array) -> Any:
        """The state before the first tick of a presentation."""
        ...

    def step(self, state: Any, image: jax.Array, key: jax.Array) -> tuple[Any, jax.Array]:
        """One tick: `(state, image[B, *shape], key[B]) -> (state, spikes[B, *shape])`, float32 0 or 1."""
        ...


def check_images(name: str, image: jax.Array, key: jax.Array) -> None:
    """Refuse what is no batch of images in bytes with a key each.

    Raises:
        ValueError: another dtype than uint8, and as `check_batch`; says what was given.
    """
    dtype = getattr(image, "dtype", None)
    if dtype != jnp.uint8:
        given = type(image).__name__ if dtype is None else f"{dtype} {list(image.shape)}"
        raise ValueError(
            f"{name}: images must be uint8, pixels from 0 to 255, got {given}; "
            "pixels from 0 to 1 become bytes by np.round(255 * image).astype(np.uint8)"
        )
    check_batch(name, image, key)


def check_batch(name: str, image: jax.Array, key: jax.Array) -> None:
    """Refuse what is no batch of images with a key each.

    Raises:
        ValueError: no batch axis, no samples, keys that are not `[B]`; says what was given.
    """
    if len(image.shape) < 2 or 0 in image.shape:
        raise ValueError(
            f"{name}: images must be a batch [B, ...] of at least one sample, got shape {list(image.shape)}"
        )
    check_keys(name, key, tuple(image.shape[:1]))
