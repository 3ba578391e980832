"""Learning-rate schedules and update rules, all from optax."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax

from erbp_jax.config.schema import Optimizer
from erbp_jax.network import Params
from erbp_jax.settings import settled


class Trained(NamedTuple):
    """All that moves: what an optimiser of the trainer gets and steps."""

    network: Params
    rule: Any  # the `own` weights of the rule; None if it has none


def make_optimizer(
    section: Optimizer,
    updates_per_epoch: int,
    epochs: int,
    write: optax.GradientTransformation | None = None,
    *,
    blocks: int = 1,
) -> optax.GradientTransformation:
    """The optax transformation of a config, of `Trained` trees. It is applied to every update of a rule, once per
    learning block.

    A rule's own weights go by the same method and schedule, but not by what is asked of the network's besides (decay,
    rates by layer, summed steps, rounding), and step once in `blocks`, which is to be a presentation: a guess that
    learns within one is right for the rest of it, and leaves the network less to learn.

    `write` is the network's last link, which the steps go through when the weights make them: rounding, for weights on
    a grid.
    """
    schedule = learning_rate(section, updates_per_epoch, epochs)
    parts = []
    if section.kind == "adam":
        parts.append(optax.scale_by_adam())
    elif section.momentum:
        parts.append(optax.trace(section.momentum))
    rate = optax.scale_by_learning_rate(schedule)
    own = optax.chain(*parts, rate, summed(optax.identity(), optax.constant_schedule(float(blocks))))
    if section.weight_decay:
        parts.append(optax.add_decayed_weights(section.weight_decay))
    parts.append(rate)
    if section.layer_rates is not None:
        parts.append(by_layer(section.layer_rates))
    optimizer = optax.chain(*parts)
    if section.accumulate > 1 or section.accumulate_growth > 1:
        growing = optax.exponential_decay(float(section.accumulate), updates_per_epoch, section.accumulate_growth)
        write = summed(write or optax.identity(), growing)
    network = optimizer if write is None else optax.chain(optimizer, write)
    both = optax.with_extra_args_support(beside(network, own))
    return optax.GradientTransformationExtraArgs(settled(both.init), settled(both.update))


def beside(network: optax.GradientTransformation, rule: optax.GradientTransformation) -> optax.GradientTransformation:
    """Two transformations, one for each part of a `Trained` tree."""
    network, rule = optax.with_extra_args_support(network), optax.with_extra_args_support(rule)

    def init(params: Any) -> Any:
        return network.init(params.network), rule.init(params.rule)

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Any]:
        ours, others = (None, None) if params is None else params
        step, network_state = network.update(updates.network, state[0], ours, **extra)
        own, rule_state = rule.update(updates.rule, state[1], others, **extra)
        return Trained(cast(Params, step), own), (network_state, rule_state)

    return optax.GradientTransformationExtraArgs(init, update)


class Summed(NamedTuple):
    """What `summed` carries."""

    seen: jax.Array  # [] int32, steps that came in
    waiting: jax.Array  # [] int32, steps in the sum
    total: Any  # their sum
    inner: Any  # state of the wrapped transformation


def summed(inner: optax.GradientTransformation, every: optax.Schedule) -> optax.GradientTransformationExtraArgs:
    r"""Pass the sum of the last `every(n)` steps, rounded down, through `inner`; in between nothing moves.

    .. math:: S_n = S_{n-1} + \Delta_n; \qquad
        \text{once } m \ge \lfloor \mathrm{every}(n) \rfloor:\; w \leftarrow w + \mathrm{inner}(S_n),\; S_n \leftarrow 0

    with n the steps that came in before and m those in the sum; trees of the parameters' shapes.
    A batch that is as many times as large, and may grow while it learns. Unlike `optax.MultiSteps` it counts the steps
    that come in, not those that go out, so that `every` runs along with the learning rate.
    """
    inner = optax.with_extra_args_support(inner)

    def init(params: Any) -> Summed:
        zero = jnp.zeros((), jnp.int32)
        return Summed(zero, zero, optax.tree.zeros_like(params), inner.init(params))

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Summed]:
        total = optax.tree.add(state.total, updates)
        nothing = optax.tree.zeros_like(total)

        def pass_on() -> tuple[Any, Summed]:
            step, inner_state = inner.update(total, state.inner, params, **extra)
            return step, Summed(state.seen + 1, jnp.zeros_like(state.waiting), nothing, inner_state)

        def wait() -> tuple[Any, Summed]:
            return nothing, Summed(state.seen + 1, state.waiting + 1, total, state.inner)

        return jax.lax.cond(state.waiting + 1 >= jnp.asarray(every(state.seen)).astype(jnp.int32), pass_on, wait)

    return optax.GradientTransformationExtraArgs(init, update)


def by_layer(factors: Sequence[float]) -> optax.GradientTransformation:
    """Multiply the updates of each layer, a tuple of trees, by a factor of its own."""

    def scale(updates: Any, _: Any) -> Any:
        return tuple(jax.tree.map(lambda u, f=f: f * u, x) for f, x in zip(factors, updates, strict=True))

    return optax.stateless(scale)


def learning_rate(section: Optimizer, updates_per_epoch: int, epochs: int) -> optax.Schedule:
    """Learning rate as a function of the number of updates."""
    total = updates_per_epoch * epochs
    match section.schedule:
        case "constant":
            return optax.constant_schedule(section.learning_rate)
        case "exponential":
            return optax.exponential_decay(section.learning_rate, updates_per_epoch, section.decay)
        case "cosine":
            return optax.cosine_decay_schedule(section.learning_rate, total, section.final)
        case "linear":
            return optax.linear_schedule(section.learning_rate, section.learning_rate * section.final, total)
