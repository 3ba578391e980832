"""Training images moved at random, so that a network learns what a digit is, not where."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from erbp_jax.random import integers


@dataclass(frozen=True)
class Shift:
    r"""Moves every image by whole pixels; what comes in from outside is 0.

    .. math:: x'_{ij} = x_{i-d, j-r}, \qquad d, r \sim \mathrm{U}\{-m, \dots, m\}

    m is `pixels`, `shape` the images' (H, W). The numbers come from the key of the image alone.

    Raises:
        ValueError: images could move out of sight.
    """

    pixels: int
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        if not 0 <= self.pixels < min(self.shape):
            raise ValueError(f"data.shift: must be from 0 to {min(self.shape) - 1} pixels, got {self.pixels}")

    def __call__(self, image: jax.Array, key: jax.Array) -> jax.Array:
        """Images `[B, H*W]`, of any dtype, with a key each, `[B]`."""
        return jax.vmap(self._one)(image, key)

    def _one(self, image: jax.Array, key: jax.Array) -> jax.Array:
        corner = integers(key, (2,), 0, 2 * self.pixels + 1)
        framed = jnp.pad(image.reshape(self.shape), self.pixels)
        return jax.lax.dynamic_slice(framed, corner, self.shape).reshape(-1)
