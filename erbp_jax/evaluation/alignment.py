"""How far a rule with random feedback is from gradient descent, in degrees."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax import simulate
from erbp_jax.encoding import Encoder
from erbp_jax.learning import Rule
from erbp_jax.learning.wiring import paths_to_output
from erbp_jax.network import Network, Params
from erbp_jax.scaling import near_one


class Alignment(NamedTuple):
    """Angles in degrees: 0 is the same direction, 90 none in common."""

    feedback: jax.Array  # [L - 1] per hidden layer, between G and the transposed weights on its way to the output
    update: jax.Array  # [L] per layer that has weights, between the rule's update and the gradient


def angle(a: jax.Array, b: jax.Array) -> jax.Array:
    r"""The angle between two arrays of one shape, in degrees; 90 if one of them is zero, or both.

    .. math:: 2 \arctan\frac{|\hat a - \hat b|}{|\hat a + \hat b|}

    (Kahan's form: the arc cosine loses half of the digits near 0.) Sizes do not matter, as long as an array is not
    zero. What is zero has no direction: it has none in common with anything, another zero included.
    """
    unit_a, unit_b = _direction(a), _direction(b)
    degrees = jnp.degrees(2.0 * jnp.arctan2(jnp.linalg.norm(unit_a - unit_b), jnp.linalg.norm(unit_a + unit_b)))
    return jnp.where(jnp.any(a != 0) & jnp.any(b != 0), degrees, 90.0)


def _direction(x: jax.Array) -> jax.Array:
    x = near_one(x)
    return x / jnp.maximum(jnp.linalg.norm(x), jnp.finfo(x.dtype).tiny)


def feedback_angles(network: Network, rule: Rule, params: Params, fixed: Any) -> jax.Array:
    r"""Per hidden layer `[L - 1]` the angle between what the rule's feedback carries to it and `(W_{l+1} ... W_L)^T`.

    Feedback alignment: learning turns the forward weights towards the transpose of the fixed ones, and the
    angle falls from 90 degrees. Source: Lillicrap et al. 2016.
    """
    pairs = zip(rule.to_hidden(network, params, fixed), paths_to_output(network, params), strict=True)
    return jnp.asarray([angle(g, path) for g, path in pairs])


def update_angles(
    network: Network,
    encoder: Encoder,
    rule: Rule,
    params: Params,
    fixed: Any,
    image: jax.Array,
    target: jax.Array,
    key: jax.Array,
    *,
    steps: int,
    every: int,
) -> jax.Array:
    """Per layer that has weights `[L]` the angle between the rule's update and the gradient it stands for,
    `rule.gradient()`.

    Both see the same spikes of one batch, `image[B, ...]`, `target[B]`, `key[B]`, with the weights held.
    """
    reference = rule.gradient()
    shown = (image, target, key)
    ours = presentation_update(network, encoder, rule, params, fixed, *shown, steps=steps, every=every)
    unlearned = jax.random.key(0, impl="threefry2x32")  # of a wiring without random weights
    gradient = presentation_update(
        network, encoder, reference, params, reference.init(network, unlearned), *shown, steps=steps, every=steps
    )
    pairs = [(a, b) for a, b in zip(map(_flat, ours), map(_flat, gradient), strict=True) if a.size]
    return jnp.asarray([angle(a, b) for a, b in pairs])


def _flat(layer: dict[str, jax.Array]) -> jax.Array:
    return jnp.concatenate([jnp.zeros(0, jnp.float32), *(x.ravel() for x in jax.tree.leaves(layer))])


def presentation_update(
    network: Network,
    encoder: Encoder,
    rule: Rule,
    params: Params,
    fixed: Any,
    image: jax.Array,
    target: jax.Array,
    key: jax.Array,
    *,
    steps: int,
    every: int,
) -> Params:
    """The sum of a rule's updates over one presentation, the weights held."""
    start = simulate.start(network, encoder, image, key)

    def block(carry, ticks, learn):
        encoder_state, network_state, rule_state, total = carry
        encoder_state, spikes, tick_key = simulate.encode(encoder, encoder_state, image, key, ticks)
        result = rule.block(
            network, params, fixed, network_state, rule_state, spikes, target, ticks=ticks, key=tick_key
        )
        total = jax.tree.map(jnp.add, total, result.update) if learn else total
        return (encoder_state, result.network, result.state, total), None

    carry = (
        start.encoder,
        start.network,
        rule.init_state(network, image.shape[0]),
        jax.tree.map(jnp.zeros_like, params),
    )
    if rule.burn_in:
        carry, _ = simulate.over_time(lambda c, t: block(c, t, False), carry, start=0, steps=rule.burn_in, block=every)
    carry, _ = simulate.over_time(
        lambda c, t: block(c, t, True), carry, start=rule.burn_in, steps=steps - rule.burn_in, block=every
    )
    return carry[-1]
