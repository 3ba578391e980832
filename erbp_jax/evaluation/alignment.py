"""How far a rule with random feedback is from gradient descent, in degrees."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax import simulate
from erbp_jax.encoding import Encoder
from erbp_jax.learning.base import Aligned, Rule
from erbp_jax.learning.loop import Carry, over_blocks
from erbp_jax.learning.wiring import paths_to_output
from erbp_jax.network import Network
from erbp_jax.neurons.base import highest_rate, is_differentiable
from erbp_jax.neurons.static import Static
from erbp_jax.params import Params
from erbp_jax.random import new_key
from erbp_jax.scaling import near_one
from erbp_jax.trace import Tree


class Alignment(NamedTuple):
    """Angles in degrees: 0 is the same direction, 90 none in common."""

    feedback: jax.Array  # per hidden population, between G and the transposed weights on its way to the output
    update: jax.Array  # per projection that has weights, between the rule's update and the gradient


def aligned(network: Network) -> dict[str, list[str]]:
    """Whose the angles are: hidden populations that get feedback, and of the updates the populations to which the
    weights lead, or the projection where others lead to the same population before."""
    params, updates = jax.eval_shape(network.init, new_key(0)).trained, []
    for projection, weights in zip(network.projections, params.projections, strict=True):
        if jax.tree.leaves(weights):
            updates.append(projection.name if projection.target in updates else projection.target)
    return {"feedback": [p.name for p in network.hidden], "update": updates}


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


def feedback_angles(network: Network, rule: Aligned, params: Params, rule_params: Params) -> jax.Array:
    r"""Per hidden population the angle between what the rule's feedback carries to it and `(W_{l+1} ... W_L)^T`.

    Feedback alignment: learning turns the forward weights towards the transpose of the fixed ones, and the
    angle falls from 90 degrees. Of a network with cycles the paths are those of `paths_to_output`.
    Source: Lillicrap et al. 2016.
    """
    projection_params = [network.of_projection(params, j) for j in range(len(network.projections))]
    pairs = zip(rule.to_hidden(network, params, rule_params), paths_to_output(network, projection_params), strict=True)
    return jnp.asarray([angle(g, path) for g, path in pairs])


def update_angles(
    network: Network,
    encoder: Encoder,
    rule: Any,
    params: Params,
    rule_params: Params,
    image: jax.Array,
    target: jax.Array,
    key: jax.Array,
    *,
    steps: int,
    every: int,
    burn_in: int = 0,
) -> jax.Array:
    """Per projection that learns the angle between the rule's update and the gradient it stands for, `rule.gradient()`.

    Both see the same spikes of one batch, `image[B, ...]`, `target[B]`, `key[B]`, with the weights held.
    """
    reference = rule.gradient()
    shown = (image, target, key)
    ours = presentation_update(
        network, encoder, rule, params, rule_params, *shown, steps=steps, every=every, burn_in=burn_in
    )
    unlearned = jax.random.key(0, impl="threefry2x32")  # of a wiring without random weights
    gradient = presentation_update(
        network, encoder, reference, params, reference.init(network, unlearned), *shown, steps=steps, every=steps
    )
    both = (map(_flat, tree.projections) for tree in (ours, gradient))
    return jnp.asarray([angle(a, b) for a, b in zip(*both, strict=True) if a.size])


def _flat(weights: Any) -> jax.Array:
    return jnp.concatenate([jnp.zeros(0, jnp.float32), *(x.ravel() for x in jax.tree.leaves(weights))])


def has_gradient(network: Network, rule: Any) -> bool:
    """Whether there is a gradient to compare with: the rule stands for one, every neuron has a derivative (in the rate
    form by itself), and those of the output a highest rate, which the loss divides by."""
    neurons = [p.neuron for p in network.populations]
    rated = highest_rate(network.population(network.output).neuron) is not None
    return isinstance(rule, Aligned) and rated and all(isinstance(n, Static) or is_differentiable(n) for n in neurons)


def presentation_update(
    network: Network,
    encoder: Encoder,
    rule: Rule,
    params: Params,
    rule_params: Params,
    image: jax.Array,
    target: jax.Array,
    key: jax.Array,
    *,
    steps: int,
    every: int,
    burn_in: int = 0,
) -> Tree:
    """The sum of a rule's updates over one presentation after the burn-in, the weights held."""
    loop = partial(
        over_blocks,
        network,
        rule,
        feed=lambda state, ticks: simulate.encode(encoder, state, image, key, ticks),
        target=target,
        params=lambda _: (params, rule_params),
        block=every,
    )
    start = simulate.start(network, encoder, image, key).encoder
    carry = Carry(start, rule.init_state(network, key.shape[0]), network.zeros_like(params))
    if burn_in:
        carry, _ = loop(step=lambda total, *_: (total, None), carry=carry, start=0, steps=burn_in)

    def add(total, made, ticks):
        del ticks
        return jax.tree.map(jnp.add, total, made.update), None

    return loop(step=add, carry=carry, start=burn_in, steps=steps - burn_in)[0].moved
