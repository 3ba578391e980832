"""Surrogate derivatives of the spike threshold, for rules that differentiate through spikes."""

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp

from erbp_jax.registry import register
from erbp_jax.units import Positive

# Each takes the distance x from the threshold in units of the width, and integrates to 1 over x.


def boxcar(x: jax.Array) -> jax.Array:
    """`1/2` where `|x| < 1`: what eRBP uses. Source: Neftci et al. 2017."""
    return 0.5 * (jnp.abs(x) < 1.0).astype(x.dtype)


def fast_sigmoid(x: jax.Array) -> jax.Array:
    """`1 / (2 (1 + |x|)^2)`. Source: Zenke & Ganguli 2018 (SuperSpike)."""
    return 0.5 / jnp.square(1.0 + jnp.abs(x))


def arctan(x: jax.Array) -> jax.Array:
    """`1 / (pi (1 + x^2))`. Source: Fang et al. 2021."""
    return 1.0 / (math.pi * (1.0 + jnp.square(x)))


def triangular(x: jax.Array) -> jax.Array:
    """`max(0, 1 - |x|)`. Source: Esser et al. 2016; Bellec et al. 2018."""
    return jnp.maximum(0.0, 1.0 - jnp.abs(x))


SURROGATES = {"boxcar": boxcar, "fast_sigmoid": fast_sigmoid, "arctan": arctan, "triangular": triangular}


@register("surrogate", *SURROGATES)
@dataclass(frozen=True)
class Surrogate:
    r"""A derivative for the threshold, by name and width.

    .. math:: s = \Theta(x), \qquad \frac{\partial s}{\partial x} := \frac1w\, h\!\left(\frac xw\right)

    x is the distance from the threshold and w the width, both in units of the membrane potential. Every h integrates
    to 1, so that a wider surrogate is a flatter one.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> from erbp_jax.neurons import spike
        >>> slope = jax.grad(lambda v: spike(v, ej.Surrogate("triangular", width=1.0)))
        >>> float(slope(jnp.float32(0.25)))
        0.75

    Raises:
        ValueError: an unknown name, or a width that is not positive.
    """

    kind: str = "boxcar"
    width: Positive = 1.0
    """In units of the membrane potential."""

    def __post_init__(self) -> None:
        if self.kind not in SURROGATES:
            raise ValueError(f"Surrogate: {self.kind!r} is not known; there are {', '.join(SURROGATES)}")
        if not self.width > 0:
            raise ValueError(f"Surrogate: width must be > 0, got {self.width}")

    def derivative(self, x: jax.Array) -> jax.Array:
        return SURROGATES[self.kind](x / self.width) / self.width


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def spike(x: jax.Array, surrogate: Surrogate | None = None) -> jax.Array:
    """`1` where `x > 0`, else 0; its derivative is the surrogate's.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.neurons import Surrogate, spike
        >>> spike(jnp.array([-0.5, 0.5]), Surrogate()).tolist()
        [0.0, 1.0]

    Raises:
        ValueError: without a surrogate, as soon as a gradient would go through it.
    """
    del surrogate
    return (x > 0).astype(x.dtype)


@spike.defjvp
def _spike_jvp(surrogate, primals, tangents):
    (x,), (dx,) = primals, tangents
    if surrogate is None:
        raise ValueError(
            "spike: a gradient would go through a threshold that has no derivative. Give the neuron one, "
            "neuron.with_surrogate(Surrogate()), or train by BackProp, which does that for all neurons of a network; "
            "if the spikes are to count as constants, put jax.lax.stop_gradient before the threshold"
        )
    return spike(x, surrogate), surrogate.derivative(x) * dx
