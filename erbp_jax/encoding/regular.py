"""Regular rate coding: non-leaky integrate-and-fire data neurons with a random initial phase."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from erbp_jax.random import uniform_bytes


@dataclass(frozen=True)
class Regular:
    r"""Data neurons that integrate the pixel and spike at every full turn of an 8-bit phase.

    .. math::
        \phi[t] = (\phi[t-1] + r) \bmod 256, \quad s[t] = [\phi[t] < r], \quad
        r = \mathrm{round}(256 \rho_{max} x)

    The count of spikes after T ticks is within one of `rho T`: the same rate code as `Poisson` with far less noise,
    for one random byte a pixel and presentation instead of one a tick. The phase is drawn anew for each presentation.
    `max_rate` in spikes per tick, below 1.

    Raises:
        ValueError: a rate outside (0, 1).
    """

    max_rate: float = 0.25

    def __post_init__(self) -> None:
        if not 0 < self.max_rate < 1:
            raise ValueError(f"Regular: max_rate must be in (0, 1) spikes per tick, got {self.max_rate}")

    def increment(self, image: jax.Array) -> jax.Array:
        """Phase gained in a tick, uint8, shape of `image`."""
        return jnp.minimum(jnp.round(256.0 / 255.0 * self.max_rate * image.astype(jnp.float32)), 255.0).astype(
            jnp.uint8
        )

    def init_state(self, image: jax.Array, key: jax.Array) -> jax.Array:
        """The phase, uint8 `[B, *shape]`."""
        return uniform_bytes(key, image.shape[1:])

    def step(self, state: jax.Array, image: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        del key
        increment = self.increment(image)
        phase = state + increment  # uint8 arithmetic wraps: one turn is 256
        return phase, (phase < increment).astype(jnp.float32)
