"""A learning rate that follows the error, and not a schedule."""

from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from erbp_jax.learning.tricks.moments import Decay, one_more, towards, weight_of_new
from erbp_jax.registry import register
from erbp_jax.units import Count, Positive


class ErrorRate(NamedTuple):
    """What `scale_by_errors` carries."""

    seen: jax.Array  # [] int32, updates so far
    mean: jax.Array  # [] float32, moving average of the error spikes
    reference: jax.Array  # [] float32, error spikes at which the rate is whole


@register("trick", "errors", place="rate", needs="errors")
def scale_by_errors(
    decay: Decay = 0.999,
    settle: Annotated[Count, "Number of initial updates whose mean is the reference, if none is given."] = 100,
    reference: Annotated[Positive, "Error spikes per sample and update at which the full learning rate applies."]
    | None = None,
) -> optax.GradientTransformationExtraArgs:
    r"""A learning rate in proportion to the error spikes, at most the whole one.

    .. math::
        \Delta = g \min\left(1, \frac{\bar e}{\bar e_{ref}}\right), \qquad
        \bar e \leftarrow \beta \bar e + (1 - \beta)\, e, \quad\text{over } 1 - \beta^n

    e are the spikes of the error neurons per sample in the block, which the training loops give as `errors`. Without a
    reference it is the mean of the first `settle` updates, in which the rate is whole. The rate falls as the network
    learns and comes back when the task changes; it does not depend on how long training will go on. Where the reference
    is 0, as under a rule without error neurons, the rate stays whole.

    State: three numbers. Integer form: a shift by the difference of the leading ones of :math:`\bar e_{ref}` and
    :math:`\bar e`.
    Source: this project.

    >>> import jax.numpy as jnp
    >>> from erbp_jax.learning.tricks import scale_by_errors
    >>> link, update = scale_by_errors(decay=0.0, settle=1), {"weight": jnp.ones(1)}
    >>> state = link.init(update)
    >>> for errors in (8.0, 2.0, 16.0):
    ...     step, state = link.update(update, state, errors=jnp.float32(errors))
    ...     print(step["weight"].tolist())
    [1.0]
    [0.25]
    [1.0]

    Raises:
        ValueError: a decay that is not in [0, 1), a `settle` below 1, a reference that is not above 0; on update, no
            errors.
    """
    if not 0.0 <= decay < 1.0 or settle < 1 or (reference is not None and not reference > 0):
        raise ValueError(
            f"scale_by_errors: decay in [0, 1), settle from 1 on, a reference above 0; got {decay}, {settle}, "
            f"{reference}"
        )

    def init(params: Any) -> ErrorRate:
        del params
        zero = jnp.zeros((), jnp.float32)
        return ErrorRate(jnp.zeros((), jnp.int32), zero, zero)

    def update(updates: Any, state: Any, params: Any = None, *, errors: Any = None, **_: Any) -> tuple[Any, ErrorRate]:
        del params
        if errors is None:
            raise ValueError("scale_by_errors: needs errors=, error spikes per sample; the training loops give it")
        errors, count = jnp.asarray(errors, jnp.float32), one_more(state.seen)
        mean = towards(state.mean, errors, weight_of_new(decay, count))
        if reference is not None:
            whole = jnp.float32(reference)
        else:
            seen = jnp.minimum(count, settle).astype(jnp.float32)
            whole = jnp.where(count <= settle, state.reference + (errors - state.reference) / seen, state.reference)
        share = jnp.where(whole > 0, jnp.minimum(1.0, mean / jnp.where(whole > 0, whole, 1.0)), 1.0)
        if reference is None:
            share = jnp.where(count <= settle, 1.0, share)
        scaled = jax.tree.map(lambda u: u * share.astype(u.dtype), updates)
        return scaled, ErrorRate(count, mean, whole)

    return optax.GradientTransformationExtraArgs(init, update)
