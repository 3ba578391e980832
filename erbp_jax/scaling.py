"""Norms that neither under- nor overflow: a power of two first, which changes no digit."""

import jax
import jax.numpy as jnp


def near_one(x: jax.Array) -> jax.Array:
    """`x` times the power of two that brings its largest size into [1/2, 1); zeros stay."""
    _, exponent = jnp.frexp(jnp.abs(x).max())
    half = exponent // 2  # in two steps: 2^-128 is no normal float32
    return jnp.ldexp(jnp.ldexp(x, -half), half - exponent)
