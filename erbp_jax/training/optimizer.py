"""Learning-rate schedules and update rules, all from optax."""

from collections.abc import Sequence
from typing import Any

import jax
import optax

from erbp_jax.config.schema import Optimizer


def make_optimizer(section: Optimizer, updates_per_epoch: int, epochs: int) -> optax.GradientTransformation:
    """The optax transformation of a config. It is applied to every update of a rule, once per learning block."""
    schedule = learning_rate(section, updates_per_epoch, epochs)
    parts = []
    if section.kind == "adam":
        parts.append(optax.scale_by_adam())
    elif section.momentum:
        parts.append(optax.trace(section.momentum))
    if section.weight_decay:
        parts.append(optax.add_decayed_weights(section.weight_decay))
    parts.append(optax.scale_by_learning_rate(schedule))
    if section.layer_rates is not None:
        parts.append(by_layer(section.layer_rates))
    return optax.chain(*parts)


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
