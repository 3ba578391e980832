"""Spikes that are given."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from erbp_jax.encoding.base import check_batch


@dataclass(frozen=True)
class Frames:
    """The sample is the input: spikes `[B, T, I]` of any number type, of which tick t of a presentation takes `[:, t]`.

    After the last tick nothing fires.

    Raises:
        ValueError: samples of another shape.
    """

    def init_state(self, sample: jax.Array, key: jax.Array) -> tuple[()]:
        check_batch("Frames", sample, key)
        if sample.ndim != 3:
            raise ValueError(
                f"Frames: samples must be spikes [B, T, I], a batch of ticks of inputs, got shape {list(sample.shape)}"
            )
        return ()

    def __call__(
        self, state: tuple[()], sample: jax.Array, ticks: jax.Array, key: jax.Array
    ) -> tuple[tuple[()], jax.Array]:
        del key
        length = sample.shape[1]
        spikes = jnp.moveaxis(sample[:, jnp.minimum(ticks, length - 1)], 1, 0).astype(jnp.float32)
        return state, jnp.where((ticks < length)[:, None, None], spikes, 0.0)
