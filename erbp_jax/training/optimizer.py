"""Learning-rate schedules and update rules, all from optax."""

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
    return optax.chain(*parts, optax.scale_by_learning_rate(schedule))


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
