"""Learning-rate schedules and update rules, from optax and `erbp_jax.learning.tricks`."""

from collections.abc import Sequence
from typing import get_args

import optax

from erbp_jax.config.construct import construct
from erbp_jax.config.schema import Optimizer
from erbp_jax.config.schema.training import Place, place_of
from erbp_jax.learning.tricks.parts import of_projections
from erbp_jax.settings import settled
from erbp_jax.training.transforms import Optimizers, by_layer, summed
from erbp_jax.units import Clock

MILLISECOND = Clock(1.0)


def make_optimizer(
    section: Optimizer,
    updates_per_epoch: int,
    epochs: int,
    write: optax.GradientTransformation | None = None,
    *,
    blocks: int = 1,
    clock: Clock = MILLISECOND,
    layer_of: Sequence[int] | None = None,
) -> Optimizers:
    """The optax transformations of a config, applied to every update of a rule: once per learning block.

    In order: tricks that set the size of updates, momentum or Adam, tricks on the rate, weight decay, learning rate,
    rates by layer; then, on sums of steps if these are asked for, tricks on writes, bounds, and `write`: rounding, for
    weights on a grid. A bound comes after what delays a write, for it would be asked again until the write is made.

    The parameters of the rule go by the same method, sizes and schedule, but not by what is asked of the network's
    besides (other tricks, decay, rates by layer, accumulated steps, rounding), and step once in `blocks`, which is to
    be a presentation. Stepping them in every block raised the test error of learned readouts. Parameters of neurons
    do not decay.

    Raises:
        ValueError: a trick refuses its values.
    """
    schedule = learning_rate(section, updates_per_epoch, epochs)
    tricks = _tricks(section, clock)
    parts = tricks["normalise"]
    if section.kind == "adam":
        parts.append(optax.scale_by_adam())
    elif section.momentum:
        parts.append(optax.trace(section.momentum))
    rate = optax.scale_by_learning_rate(schedule)
    for_rule = optax.chain(*parts, rate, summed(optax.identity(), optax.constant_schedule(float(blocks))))
    parts += tricks["rate"]
    if section.weight_decay:
        parts.append(optax.add_decayed_weights(section.weight_decay, mask=of_projections))
    parts.append(rate)
    if section.layer_rates is not None:
        parts.append(by_layer(section.layer_rates, layer_of))
    optimizer = optax.chain(*parts)
    if late := [*tricks["write"], *tricks["bound"]]:
        write = optax.chain(*late, write or optax.identity())
    if tricks["count"]:
        write = optax.chain(write or optax.identity(), *tricks["count"])
    if section.accumulate > 1 or section.accumulate_growth > 1:
        growing = optax.exponential_decay(float(section.accumulate), updates_per_epoch, section.accumulate_growth)
        write = summed(write or optax.identity(), growing)
    network = optimizer if write is None else optax.chain(optimizer, write)
    return Optimizers(_settled(network), _settled(for_rule))


def _tricks(section: Optimizer, clock: Clock) -> dict[str, list[optax.GradientTransformation]]:
    """The tricks of each place."""
    found = {place: [] for place in get_args(Place)}
    for number, trick in enumerate(section.tricks):
        found[place_of(trick.entry)].append(construct(trick, f"optimizer.tricks.{number}", clock))
    return found


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
