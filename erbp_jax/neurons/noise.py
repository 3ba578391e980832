"""Additive membrane noise: what a noisy soma receives every tick besides its synaptic current."""

import math
from dataclasses import dataclass
from typing import Annotated, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.declared import checked
from erbp_jax.errors import UserError
from erbp_jax.random import normal, uniform
from erbp_jax.registry import Context, register
from erbp_jax.units import Above, Hertz, Positive

LARGEST = 1e30
"""Noise that float32 holds, squared or summed up over a presentation."""


class Noise(Protocol):
    """Additive noise: `sample(key[...], n) -> [..., n]`, float32, in the unit of the membrane potential.

    Example:
        >>> import jax
        >>> from erbp_jax.neurons import GaussianNoise
        >>> noise = GaussianNoise(0.1).sample(jax.random.key(0), 10_000)
        >>> noise.shape, abs(float(noise.mean())) < 0.01  # ten standard errors
        ((10000,), True)
    """

    def sample(self, key: jax.Array, n: int) -> jax.Array: ...


@register("noise", "none")
def no_noise() -> None:
    """None."""


@register("noise", "gaussian")
@dataclass(frozen=True)
class GaussianNoise:
    """`xi ~ N(0, sigma^2)`, independent for every neuron and tick. `sigma` in units of V, per tick.

    Example:
        >>> import jax, erbp_jax as ej
        >>> noise = ej.GaussianNoise(0.1).sample(jax.random.key(0), 10_000)
        >>> round(float(noise.std()), 2)
        0.1
        >>> ej.LIF(noise=ej.GaussianNoise(0.1)).noise
        GaussianNoise(sigma=0.1)

    Raises:
        ValueError: a sigma that is negative, or too large for float32.
    """

    sigma: Positive
    """Standard deviation per tick, in units of the membrane potential."""

    def __post_init__(self) -> None:
        if not 0 <= self.sigma <= LARGEST:
            raise ValueError(f"GaussianNoise: sigma must be from 0 to {LARGEST:.0e}, got {self.sigma}")

    def sample(self, key: jax.Array, n: int) -> jax.Array:
        return self.sigma * normal(key, (n,))


@checked
@dataclass(frozen=True)
class PoissonKicks:
    """`xi = amplitude * K`, `K ~ Poisson(rate)`: the background spikes of the paper's eRBP (eRBP+).

    `rate` events per tick (1 kHz at dt 1 ms is 1.0), `amplitude` in units of V. The mean kick is a depolarising bias
    of `rate * amplitude` a tick, as in the paper's code. Drawn by inversion of the distribution function, whose tail
    is cut where it falls below 2**-24, the resolution of a uniform float32.
    Source: Neftci et al. 2017, table of parameters (sigma = 50e-3, 1 kHz).

    Example:
        >>> import jax, erbp_jax as ej
        >>> kicks = ej.PoissonKicks(rate=1.0, amplitude=0.05).sample(jax.random.key(0), 10_000)
        >>> round(float(kicks.mean()), 2)
        0.05

    Raises:
        ValueError: a rate above 500, or one (below some 3e-6) that this resolution misses by more than one percent; an
            amplitude that float32 does not hold.
    """

    rate: float
    amplitude: float

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 500 or not abs(self.amplitude) <= LARGEST:
            raise ValueError(
                f"PoissonKicks: rate must be above 0 and at most 500 events per tick, amplitude within "
                f"+-{LARGEST:.0e}; got {self}"
            )
        drawn = float(np.sum(1.0 - np.ceil(self._cumulative().astype(np.float64) * 2**24) / 2**24))
        if abs(drawn - self.rate) > 0.01 * self.rate:
            raise ValueError(
                f"PoissonKicks: a rate of {self.rate:.4g} events per tick would be drawn as {drawn:.4g}, more than one "
                "percent off: it must be at least some 3e-6 (or longer ticks)"
            )

    def _cumulative(self) -> np.ndarray:
        p, total, out, k = math.exp(-self.rate), 0.0, [], 0
        while total < 1.0 - 2.0**-24 and k < 1000:
            total += p
            out.append(total)
            k += 1
            p *= self.rate / k
        return np.asarray(out, np.float32)

    def sample(self, key: jax.Array, n: int) -> jax.Array:
        u = uniform(key, (n,))
        count = jnp.zeros_like(u)
        for edge in self._cumulative():
            count = count + (u >= edge).astype(u.dtype)
        return self.amplitude * count


@register("noise", "poisson_kicks")
def poisson_kicks(
    context: Context,
    rate: Annotated[Hertz, Above(0.0), "Background spikes per neuron."] = 1000.0,
    amplitude: Annotated[
        float,
        "Change by a background spike of the membrane potential, or of the synaptic current where noise is added.",
    ] = 0.05,
) -> PoissonKicks:
    """The kicks of a section, at any length of a tick.

    A kick comes at any time within its tick, and has leaked a little when the tick ends. With the mean of that leak the
    mean depolarisation is rate * amplitude * tau_mem at any dt. Models that add their noise to the synaptic current
    (`noise_leaks`) have rate * amplitude * tau_syn as the mean of that.

    Raises:
        UserError: a neuron without that time constant, or one of 0, which keeps nothing of a kick.
    """
    name = getattr(context.parent.entry.make, "noise_leaks", "tau_mem")
    dt, tau = context.dt, getattr(context.parent, name, None)
    if tau is None:
        raise UserError(f"{context.key}.kind: 'poisson_kicks' needs a neuron with a key {name}, which leaks each kick")
    if not tau > 0:
        raise UserError(f"{context.key}.kind: 'poisson_kicks' needs {name} > 0, got {tau:g}: nothing of a kick is kept")
    return PoissonKicks(rate * 1e-3 * dt, amplitude * (tau / dt * -math.expm1(-dt / tau)))
