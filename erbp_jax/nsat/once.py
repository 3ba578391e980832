"""Computing a thing once on a CPU."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp

Out = TypeVar("Out")


def once(tick: jax.Array, compute: Callable[..., Out], *operands: jax.Array) -> Out:
    """`compute(*operands)`, as arrays that are written to memory and read from there.

    XLA fuses element-wise work into every kernel that reads its result, and computes it anew in each; optimisation
    barriers are gone by then. A branch that depends on a tick, which the compiler cannot know to be positive, is
    kept apart.
    """
    shapes = jax.eval_shape(compute, *operands)

    def never(*_: jax.Array) -> Out:
        return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

    return jax.lax.cond(tick >= 0, compute, never, *operands)
