"""Linear rate coding: Poisson data neurons with a dead time."""

from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.encoding.base import TickEncoder, check_images
from erbp_jax.encoding.dead_time import after_spikes, check_dead_time, no_dead_time
from erbp_jax.encoding.rates import LEAST_RATE, PIXELS, PixelRate, in_words, near_enough
from erbp_jax.random import below, uniform_bytes, uniform_words
from erbp_jax.registry import register
from erbp_jax.units import Ticks


@register("encoder", "poisson")
@dataclass(frozen=True)
class Poisson(TickEncoder):
    r"""Data neurons whose mean firing rate is linear in the pixel, dead time included.

    With :math:`\rho = \rho_{max} x`, x = pixel / 255, and D silent ticks after every spike, the chance to spike in
    a tick that is not silent is

    .. math:: h = \frac{1}{1/\rho - D}

    so that the mean interval is :math:`D + 1/h = 1/\rho`. `h` is a multiple of 1/256 if that brings the rate of each of
    the 256 pixels within one percent of `max_rate` of :math:`\rho`: one random word then serves four pixels. Else it is
    a multiple of 2^-32, and every pixel has a word of its own. No dead time precedes the first spike, so the count of a
    presentation may exceed :math:`\rho T` by up to one in the mean.

    `max_rate` in spikes per tick, from 1.2e-8 (`LEAST_RATE`) to `1 / (dead_time + 1)`; `dead_time` in ticks.
    Source: Neftci et al. 2017 (data neurons); linear form as in the NSAT experiments.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> encoder, key = ej.Poisson(max_rate=0.25), jax.random.key(0)
        >>> image = jnp.array([[0, 255]], jnp.uint8)
        >>> state = encoder.init_state(image, jax.random.split(key, 1))
        >>> spikes = encoder(state, image, jnp.arange(1000), jax.random.split(key, (1000, 1)))[1]
        >>> spikes.shape, 200 < int(spikes[:, 0, 1].sum()) < 300
        ((1000, 1, 2), True)

    Raises:
        ValueError: a rate or a dead time out of range; images that are no bytes.
    """

    max_rate: PixelRate = 0.25
    dead_time: Ticks = 0
    """Silence after a spike; the shortest interval is one tick longer."""

    def __post_init__(self) -> None:
        check_dead_time("Poisson", self.dead_time)
        if not LEAST_RATE <= self.max_rate <= 1 / (self.dead_time + 1) + 1e-9:
            raise ValueError(
                f"Poisson: max_rate must be in [{LEAST_RATE:.4g}, {1 / (self.dead_time + 1):.4g}] spikes per tick "
                f"with a dead time of {self.dead_time} ticks, got {self.max_rate}"
            )

    @cached_property
    def bits(self) -> int:
        """Binary digits of the chance to spike: 8 or 32."""
        one = np.float32(1.0)
        rate = np.float32(self.max_rate / 255.0) * PIXELS.astype(np.float32)
        chance = rate / np.maximum(one - np.float32(self.dead_time) * rate, np.float32(1e-6))
        hazard = np.minimum(np.round(256 * chance), 256).astype(np.float64) / 256
        return 8 if near_enough(self.max_rate / 255 * PIXELS, hazard / (1 + self.dead_time * hazard)) else 32

    @cached_property
    def _words(self) -> np.ndarray:
        """The chance to spike of every pixel as a multiple of 2^-32, uint32 `[256]`."""
        interval = 255 / self.max_rate / np.maximum(PIXELS, 1)
        return in_words(np.where(PIXELS > 0, 1 / np.maximum(interval - self.dead_time, 1), 0))

    def hazard(self, image: jax.Array) -> jax.Array:
        """Chance to spike in a tick outside the dead time in whole 256ths, int32, shape of `image`."""
        rate = self.max_rate / 255.0 * image.astype(jnp.float32)
        chance = rate / jnp.maximum(1.0 - self.dead_time * rate, 1e-6)
        return jnp.minimum(jnp.round(256.0 * chance), 256.0).astype(jnp.int32)

    def init_state(self, image: jax.Array, key: jax.Array) -> jax.Array:
        """Ticks of dead time left, an unsigned integer `[B, *shape]` (a placeholder `[B]` without dead time)."""
        check_images("Poisson", image, key)
        return no_dead_time(image.shape if self.dead_time else image.shape[:1], self.dead_time)

    def step(self, state: jax.Array, image: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        check_images("Poisson", image, key)
        if self.bits == 8:
            spikes = below(uniform_bytes(key, image.shape[1:]), self.hazard(image))
        else:
            spikes = uniform_words(key, image.shape[1:]) < jnp.asarray(self._words)[image]
        if self.dead_time:
            spikes = spikes & (state == 0)
            state = after_spikes(state, spikes, self.dead_time)
        return state, spikes.astype(jnp.float32)
