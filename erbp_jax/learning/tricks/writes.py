"""Fewer writes: steps that wait until they are worth one, and neurons that write only when their error is large."""

from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from erbp_jax.counting import Wide, wide, wide_add, wide_sum, wide_value, wide_zeros
from erbp_jax.learning.tricks.parts import Part, no_lists, onto, parts, wide_enough
from erbp_jax.registry import register
from erbp_jax.units import AtLeast, AtMost, NonNegative


@register("trick", "write_threshold", place="write", words=1)
def write_threshold(
    threshold: Annotated[NonNegative, "Least step that is written, in units of the weights."],
) -> optax.GradientTransformation:
    r"""Keep the steps of a synapse until their sum is worth a write.

    .. math::
        r_{ij} \leftarrow r_{ij} + \Delta_{ij}; \qquad
        \text{once } |r_{ij}| \ge \vartheta:\; w_{ij} \leftarrow w_{ij} + r_{ij},\; r_{ij} \leftarrow 0

    Nothing is lost: what was written and what waits add up to the steps, up to rounding. At a threshold of 0 every step
    is a write. Parameters of neurons move at once. To come after the learning rate, and before bounds and grids.

    State: a word per synapse; in hardware as many bits as a step has below the threshold. Integer form: the residual is
    the fraction of a weight, and a write the carry out of it.
    Source: 1-bit SGD's error feedback (Seide et al. 2014), with a threshold.

    >>> import jax.numpy as jnp
    >>> from erbp_jax.learning.tricks import write_threshold
    >>> link, step = write_threshold(1.0), {"weight": jnp.array([0.375, 2.0])}
    >>> state = link.init(step)
    >>> for _ in range(3):
    ...     write, state = link.update(step, state)
    ...     print(write["weight"].tolist())
    [0.0, 2.0]
    [0.0, 2.0]
    [1.125, 2.0]

    Raises:
        ValueError: a threshold below 0.
    """
    if not threshold >= 0:
        raise ValueError(f"write_threshold: the threshold must be at least 0, got {threshold}")

    def kept(part: Part, x: Any) -> Any:
        return None if part == "neuron" else x

    def init(params: Any) -> Any:
        return jax.tree.map(kept, parts(params), optax.tree.zeros_like(params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        del params
        kinds = parts(updates)
        total = jax.tree.map(lambda part, u, r: u if part == "neuron" else r + u, kinds, updates, state)
        due = jax.tree.map(lambda part, r: (part == "neuron") | (jnp.abs(r) >= threshold), kinds, total)
        writes = jax.tree.map(lambda r, d: jnp.where(d, r, 0), total, due)
        rest = jax.tree.map(lambda r, d: jnp.where(d, 0, r), total, due)
        return writes, jax.tree.map(kept, kinds, rest)

    return optax.GradientTransformation(init, update)


@register("trick", "error_triggered", place="write")
def error_triggered(
    rate: Annotated[float, AtLeast(0.0), AtMost(1.0), "Fraction of the blocks in which a neuron writes."] = 0.1,
    step: Annotated[NonNegative, "Increment of the threshold of a neuron per write, in units of the weights."] = 1e-3,
) -> optax.GradientTransformation:
    r"""A postsynaptic neuron writes only if its step exceeds its threshold, which adapts to a target rate of writes.

    .. math::
        x_j = \left[\max_i |\Delta_{ij}| > \vartheta_j\right], \qquad \Delta_{ij} \leftarrow x_j \Delta_{ij}, \qquad
        \vartheta_j \leftarrow \max(\vartheta_j + A x_j - B, 0)

    with A the `step` and B = `rate` A. Whatever the steps, a neuron writes in a share of the blocks that is at most
    :math:`B / A + \vartheta_j[n] / (A n)` after n blocks, and the `rate` itself as long as the threshold stays above 0.
    What a neuron does not write is lost. With `step` 0 every step is a write. A `step` that is small beside the steps
    finds the (1 - rate)-quantile of their sizes; a large one makes the neuron rest after every write.

    Needs an axis for the postsynaptic neuron, which a list of synapses has not. Parameters of neurons move at once. To
    come after the learning rate, and before bounds and grids.

    State: one word a postsynaptic neuron. Integer form: as it stands; A and B integers.
    Source: Payvand et al. 2020 (error-triggered learning, arXiv 1910.06152), with a threshold per neuron.

    >>> import jax.numpy as jnp
    >>> from erbp_jax.learning.tricks import error_triggered
    >>> link, update = error_triggered(rate=0.25, step=4.0), {"weight": jnp.array([[1.0, -3.0], [0.5, 0.0]])}
    >>> state, written = link.init(update), 0
    >>> for _ in range(8):
    ...     step, state = link.update(update, state)
    ...     written += (step["weight"][0] != 0).astype(int)
    >>> written.tolist()
    [2, 3]

    Raises:
        ValueError: a rate that is no share, a step below 0; at the start, a list of synapses.
    """
    if not 0.0 <= rate <= 1.0 or not step >= 0:
        raise ValueError(f"error_triggered: a rate in [0, 1] and a step of at least 0, got {rate} and {step}")

    def largest(part: Part, u: jax.Array) -> Any:
        axes = onto(part, u)
        return None if part == "neuron" else jnp.max(wide_enough(jnp.abs(u)), axis=axes, keepdims=True, initial=0)

    def init(params: Any) -> Any:
        no_lists("error_triggered", params)
        return jax.tree.map(largest, parts(params), optax.tree.zeros_like(params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        del params
        kinds = parts(updates)
        sizes = jax.tree.map(largest, kinds, updates)
        fires = jax.tree.map(lambda k, m, t: None if k == "neuron" else m > t, kinds, sizes, state)
        written = jax.tree.map(lambda k, u, x: u if k == "neuron" else jnp.where(x, u, 0), kinds, updates, fires)

        def steered(x: jax.Array, t: jax.Array) -> jax.Array:
            return jnp.maximum(t + (jnp.where(x, step, 0.0) - rate * step).astype(t.dtype), 0)

        return written, jax.tree.map(steered, fires, state)

    return optax.GradientTransformation(init, update)


class Written(NamedTuple):
    """What `count_writes` carries."""

    words: Wide  # [] weights that were changed


@register("trick", "count_writes", place="count")
def count_writes() -> optax.GradientTransformation:
    r"""Count the weights that change, :math:`\sum_{ij} [w_{ij} + \Delta_{ij} \ne w_{ij}]`; the steps pass as they are.

    Parameters of neurons are not counted. To be the last of a chain; `written` reads the count. State: one number.

    >>> import jax.numpy as jnp
    >>> from erbp_jax.learning.tricks import count_writes, written
    >>> link, weights = count_writes(), {"weight": jnp.array([1.0, 2.0, 3.0])}
    >>> _, state = link.update({"weight": jnp.array([0.5, 0.0, 1e-12])}, link.init(weights), weights)
    >>> int(written(state))
    1

    Raises:
        ValueError: on update, no parameters.
    """

    def init(params: Any) -> Written:
        del params
        return Written(wide_zeros())

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Written]:
        if params is None:
            raise ValueError("count_writes: needs the parameters")

        def changed(part: Part, u: jax.Array, w: jax.Array) -> jax.Array:
            return (w + u.astype(w.dtype) != w).sum(dtype=jnp.uint32) * jnp.uint32(part != "neuron")

        counts = jax.tree.leaves(jax.tree.map(changed, parts(updates), updates, params))
        if not counts:
            return updates, state
        return updates, Written(wide_add(state.words, wide_sum(wide(jnp.stack(counts)))))

    return optax.GradientTransformation(init, update)


def written(state: Any) -> np.ndarray:
    """Weights changed so far, int64, from an optimiser's state in which `count_writes` has one; by seed if it has.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.learning.tricks import count_writes, written
        >>> weights = {"weight": jnp.array([1.0, 2.0])}
        >>> int(written(count_writes().init(weights)))
        0

    Raises:
        ValueError: there is none.
    """
    if not (found := _counters(state)):
        raise ValueError("written: no count_writes in this optimiser's state")
    return wide_value(found[0].words)


def counts_writes(state: Any) -> bool:
    """Whether `count_writes` has a place in an optimiser's state."""
    return bool(_counters(state))


def _counters(state: Any) -> list[Written]:
    leaves = jax.tree.leaves(state, is_leaf=lambda s: isinstance(s, Written))
    return [leaf for leaf in leaves if isinstance(leaf, Written)]
