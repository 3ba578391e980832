"""Learning-rate schedules and update rules, all from optax."""

import optax

from erbp_jax.config.schema import Optimizer
from erbp_jax.settings import settled
from erbp_jax.training.transforms import Optimizers, by_layer, of_projections, summed


def make_optimizer(
    section: Optimizer,
    updates_per_epoch: int,
    epochs: int,
    write: optax.GradientTransformation | None = None,
    *,
    blocks: int = 1,
) -> Optimizers:
    """The optax transformations of a config, applied to every update of a rule: once per learning block.

    The parameters of the rule go by the same method and schedule, but not by what is asked of the network's besides
    (decay, rates by layer, summed steps, rounding), and step once in `blocks`, which is to be a presentation.
    Stepping them in every block raised the test error of learned readouts.

    `write` is the network's last link, which the steps go through when the weights make them: rounding, for weights on
    a grid. Parameters of neurons do not decay.
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
        parts.append(optax.add_decayed_weights(section.weight_decay, mask=of_projections))
    parts.append(rate)
    if section.layer_rates is not None:
        parts.append(by_layer(section.layer_rates))
    optimizer = optax.chain(*parts)
    if section.accumulate > 1 or section.accumulate_growth > 1:
        growing = optax.exponential_decay(float(section.accumulate), updates_per_epoch, section.accumulate_growth)
        write = summed(write or optax.identity(), growing)
    network = optimizer if write is None else optax.chain(optimizer, write)
    return Optimizers(_settled(network), _settled(own))


def _settled(one: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    one = optax.with_extra_args_support(one)
    return optax.GradientTransformationExtraArgs(settled(one.init), settled(one.update))


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
