"""Bounds that weights keep: each within an interval, or each neuron's incoming weights within a ball."""

from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.core import Tracer

from erbp_jax.learning.tricks.parts import Part, no_lists, of_projections, onto, parts, wide_enough
from erbp_jax.registry import register
from erbp_jax.units import Above

SLACK = 2.0**-16
"""How far beyond a bound, as a share of it, counts as at it: what was brought back stays where it is."""


@register("trick", "max_norm", place="bound")
def max_norm(
    bound: Annotated[float, Above(0.0), "Largest norm of the incoming weights of a neuron."],
) -> optax.GradientTransformation:
    r"""Bring back the incoming weights of a neuron that has grown too long.

    .. math:: w_j \leftarrow w_j\, \frac{c}{|w_j|} \quad\text{where } |w_j| > c, \qquad |w_j|^2 = \sum_i w_{ij}^2

    after the step; a step that ends within the bound is not touched. The last axis counts the neurons, or the maps of a
    kernel. Applied twice it is applied once: what lies within 2^-16 of the bound, or two last places of halves, counts
    as at it. To be near the end of a chain, after the learning rate.

    State: none; in hardware a word per neuron, its :math:`|w_j|^2`, which changes by :math:`2 w \Delta + \Delta^2` with
    each write. Integer form: `w -= w >> 6` with random rounding until the norm is within the bound.
    Source: Srebro and Shraibman 2005; Srivastava et al. 2014 (dropout).

    >>> import jax.numpy as jnp
    >>> from erbp_jax.learning.tricks import max_norm
    >>> weights = jnp.array([[3.0, 0.25], [3.0, 0.5]])
    >>> step, _ = max_norm(5.0).update({"weight": jnp.array([[3.0, 0.25], [5.0, 0.0]])}, (), {"weight": weights})
    >>> print((weights + step["weight"]).round(2))
    [[3.  0.5]
     [4.  0.5]]

    Raises:
        ValueError: a bound that is not above 0; on update, no parameters, or a list of synapses, which does not say
            where they end.
    """
    if not bound > 0:
        raise ValueError(f"max_norm: the bound must be above 0, got {bound}")

    def init(params: Any) -> optax.EmptyState:
        no_lists("max_norm", params)
        return optax.EmptyState()

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        if params is None:
            raise ValueError("max_norm: needs the parameters")

        def within(part: Part, u: jax.Array, w: jax.Array) -> jax.Array:
            if part != "weights":
                return u
            old = wide_enough(w)
            moved = old + wide_enough(u)
            norm = jnp.sqrt(jnp.sum(jnp.square(moved), axis=onto(part, moved), keepdims=True))
            back = moved * (bound / jnp.maximum(norm, bound)) - old
            slack = max(SLACK, 2 * float(jnp.finfo(w.dtype).eps))
            return jnp.where(norm > bound * (1.0 + slack), back.astype(u.dtype), u)

        return jax.tree.map(within, parts(updates), updates, params), state

    return optax.GradientTransformation(init, update)


def keep_within(low: Any, high: Any) -> optax.GradientTransformation:
    """Cut steps so that every weight stays in `[low, high]` (numbers, or pytrees shaped like the parameters):
    hard bounds, to be the last of a chain.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> import erbp_jax as ej
        >>> weights = {"weight": jnp.array([0.5, 0.5])}
        >>> optimizer = optax.chain(optax.sgd(1.0), ej.keep_within(-1.0, 1.0))
        >>> step, _ = optimizer.update({"weight": jnp.array([-3.0, 0.25])}, optimizer.init(weights), weights)
        >>> optax.apply_updates(weights, step)["weight"].tolist()
        [1.0, 0.25]

    Raises:
        ValueError: numbers of which the lower is not below the higher; on update, no parameters.
    """
    if _number(low) and _number(high) and not isinstance(low, Tracer) and not isinstance(high, Tracer):
        _interval(float(low), float(high))

    def update(updates, state, params=None):
        if params is None:
            raise ValueError("keep_within needs the parameters")

        def spread(bound):
            """The bound, shaped like the parameters."""
            tree = jax.tree.map(lambda _: bound, params) if _number(bound) else bound
            return jax.tree.map(lambda b, x: jnp.broadcast_to(jnp.asarray(b, x.dtype), x.shape), tree, params)

        lows, highs = spread(low), spread(high)
        return jax.tree.map(_cut, updates, params, lows, highs), state

    def init(params):
        del params
        return optax.EmptyState()

    return optax.GradientTransformation(init, update)


def _cut(u: jax.Array, p: jax.Array, low: jax.Array, high: jax.Array) -> jax.Array:
    """The step, or as much of it as stays in [low, high] when it is added to p in floats."""
    moved = p + u
    step = jnp.where(moved > high, high - p, jnp.where(moved < low, low - p, u))
    after = p + step  # high - p, rounded, can lead beyond high
    inward = jnp.where(after > high, -jnp.inf, jnp.inf).astype(step.dtype)
    return jnp.where((after > high) | (after < low), jnp.nextafter(step, inward), step)


def _number(bound: Any) -> bool:
    return isinstance(bound, (int, float, np.number, np.ndarray, jax.Array)) and np.ndim(bound) == 0


def _interval(low: float, high: float) -> None:
    if not low < high:
        raise ValueError(f"keep_within: low must be below high, got {low:g} and {high:g}")


@register("trick", "keep_within", place="bound", check=lambda bounds: _interval(bounds.low, bounds.high))
def weights_within(
    low: Annotated[float, "Least weight."], high: Annotated[float, "Largest weight."]
) -> optax.GradientTransformation:
    """`keep_within` for weights alone, and not for the parameters of neurons: saturation, as integer weights have it.

    State: none. Integer form: as it stands.
    """
    return optax.masked(keep_within(float(low), float(high)), of_projections)
