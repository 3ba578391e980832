"""The paper's data neurons: exponential escape rate with an absolute dead time."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from erbp_jax.random import uniform


@dataclass(frozen=True)
class ExponentialEscape:
    r"""Spike-response data neurons (SRM0) whose hazard is exponential in the pixel.

    .. math::
        I = \beta x + \gamma, \qquad
        r = r_0\, e^{(I - \theta)/\delta}, \qquad
        P(s[t] = 1) = 1 - e^{-r\,dt}\ \text{outside the dead time}

    x = pixel / 256; a pixel of 0 is silent. After a spike the neuron is silent for `dead_time` ticks, so that the
    shortest interval is `dead_time + 1` ticks. With the published constants the code is a soft binarisation at
    x = 0.65: 25 Hz at x = 0.5, 71 Hz at 0.63, 235 Hz at 1.

    `dt` in ms, `base_rate` r0 in Hz, `dead_time` in ticks, the rest in the paper's units (volts, nA at unit gain).
    Source: Neftci et al. 2017, table of parameters (beta 0.5, gamma -0.215) and its published code.
    """

    dt: float = 1.0
    dead_time: int = 3
    beta: float = 0.5
    gamma: float = -0.215
    base_rate: float = 100.0
    threshold: float = 0.1
    slope: float = 0.05

    def __post_init__(self) -> None:
        if self.dt <= 0 or self.dead_time < 0 or self.base_rate <= 0 or self.slope <= 0:
            raise ValueError(f"ExponentialEscape: dt, base_rate and slope must be > 0, dead_time >= 0; got {self}")

    def probability(self, image: jax.Array) -> jax.Array:
        """Chance to spike in a tick outside the dead time, float32, shape of `image`."""
        current = self.beta / 256.0 * image.astype(jnp.float32) + self.gamma
        hazard = self.base_rate * 1e-3 * jnp.exp((current - self.threshold) / self.slope)  # per ms
        return jnp.where(image > 0, -jnp.expm1(-hazard * self.dt), 0.0)

    def init_state(self, image: jax.Array, key: jax.Array) -> jax.Array:
        """Ticks of dead time left, uint8 `[B, *shape]`."""
        del key
        return jnp.zeros(image.shape, jnp.uint8)

    def step(self, state: jax.Array, image: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        spikes = (uniform(key, image.shape[1:]) < self.probability(image)) & (state == 0)
        state = jnp.where(spikes, jnp.uint8(self.dead_time), jnp.where(state > 0, state - 1, state))
        return state, spikes.astype(jnp.float32)
