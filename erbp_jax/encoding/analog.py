"""Input of the rate form: the rate itself instead of spikes drawn at it."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.declared import checked
from erbp_jax.encoding.base import TickEncoder, check_images

LEAST, MOST = (float(x) for x in (np.finfo(np.float32).tiny * 255, np.finfo(np.float32).max))


@checked
@dataclass(frozen=True)
class Analog(TickEncoder):
    """Data neurons that emit their mean rate, `max_rate * pixel / 255` spikes per tick, in every tick.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> image, key = jnp.array([[0, 255]], jnp.uint8), jax.random.key(0)
        >>> encoder, keys = ej.Analog(max_rate=0.5), jax.random.split(key, (3, 1))
        >>> state = encoder.init_state(image, jax.random.split(key, 1))
        >>> encoder(state, image, jnp.arange(3), keys)[1][:, 0].tolist()
        [[0.0, 0.5], [0.0, 0.5], [0.0, 0.5]]

    Raises:
        ValueError: a rate that float32 cannot hold for every pixel; images that are no bytes.
    """

    max_rate: float = 1.0

    def __post_init__(self) -> None:
        if not LEAST <= self.max_rate <= MOST:
            raise ValueError(f"Analog: max_rate must be > 0, from {LEAST:.3g} to {MOST:.3g}, got {self.max_rate}")

    def init_state(self, image: jax.Array, key: jax.Array) -> tuple[()]:
        check_images("Analog", image, key)
        return ()

    def step(self, state: tuple[()], image: jax.Array, key: jax.Array) -> tuple[tuple[()], jax.Array]:
        check_images("Analog", image, key)
        return state, (self.max_rate / 255.0) * image.astype(jnp.float32)
