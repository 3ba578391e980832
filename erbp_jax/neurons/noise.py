"""Additive membrane noise: what a noisy soma receives every tick besides its synaptic current."""

import math
from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.random import normal, uniform


class Noise(Protocol):
    """Additive noise: `sample(key[...], n) -> [..., n]`, in the unit of the membrane potential."""

    def sample(self, key: jax.Array, n: int) -> jax.Array: ...


@dataclass(frozen=True)
class GaussianNoise:
    """`xi ~ N(0, sigma^2)`, independent for every neuron and tick. `sigma` in units of V, per tick."""

    sigma: float

    def sample(self, key: jax.Array, n: int) -> jax.Array:
        return self.sigma * normal(key, (n,))


@dataclass(frozen=True)
class PoissonKicks:
    """`xi = amplitude * K`, `K ~ Poisson(rate)`: the background spikes of the paper's eRBP (eRBP+).

    `rate` events per tick (1 kHz at dt 1 ms is 1.0), `amplitude` in units of V. The mean kick is a depolarising bias
    of `rate * amplitude` a tick, as in the paper's code. Drawn by inversion of the distribution function, whose tail
    is cut where it falls below 2**-24, the resolution of a uniform float32.
    Source: Neftci et al. 2017, table of parameters (sigma = 50e-3, 1 kHz).

    Raises:
        ValueError: a rate outside (0, 500], beyond which `exp(-rate)` leaves the range of a float.
    """

    rate: float
    amplitude: float

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 500:
            raise ValueError(f"PoissonKicks: rate must be in (0, 500] events per tick, got {self.rate:g}")

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
