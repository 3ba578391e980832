"""What every encoder is: samples in, input spikes out, block by block of ticks."""

from abc import ABC, abstractmethod
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from erbp_jax.random import check_keys


class Encoder(Protocol):
    """Makes input spikes of samples. Frozen, hashable hyper-parameters; state and keys are explicit.

    A batch of samples is an array `[B, ...]`, or any pytree with such leaves; `key[B]`. It is never turned into
    `[T, B, ...]` floats. Whoever goes tick by tick starts from `TickEncoder`.

    A custom encoder with a single spike per pixel, earlier for brighter pixels:

    >>> from dataclasses import dataclass
    >>> import jax, jax.numpy as jnp
    >>> @dataclass(frozen=True)
    ... class Latency:
    ...     longest: int = 20
    ...     def init_state(self, sample, key):
    ...         return ()
    ...     def __call__(self, state, sample, ticks, key):
    ...         when = jnp.round((1 - sample / 255) * self.longest)
    ...         return state, (when == ticks[:, None, None]).astype(jnp.float32)
    >>> image = jnp.array([[255, 0]], jnp.uint8)
    >>> Latency()((), image, jnp.arange(2), None)[1].tolist()
    [[[1.0, 0.0]], [[0.0, 0.0]]]
    """

    def init_state(self, sample: Any, key: jax.Array, /) -> Any:
        """The state before the first tick of a presentation."""
        ...

    def __call__(self, state: Any, sample: Any, ticks: jax.Array, key: jax.Array, /) -> tuple[Any, jax.Array]:
        """A block of k ticks: `(state, sample, ticks[k], key[k, B]) -> (state, spikes[k, B, I])`, float32.

        `ticks` are int32 and count from the start of the presentation.
        """
        ...


class TickEncoder(ABC):
    """An encoder that goes tick by tick: subclasses give `init_state` and `step`.

    Images are uint8 `[B, *shape]`, 0 to 255, for all encoders of this package that are of this kind; anything else is
    refused (`check_images`).

    Example:
        >>> from dataclasses import dataclass
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> @dataclass(frozen=True)
        ... class Bright(ej.TickEncoder):
        ...     def init_state(self, image, key):
        ...         return ()
        ...     def step(self, state, image, key):
        ...         return state, (image > 127).astype(jnp.float32)
        >>> image, keys = jnp.array([[10, 200]], jnp.uint8), jax.random.split(jax.random.key(0), (2, 1))
        >>> Bright()((), image, jnp.arange(2), keys)[1].tolist()
        [[[0.0, 1.0]], [[0.0, 1.0]]]
    """

    @abstractmethod
    def init_state(self, image: Any, key: jax.Array, /) -> Any:
        """The state before the first tick of a presentation."""

    @abstractmethod
    def step(self, state: Any, image: Any, key: jax.Array, /) -> tuple[Any, jax.Array]:
        """One tick: `(state, image[B, *shape], key[B]) -> (state, spikes[B, *shape])`, float32 0 or 1."""

    def __call__(self, state: Any, image: Any, ticks: jax.Array, key: jax.Array, /) -> tuple[Any, jax.Array]:
        """A block of k ticks, as of `Encoder`."""
        del ticks
        return jax.lax.scan(lambda state, k: self.step(state, image, k), state, key)


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


def check_leaves(name: str, sample: Any, key: jax.Array) -> None:
    """Refuse what is no batch of samples, arrays or pytrees of arrays, with a key each.

    Raises:
        ValueError: says what was given.
    """
    leaves = jax.tree.leaves(sample)
    if len(leaves) == 1 and leaves[0] is sample:
        check_batch(name, sample, key)
        return
    if not leaves or len({tuple(getattr(leaf, "shape", ()))[:1] for leaf in leaves}) != 1:
        shapes = [list(getattr(leaf, "shape", ())) for leaf in leaves]
        raise ValueError(f"{name}: all parts of the samples must have the same batch axis in front, got {shapes}")
    check_keys(name, key, tuple(leaves[0].shape[:1]))
