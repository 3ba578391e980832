"""Written by hand in JAX, the whole network inside one scan over the ticks: what a framework should not fall behind."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from frameworks.base import Framework, Semantics
from frameworks.with_jax import JaxNetwork


@jax.custom_jvp
def spike(x: jax.Array) -> jax.Array:
    return (x > 0).astype(x.dtype)


@spike.defjvp
def _spike_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return spike(x), dx / jnp.square(1.0 + Semantics().slope * jnp.abs(x))


def build(weights: Sequence[np.ndarray], decay: float) -> JaxNetwork:
    def apply(weights, spikes):
        def tick(membranes, x):
            after = []
            for weight, membrane in zip(weights, membranes, strict=True):
                membrane = decay * membrane + x @ weight
                x = spike(membrane - 1.0)
                after.append(membrane - jax.lax.stop_gradient(x))
            return tuple(after), x

        rest = tuple(jnp.zeros((spikes.shape[1], weight.shape[1])) for weight in weights)
        return jax.lax.scan(tick, rest, spikes)[1]

    return JaxNetwork(apply, [jnp.asarray(w) for w in weights])


FRAMEWORK = Framework("plain JAX", build)
