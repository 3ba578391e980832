"""The dendritic compartment of the eRBP neuron: it modulates plasticity and never drives a spike."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from erbp_jax.declared import checked
from erbp_jax.neurons.firing import decay


@checked
@dataclass(frozen=True)
class Dendrite:
    r"""A leaky integrator of error spikes.

    .. math:: U[t] = e^{-1/\tau_U} U[t-1] + \sum_k g_k (s^{E+}_k[t] - s^{E-}_k[t])

    `tau` in ticks. State and input `[..., N]`, in units of the feedback weights.
    Source: Neftci et al. 2017, Methods (tau_U = 5 ms in the published code).

    Example:
        >>> import jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> dendrite = ej.Dendrite(tau=5.0)
        >>> potential = dendrite.init_state((1,))
        >>> for weight in (1.0, 0.0, 0.0):
        ...     potential = dendrite.step(potential, jnp.full(1, weight))[0]
        >>> round(float(potential[0]), 3)
        0.67
    """

    tau: float = 5.0

    def __post_init__(self) -> None:
        if self.tau < 0:
            raise ValueError(f"Dendrite: tau must be >= 0, got {self.tau}")

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> jax.Array:
        return jnp.zeros(shape, dtype)

    def step(self, state: jax.Array, current: jax.Array) -> tuple[jax.Array, jax.Array]:
        potential = decay(self.tau) * state + current
        return potential, potential
