"""The paper's data neurons: exponential escape rate with an absolute dead time."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.encoding.base import TickEncoder, check_images
from erbp_jax.encoding.dead_time import after_spikes, check_dead_time, no_dead_time
from erbp_jax.encoding.rates import LEAST_RATE, PIXELS, in_words, near_enough
from erbp_jax.random import uniform, uniform_words
from erbp_jax.registry import register
from erbp_jax.units import Above, Dt, Hertz, Positive, Ticks


@register("encoder", "escape")
@dataclass(frozen=True)
class ExponentialEscape(TickEncoder):
    r"""Spike-response data neurons (SRM0) whose hazard is exponential in the pixel.

    .. math::
        I = \beta x + \gamma, \qquad
        r = r_0\, e^{(I - \theta)/\delta}, \qquad
        P(s[t] = 1) = 1 - e^{-r\,dt}\ \text{outside the dead time}

    x = pixel / 256; a pixel of 0 is silent. After a spike the neuron is silent for `dead_time` ticks, so that the
    shortest interval is `dead_time + 1` ticks. With the published constants the code is a soft binarisation at
    x = 0.65: 25 Hz at x = 0.5, 71 Hz at 0.63, 235 Hz at 1.

    P is compared with 24 random bits if that brings the rate of each of the 256 pixels within one percent of the
    fastest one's rate of what the equations say, else with 32. `dt` in ms, `base_rate` r0 in Hz, `dead_time` in ticks,
    the rest in the paper's units (volts, nA at unit gain).
    Source: Neftci et al. 2017, table of parameters (beta 0.5, gamma -0.215) and its published code.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> encoder, key = ej.ExponentialEscape(dt=1.0), jax.random.key(0)
        >>> image = jnp.array([[0, 255]], jnp.uint8)
        >>> state, keys = encoder.init_state(image, jax.random.split(key, 1)), jax.random.split(key, (100, 1))
        >>> counts = encoder(state, image, jnp.arange(100), keys)[1].sum(0)
        >>> float(counts[0, 0]), bool(counts[0, 1] > 15)
        (0.0, True)

    Raises:
        ValueError: a value out of range, constants under which no pixel reaches 1.2e-8 spikes per tick (`LEAST_RATE`),
            images that are no bytes.
    """

    dt: Dt = 1.0
    dead_time: Ticks = 3
    """Silence after a spike; the shortest interval is one tick longer."""
    beta: float = 0.5
    """Current of a white pixel."""
    gamma: float = -0.215
    """Current of every pixel."""
    base_rate: Annotated[Hertz, Above(0.0)] = 100.0
    """Rate at the threshold."""
    threshold: float = 0.1
    """Current at which a neuron fires at the base rate."""
    slope: Positive = 0.05
    """Increase of the current that multiplies the rate by e."""

    def __post_init__(self) -> None:
        check_dead_time("ExponentialEscape", self.dead_time)
        finite = all(np.isfinite(getattr(self, field.name)) for field in fields(self))
        if not (finite and self.dt > 0 and self.base_rate > 0 and self.slope > 0):
            raise ValueError(
                f"ExponentialEscape: all values must be finite, dt, base_rate and slope > 0, dead_time >= 0; got {self}"
            )
        fastest = self._rate(self._chance).max()
        if fastest < LEAST_RATE:
            per_second = 1e3 / self.dt
            raise ValueError(
                f"ExponentialEscape: the fastest pixel would fire at {fastest * per_second:.4g} Hz; the least that can "
                f"be drawn with ticks of {self.dt:g} ms is {LEAST_RATE * per_second:.4g} Hz; got {self}"
            )

    @property
    def max_rate(self) -> float:
        """The highest rate that the dead time leaves, in spikes per tick."""
        return 1.0 / (self.dead_time + 1)

    def _rate(self, chance: np.ndarray) -> np.ndarray:
        """Spikes per tick at a chance to spike outside the dead time."""
        return chance / (1 + self.dead_time * chance)

    @cached_property
    def _chance(self) -> np.ndarray:
        """P of every pixel, float64 `[256]`."""
        with np.errstate(over="ignore"):
            exponent = (self.beta / 256 * PIXELS + self.gamma - self.threshold) / self.slope
            hazard = np.exp(exponent + np.log(self.base_rate) + np.log(self.dt) - np.log(1e3))
        return np.where(PIXELS > 0, -np.expm1(-hazard), 0)

    @cached_property
    def bits(self) -> int:
        """Random bits that P is compared with: 24 or 32."""
        with np.errstate(all="ignore"):  # what overflows is not near enough
            f = np.float32
            current = f(self.beta / 256.0) * PIXELS.astype(f) + f(self.gamma)
            hazard = f(self.base_rate * 1e-3) * np.exp((current - f(self.threshold)) / f(self.slope))
            chance = np.where(PIXELS > 0, -np.expm1(-hazard * f(self.dt)), f(0)).astype(np.float64)
            drawn = np.ceil(chance * 2**24) / 2**24
        return 24 if near_enough(self._rate(self._chance), self._rate(drawn)) else 32

    def probability(self, image: jax.Array) -> jax.Array:
        """Chance to spike in a tick outside the dead time, float32, shape of `image`."""
        current = self.beta / 256.0 * image.astype(jnp.float32) + self.gamma
        hazard = self.base_rate * 1e-3 * jnp.exp((current - self.threshold) / self.slope)  # per ms
        return jnp.where(image > 0, -jnp.expm1(-hazard * self.dt), 0.0)

    def init_state(self, image: jax.Array, key: jax.Array) -> jax.Array:
        """Ticks of dead time left, an unsigned integer `[B, *shape]`."""
        check_images("ExponentialEscape", image, key)
        return no_dead_time(image.shape, self.dead_time)

    def step(self, state: jax.Array, image: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        check_images("ExponentialEscape", image, key)
        if self.bits == 24:
            drawn = uniform(key, image.shape[1:]) < self.probability(image)
        else:
            drawn = uniform_words(key, image.shape[1:]) < jnp.asarray(in_words(self._chance))[image]
        spikes = drawn & (state == 0)
        return after_spikes(state, spikes, self.dead_time), spikes.astype(jnp.float32)
