"""Steps of one size, whatever the size of the update: second moments in two words per neuron, none per synapse."""

import math
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from erbp_jax.learning.tricks.parts import onto, out_of, parts, wide_enough
from erbp_jax.registry import register
from erbp_jax.units import AtLeast, AtMost, Below

Decay = Annotated[float, AtLeast(0.0), Below(1.0), "Decay factor of a moment per update; 0 keeps no history."]
Floor = Annotated[
    float,
    AtLeast(0.0),
    AtMost(1.0),
    "Smallest presynaptic moment, as a fraction of the layer mean; it bounds the steps of rare inputs.",
]
Epsilon = Annotated[float, AtLeast(0.0), "Added to the root, in units of the update."]


class FactoredMoments(NamedTuple):
    """What the factored moments carry, with Adam's correction: one word a postsynaptic and one a presynaptic unit."""

    seen: jax.Array  # [] int32, updates so far
    post: Any  # [1, ..., O] float32 a leaf, mean square of the update of each postsynaptic unit
    pre: Any  # [..., I, 1] float32 a leaf, of each presynaptic one


def scale_by_factored_moments(
    decay: Decay = 0.999, floor: Floor = 2.0**-6, eps: Epsilon = 0.0
) -> optax.GradientTransformation:
    r"""RMSprop whose second moments are a column times a row.

    .. math::
        c_j &\leftarrow \beta c_j + (1 - \beta)\, \overline{g_{ij}^2}^{\,i}, \qquad
        p_i \leftarrow \beta p_i + (1 - \beta)\, \overline{g_{ij}^2}^{\,j} \\
        \Delta_{ij} &= \frac{g_{ij}}{\sqrt{\hat c_j\, r_i} + \epsilon}, \qquad
        \hat c_j = \frac{c_j}{1 - \beta^n}, \quad r_i = \max\left(\frac{p_i}{\overline{p}}, f\right)

    with g the update, n the updates so far, :math:`\beta` the `decay` and f the `floor`. A local rule's update is a sum
    of products :math:`e_j s_i`, whose second moment is such a product where error and input do not depend on each
    other; for one pattern :math:`e_j s_i` it is exact. c scales a layer, and each neuron of it, to steps of size 1:
    factors on the learning rate by layer, and on the feedback, have no effect. r scales each input, like Adagrad; the
    floor keeps an input that is hardly ever active from taking steps of any size.

    Arrays `[I, O]` and kernels `[h, w, c, o]` have the postsynaptic unit (the map) on the last axis; the other axes
    together are the presynaptic side, each place of a kernel one unit of it. Lists of synapses `[S]` do not say whose
    they are: one moment for the list. Parameters of neurons have one moment each. Where nothing came yet the step is 0.

    State: one word a postsynaptic and one a presynaptic unit, float32, and a count. Integer form: in a tick c moves by
    :math:`e_j^2` and p by :math:`s_i^2`, with :math:`1 - \beta` a shift; `scale_by_shifts` has no root and no division.
    Source: Shazeer and Stern 2018 (Adafactor, arXiv 1804.04235); a constant decay with Adam's correction of its start,
    for streams have no end; the axes are those of synapses and not the two largest.

    >>> import jax.numpy as jnp
    >>> from erbp_jax.learning.tricks import scale_by_factored_moments
    >>> link = scale_by_factored_moments()
    >>> update = {"weight": jnp.outer(jnp.array([1.0, 2.0]), jnp.array([0.5, -300.0, 0.0]))}
    >>> step, state = link.update(update, link.init(update))
    >>> step["weight"].tolist()
    [[1.0, -1.0, 0.0], [1.0, -1.0, 0.0]]
    >>> [x.shape for x in (state.post["weight"], state.pre["weight"])]
    [(1, 3), (2, 1)]

    Raises:
        ValueError: a decay that is not in [0, 1), a floor that is not in [0, 1], an `eps` below 0.
    """
    _check("scale_by_factored_moments", decay, floor)
    if eps < 0:
        raise ValueError(f"scale_by_factored_moments: eps must be at least 0, got {eps}")

    def size(u: jax.Array, post: jax.Array, pre: jax.Array) -> jax.Array:
        root = jnp.sqrt(post) * jnp.sqrt(pre)
        return _over(u, root, eps)

    return _by_moments(decay, floor, size)


