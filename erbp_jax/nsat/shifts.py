"""The three shifts of the fixed-point core, which has no multiplier. They differ, and must not be merged.

All take and give int32; exponents are arrays that broadcast against the values.
Source: the facts of the NSAT simulator (nmi-lab/NSAT); bit vectors in `tests/nsat/test_shifts.py`.
"""

import jax
import jax.numpy as jnp

from erbp_jax.nsat.fields import NO_CONNECTION


def _amount(bits: jax.Array) -> jax.Array:
    return jnp.clip(bits, 0, 31).astype(jnp.int32)


def couple(x: jax.Array, exponent: jax.Array) -> jax.Array:
    r"""Coupling and leak: `x * 2**exponent` toward zero, but never below 1 in magnitude, so that a leak ends at 0.

    .. math:: a \diamond x = 0 \;(a \le -16 \text{ or } x = 0),\quad
        \mathrm{sgn}(x)\,\max(1, |x| \gg -a) \;(a < 0),\quad x \ll a \;(a \ge 0)

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.nsat.shifts import couple
        >>> couple(jnp.array([100, -100, 3, 0]), jnp.int32(-3)).tolist()
        [12, -12, 1, 0]
    """
    down = jnp.sign(x) * jnp.maximum(1, jnp.abs(x) >> _amount(-exponent))
    shifted = jnp.where(exponent >= 0, x << _amount(exponent), down)
    return jnp.where(exponent <= NO_CONNECTION, 0, shifted)


def gain(x: jax.Array, exponent: jax.Array) -> jax.Array:
    """Synaptic gain and learning: `x * 2**exponent` toward zero, which may be 0.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.nsat.shifts import gain
        >>> gain(jnp.array([100, -100, 3]), jnp.int32(-3)).tolist()
        [12, -12, 0]
    """
    down = jnp.sign(x) * (jnp.abs(x) >> _amount(-exponent))
    return jnp.where(exponent >= 0, x << _amount(exponent), down)


def round_randomly(change: jax.Array, bits: jax.Array, draw: jax.Array) -> jax.Array:
    """`change / 2**bits`, rounded up with the probability of the remainder: unbiased.

    `draw` is uniform in `[0, 2**bits)`; the shift floors, for negative numbers too.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.nsat.shifts import round_randomly
        >>> round_randomly(jnp.int32(13), jnp.int32(2), jnp.arange(4)).tolist()
        [4, 3, 3, 3]
    """
    amount = _amount(bits)
    remainder = change & ((1 << amount) - 1)
    return (change >> amount) + (draw < remainder).astype(jnp.int32)
