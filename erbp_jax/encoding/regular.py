"""Regular rate coding: non-leaky integrate-and-fire data neurons with a random initial phase."""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.encoding.base import TickEncoder, check_images
from erbp_jax.encoding.rates import LEAST_RATE, PIXELS, in_words, near_enough
from erbp_jax.random import uniform_bytes, uniform_words
from erbp_jax.registry import register
from erbp_jax.units import PerTick, Rate

_Rate = Annotated[
    Rate,
    PerTick(LEAST_RATE, 1.0, open=True, hint="the regular code takes less, poisson takes it"),
    "Mean rate of a white pixel.",
]


@register("encoder", "regular")
@dataclass(frozen=True)
class Regular(TickEncoder):
    r"""Data neurons that integrate the pixel and spike at every full turn of a phase of b bits.

    .. math::
        \phi[t] = (\phi[t-1] + r) \bmod 2^b, \quad s[t] = [\phi[t] < r], \quad
        r = \mathrm{round}(2^b \rho_{max} x)

    with x = pixel / 255. b is 8 if that brings the rate :math:`r / 2^b` of each of the 256 pixels within one percent of
    `max_rate` of :math:`\rho = \rho_{max} x`, else 32. The count of spikes after T ticks is within one of
    :math:`r T / 2^b`; with 32 bits hence within :math:`1 + T / 2^{33}` of :math:`\rho T`.

    The same rate code as `Poisson` with far less noise, for one random byte (or word) a pixel and presentation instead
    of one per tick. The phase is drawn anew for each presentation. `max_rate` in spikes per tick, from 1.2e-8
    (`LEAST_RATE`) and below 1.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> encoder, key = ej.Regular(max_rate=0.25), jax.random.key(0)
        >>> image = jnp.array([[0, 255]], jnp.uint8)
        >>> state = encoder.init_state(image, jax.random.split(key, 1))
        >>> encoder(state, image, jnp.arange(40), jax.random.split(key, (40, 1)))[1].sum(0).tolist()
        [[0.0, 10.0]]

    Raises:
        ValueError: a rate out of range; images that are no bytes.
    """

    max_rate: _Rate = 0.25

    def __post_init__(self) -> None:
        if not LEAST_RATE <= self.max_rate < 1:
            raise ValueError(f"Regular: max_rate must be in [{LEAST_RATE:.4g}, 1) spikes per tick, got {self.max_rate}")

    @cached_property
    def bits(self) -> int:
        """Binary digits of the phase: 8 or 32."""
        asked = self.max_rate / 255 * PIXELS
        return 8 if near_enough(asked, np.minimum(np.round(256 * asked), 255) / 256) else 32

    def increment(self, image: jax.Array) -> jax.Array:
        """Phase gained in a tick, in 2^-b of a turn, uint8 or uint32, shape of `image`."""
        if self.bits == 32:
            return jnp.asarray(in_words(self.max_rate / 255 * PIXELS))[image]
        return jnp.minimum(jnp.round(256.0 / 255.0 * self.max_rate * image.astype(jnp.float32)), 255.0).astype(
            jnp.uint8
        )

    def init_state(self, image: jax.Array, key: jax.Array) -> jax.Array:
        """The phase, uint8 or uint32 `[B, *shape]`."""
        check_images("Regular", image, key)
        return (uniform_bytes if self.bits == 8 else uniform_words)(key, image.shape[1:])

    def step(self, state: jax.Array, image: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        check_images("Regular", image, key)
        increment = self.increment(image)
        phase = state + increment  # unsigned arithmetic wraps: one turn
        return phase, (phase < increment).astype(jnp.float32)