def scale_by_shifts(decay: Decay = 0.999, floor: Floor = 2.0**-6) -> optax.GradientTransformation:
    r"""Factored moments of which only the leading ones count: every synapse is moved by a shift of its update.

    .. math::
        \Delta_{ij} = g_{ij}\, 2^{-k_{ij}}, \qquad
        k_{ij} = \left\lfloor \frac{\mathrm{lod}(\hat c_j) + \mathrm{lod}(r_i)}{2} \right\rfloor, \qquad
        \mathrm{lod}(x) = \lfloor \log_2 x \rfloor

    with the moments of `scale_by_factored_moments`. The step is 1 to 2^1.5 times as large as that one's, and the same
    where :math:`\hat c_j` and :math:`r_i` are powers of two and their product one of four. With a learning rate that is
    a power of two, what goes to a weight is its update, shifted.

    State: as `scale_by_factored_moments`; the two leading ones are six bits each. Integer form: as it stands: two
    priority encoders a neuron, an addition and a shift a synapse.
    Source: shift-based AdaMax of Hubara et al. 2016 (arXiv 1602.02830), factored.

    >>> import jax.numpy as jnp
    >>> from erbp_jax.learning.tricks import scale_by_shifts
    >>> link = scale_by_shifts()
    >>> update = {"weight": jnp.array([[3.0, -48.0], [3.0, -48.0]])}
    >>> link.update(update, link.init(update))[0]["weight"].tolist()
    [[1.5, -1.5], [1.5, -1.5]]

    Raises:
        ValueError: as `scale_by_factored_moments`.
    """
    _check("scale_by_shifts", decay, floor)

    def size(u: jax.Array, post: jax.Array, pre: jax.Array) -> jax.Array:
        shift = jnp.right_shift(_leading_one(post) + _leading_one(pre), 1)  # rounds down, below 0 too
        return jnp.where((post > 0) & (pre > 0), jnp.ldexp(u, -shift), 0)

    return _by_moments(decay, floor, size)


def sign() -> optax.GradientTransformation:
    r"""The update's sign alone: :math:`\Delta_{ij} = \mathrm{sgn}(g_{ij})`.

    No positive factor on error or feedback has an effect, and neither has the size of an update: a synapse that a block
    moved by one spike goes as far as one that it moved by fifty. State: none. Integer form: as it stands, one bit.
    Source: Bernstein et al. 2018 (signSGD, arXiv 1802.04434); `optax.scale_by_sign`.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.learning.tricks import sign
        >>> link, update = sign(), {"weight": jnp.array([-300.0, 0.0, 0.25])}
        >>> link.update(update, link.init(update))[0]["weight"].tolist()
        [-1.0, 0.0, 1.0]
    """
    return optax.scale_by_sign()


register("trick", "factored_moments", place="normalise")(scale_by_factored_moments)
register("trick", "shifts", place="normalise")(scale_by_shifts)
register("trick", "sign", place="normalise")(sign)


Size = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]


def _by_moments(decay: float, floor: float, size: Size) -> optax.GradientTransformation:
    """`size(update, corrected postsynaptic moment, relative presynaptic moment)`, all in float32, is the step."""

    def init(params: Any) -> FactoredMoments:
        post = jax.tree.map(lambda part, x: mean_square(jnp.zeros_like(x), onto(part, x)), parts(params), params)
        pre = jax.tree.map(lambda part, x: mean_square(jnp.zeros_like(x), out_of(part, x)), parts(params), params)
        return FactoredMoments(jnp.zeros((), jnp.int32), post, pre)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, FactoredMoments]:
        del params
        count, kinds = one_more(state.seen), parts(updates)
        new = weight_of_new(decay, count)
        post = jax.tree.map(lambda k, u, m: towards(m, mean_square(u, onto(k, u)), new), kinds, updates, state.post)
        pre = jax.tree.map(lambda k, u, m: towards(m, mean_square(u, out_of(k, u)), new), kinds, updates, state.pre)

        def step(u: jax.Array, c: jax.Array, p: jax.Array) -> jax.Array:
            mean = p.mean()
            relative = jnp.where(mean > 0, p / jnp.where(mean > 0, mean, 1), 0)
            return size(wide_enough(u), c, jnp.maximum(relative, floor)).astype(u.dtype)

        return jax.tree.map(step, updates, post, pre), FactoredMoments(count, post, pre)

    return optax.GradientTransformation(init, update)


def mean_square(u: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """Along axes that stay, with one place."""
    return jnp.mean(jnp.square(wide_enough(u)), axis=axes, keepdims=True)


def one_more(count: jax.Array) -> jax.Array:
    """The next number, which stays at the largest: streams have no end."""
    return jnp.asarray(optax.safe_increment(count))


def weight_of_new(decay: float, count: jax.Array) -> jax.Array | None:
    """Of the n-th value in an exponential moving average that Adam's correction has been applied to: the whole of the
    first, (1 - decay) / (1 - decay^n) of the n-th, so that what never changes is its own average, exactly. None where
    every value is the average."""
    if decay == 0.0:
        return None
    seen = -jnp.expm1(math.log(decay) * count.astype(jnp.float32))
    return jnp.where(count <= 1, 1.0, (1.0 - decay) / seen)


def towards(last: jax.Array, value: jax.Array, weight: jax.Array | None) -> jax.Array:
    """An average with its newest value, at the weight that `weight_of_new` says."""
    return value if weight is None else last + weight * (value - last)


def _over(u: jax.Array, root: jax.Array, eps: float) -> jax.Array:
    """The update over its root mean square; nothing where nothing ever came."""
    return jnp.where(root > 0, u / (jnp.where(root > 0, root, 1) + eps), 0)


def _leading_one(x: jax.Array) -> jax.Array:
    """Its place, int32: the largest n with 2^n <= x."""
    return jnp.frexp(x)[1].astype(jnp.int32) - 1


def _check(name: str, decay: float, floor: float = 0.0) -> None:
    if not 0.0 <= decay < 1.0:
        raise ValueError(f"{name}: decay must be at least 0 and below 1, got {decay}")
    if not 0.0 <= floor <= 1.0:
        raise ValueError(f"{name}: floor must be a share of the mean, from 0 to 1, got {floor}")
