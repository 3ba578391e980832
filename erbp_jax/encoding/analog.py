"""Input of the rate form: the rate itself instead of spikes drawn at it."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp


@dataclass(frozen=True)
class Analog:
    """Data neurons that emit their mean rate, `max_rate * pixel / 255` spikes per tick, in every tick."""

    max_rate: float = 1.0

    def __post_init__(self) -> None:
        if not self.max_rate > 0:
            raise ValueError(f"Analog: max_rate must be > 0, got {self.max_rate}")

    def init_state(self, image: jax.Array, key: jax.Array) -> tuple[()]:
        del image, key
        return ()

    def step(self, state: tuple[()], image: jax.Array, key: jax.Array) -> tuple[tuple[()], jax.Array]:
        del key
        return state, (self.max_rate / 255.0) * image.astype(jnp.float32)
