"""Spikes that are given."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from erbp_jax.declared import checked
from erbp_jax.encoding.base import check_batch


@checked
@dataclass(frozen=True)
class Frames:
    """The sample is the input: spikes `[B, T, I]` of any number type, of which tick t of a presentation takes `[:, t]`.

    After the last tick nothing fires.

    Args:
        bits: Inputs of samples whose spikes are bits, uint8 `[B, T, ceil(bits / 8)]`, as `np.packbits` has it: the
            first input is the highest bit of the first byte. They are unpacked a block of ticks at a time. None if a
            spike is a number.
        most: Spikes an input and tick at most; a model refuses samples with more.

    Example:
        >>> import jax, jax.numpy as jnp, numpy as np
        >>> import erbp_jax as ej
        >>> spikes = np.eye(3, 10, dtype=np.uint8)[None]  # a sample, three ticks, ten inputs
        >>> key = jax.random.split(jax.random.key(0), (3, 1))
        >>> _, out = ej.Frames(bits=10)((), jnp.asarray(np.packbits(spikes, -1)), jnp.arange(3), key)
        >>> bool((out[:, 0] == spikes[0]).all())
        True

    Raises:
        ValueError: samples of another shape or, with `bits`, type; a number of bits or spikes below 1.
    """

    bits: int | None = None
    most: int = 1

    def __post_init__(self) -> None:
        if (self.bits is not None and self.bits < 1) or self.most < 1:
            raise ValueError(f"Frames: bits and most must be at least 1, got {self.bits} and {self.most}")

    def init_state(self, sample: jax.Array, key: jax.Array) -> tuple[()]:
        check_batch("Frames", sample, key)
        if sample.ndim != 3:
            raise ValueError(
                f"Frames: samples must be spikes [B, T, I], a batch of ticks of inputs, got shape {list(sample.shape)}"
            )
        size = -(-(self.bits or 0) // 8)
        if self.bits is not None and (sample.dtype != jnp.uint8 or sample.shape[2] != size):
            raise ValueError(
                f"Frames: {self.bits} inputs are {size} bytes per tick, uint8 [B, T, {size}]; got {sample.dtype} "
                f"{list(sample.shape)}"
            )
        return ()

    def __call__(
        self, state: tuple[()], sample: jax.Array, ticks: jax.Array, key: jax.Array
    ) -> tuple[tuple[()], jax.Array]:
        del key
        length = sample.shape[1]
        spikes = jnp.moveaxis(sample[:, jnp.minimum(ticks, length - 1)], 1, 0)
        if self.bits is not None:
            spikes = jnp.unpackbits(spikes, axis=-1, count=self.bits)
        return state, jnp.where((ticks < length)[:, None, None], spikes.astype(jnp.float32), 0.0)
