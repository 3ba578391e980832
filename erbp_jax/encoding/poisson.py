"""Linear rate coding: Poisson data neurons with a dead time."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from erbp_jax.random import below, uniform_bytes


@dataclass(frozen=True)
class Poisson:
    r"""Data neurons whose mean firing rate is linear in the pixel, dead time included.

    With :math:`\rho = \rho_{max} x`, x = pixel / 255, and D silent ticks after every spike, the chance to spike in
    a tick that is not silent is

    .. math:: h = \frac{1}{1/\rho - D}

    so that the mean interval is :math:`D + 1/h = 1/\rho`. `h` is rounded to a multiple of 1/256: pixels have eight
    bits, and one random word then serves four pixels.

    `max_rate` in spikes per tick, at most `1 / (dead_time + 1)`; `dead_time` in ticks.
    Source: Neftci et al. 2017 (data neurons); linear form as in the NSAT experiments.

    Raises:
        ValueError: a rate outside (0, 1 / (dead_time + 1)].
    """

    max_rate: float = 0.25
    dead_time: int = 0

    def __post_init__(self) -> None:
        if self.dead_time < 0 or not 0 < self.max_rate <= 1 / (self.dead_time + 1) + 1e-9:
            raise ValueError(
                f"Poisson: max_rate must be in (0, {1 / (max(self.dead_time, 0) + 1):.4g}] spikes per tick "
                f"with a dead time of {self.dead_time} ticks, got {self.max_rate}"
            )

    def hazard(self, image: jax.Array) -> jax.Array:
        """Chance to spike in a tick outside the dead time, as a numerator over 256; int32, shape of `image`."""
        rate = self.max_rate / 255.0 * image.astype(jnp.float32)
        chance = rate / jnp.maximum(1.0 - self.dead_time * rate, 1e-6)
        return jnp.minimum(jnp.round(256.0 * chance), 256.0).astype(jnp.int32)

    def init_state(self, image: jax.Array, key: jax.Array) -> jax.Array:
        """Ticks of dead time left, uint8 `[B, *shape]` (a placeholder `[B]` without dead time)."""
        del key
        return jnp.zeros(image.shape if self.dead_time else image.shape[:1], jnp.uint8)

    def step(self, state: jax.Array, image: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        spikes = below(uniform_bytes(key, image.shape[1:]), self.hazard(image))
        if self.dead_time:
            spikes = spikes & (state == 0)
            state = jnp.where(spikes, jnp.uint8(self.dead_time), jnp.where(state > 0, state - 1, state))
        return state, spikes.astype(jnp.float32)
