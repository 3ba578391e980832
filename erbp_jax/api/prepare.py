"""From what a caller gives to an experiment and its optimisers, with what suits a rule where nothing is given."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import jax
import numpy as np
import optax

from erbp_jax.data import Dataset, dataset
from erbp_jax.encoding import Encoder, Poisson
from erbp_jax.errors import UserError
from erbp_jax.learning import Suggested, Suggests
from erbp_jax.learning.base import OTHERWISE, Rule, check_length
from erbp_jax.learning.three_factor import Term
from erbp_jax.network import Network
from erbp_jax.parallel import make_mesh
from erbp_jax.random import new_key
from erbp_jax.registry import entries
from erbp_jax.simulate import check_one_input
from erbp_jax.tasks import Classification, Regression, Task, task_for
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.transforms import Optimizers, summed

RuleLike = Rule | Callable[[Network], Rule]
"""A rule, or what makes one for a network: `ej.BackProp()`, `ej.ERBP.default`."""

BATCH = 100
"""Samples of a batch where none are given; all of a set that has fewer."""


def rule_for(network: Network, rule: RuleLike) -> Rule:
    """The rule itself.

    Raises:
        UserError: what is no rule and makes none.
    """
    made: Any = rule
    if not isinstance(rule, type) and not hasattr(rule, "block") and callable(rule) and isinstance(network, Network):
        if any(entry.make is rule for entry in entries("rule")):
            name = getattr(rule, "__name__", repr(rule))  # its first setting would take the network's place
            raise UserError(f"rule: {name} makes a rule of its settings; give {name}() itself")
        try:
            made = cast(Callable[[Network], Rule], rule)(network)
        except (TypeError, AttributeError) as error:
            name = getattr(rule, "__name__", repr(rule))
            raise UserError(f"rule: {name}(network) makes none, {error}; a rule itself may be {name}()") from error
    if isinstance(made, type) or not hasattr(made, "block"):
        given = f"the class {made.__name__}{_instead(made)}" if isinstance(made, type) else repr(made)[:100]
        if not isinstance(made, type) and hasattr(getattr(made, "rule", None), "block"):
            raise UserError(f"rule: {type(made).__name__} has the parameters of one; give its `.rule`")
        if isinstance(made, tuple) and made and all(isinstance(term, Term) for term in made):
            raise UserError("rule: these are the terms of one; ej.ThreeFactor((terms,)) is the rule")
        raise UserError(
            f"rule: must be a rule, or a function of the network that makes one, e.g. ej.ERBP.default or "
            f"ej.BackProp(); got {given}"
        )
    return cast(Rule, made)


def _instead(made: type) -> str:
    """What to give in place of a class."""
    if hasattr(made, "rule"):
        return f", whose rule is {made.__name__}(...).rule"
    return f"; give {made.__name__}{'.default' if hasattr(made, 'default') else '()'}" if hasattr(made, "block") else ""


def data_of(given: Any) -> Dataset:
    """A data set, or `(x, y)`, or `(x, y, x_test, y_test)`."""
    if isinstance(given, Dataset):
        return given
    if isinstance(given, tuple) and len(given) in (2, 4):
        return dataset(*given)
    raise UserError(f"data: must be a Dataset, (x, y) or (x, y, x_test, y_test), got {type(given).__name__}")


def experiment_for(
    network: Network,
    rule: Rule,
    data: Dataset,
    *,
    encoder: Encoder | None,
    task: Task | None,
    steps: int | None,
    burn_in: int | None,
    update_every: int | None,
    batch_size: int | None,
    devices: int,
) -> Experiment:
    """The experiment, what is not given being what suits the rule.

    Raises:
        UserError: numbers that do not fit the data or one another.
        ValueError: a network of several inputs, a rule that is not made for presentations of this length.
    """
    check_one_input(network)
    for part, what in ((data.train, "training"), (data.test, data.test_name)):
        if not len(part):
            raise UserError(f"data: {data.called} has no {what} samples")
    suits = suggested(rule)
    follows = task is None or isinstance(task, Regression)
    length = steps or data.ticks or (data.curve_ticks if follows else None) or suits.steps
    start = _burn_in(length, suits, update_every) if burn_in is None else burn_in
    if data.ticks is not None and encoder is None and length > data.ticks:
        raise UserError(f"steps: {length} ticks asked for, and the trains of {data.called} have {data.ticks}")
    if not 0 <= start < length:
        raise UserError(f"burn_in: must be from 0 to {length - 1} of {length} ticks, got {start}")
    every = update_every or _block(length, start, suits.update_every, burn_in is not None)
    for name, value in (("steps", length), ("burn_in", start)):
        if value % every:
            raise UserError(f"update_every: {every} ticks do not divide {name} = {value} ticks")
    if data.shape is not None and encoder is None and network.sizes[0] != data.features:
        raise UserError(f"network: has {network.sizes[0]} inputs, but a sample of the data has {data.features} values")
    if follows and network.classes != data.classes:
        one = network.classes == 1 and data.labels is None and np.ndim(data.train.y) == 2
        hint = "; y[..., None] makes of each row a curve over ticks for one output" if one else ""
        raise UserError(f"network: has {network.classes} outputs, but {data.called} has {data.targets_text}{hint}")
    if isinstance(task, Classification):  # outputs of no class may be kept silent
        if data.labels is None:
            raise UserError(f"task: a classification needs labels, but the targets of {data.called} are not labels")
        if network.classes < data.classes:
            raise UserError(f"network: has {network.classes} outputs, but {data.called} has {data.targets_text}")
    if batch_size is not None and batch_size > len(data.train):
        raise UserError(f"batch_size: {batch_size} samples, and {data.called} has {len(data.train)} for training")
    size = min(BATCH, len(data.train)) if batch_size is None else batch_size
    check_length(rule, length, start)
    return Experiment(
        network=network,
        encoder=encoder or (data.frames() if data.ticks is not None else Poisson(0.25)),
        rule=rule,
        steps=length,
        test_steps=length,
        update_every=every,
        burn_in=start,
        batch_size=size,
        test_batch_size=min(500 if devices == 1 else 500 // devices * devices, len(data.test)),
        mesh=None if devices == 1 else make_mesh(batch=devices),
        task=task or task_for(data),
    )


def suggested(rule: Rule) -> Suggested:
    """What suits a rule."""
    return rule.suggested() if isinstance(rule, Suggests) else OTHERWISE


def _burn_in(length: int, suits: Suggested, update_every: int | None) -> int:
    """What suits the rule, a quarter of the presentation at most; in whole blocks where others were single ticks."""
    start = min(suits.burn_in, length // 4)
    whole = start - start % (update_every or suits.update_every or 1)
    if update_every or (whole and _block(length, start, suits.update_every, False) == 1):
        return whole
    return start


def _block(length: int, start: int, suits: int | None, given: bool) -> int:
    """The largest block of at most `suits` ticks that divides a presentation and its burn-in, which is `given` or ours.

    Raises:
        UserError: a given burn-in leaves single ticks where blocks suit the rule: slow, and another training.
    """
    most = suits or length - start
    found = max(k for k in range(1, min(most, length - start) + 1) if (length - start) % k == 0 and start % k == 0)
    if given and start and found == 1 < min(most, length - start):
        whole = max(1, length // most) * most
        raise UserError(
            f"burn_in: {start} of {length} ticks leave no block of 2 to {most} ticks to update in; give update_every=1 "
            f"to update in every tick, or numbers that {most} divides, such as steps={whole}, "
            f"burn_in={min(start - start % most, whole - most)}"
        )
    return found


def _trains(experiment: Experiment) -> bool:
    """Whether the rule has parameters of its own that are trained."""
    made = jax.eval_shape(partial(experiment.rule.init, experiment.network), new_key(0))
    return bool(jax.tree.leaves(made.trained))


def single_ticks(experiment: Experiment) -> str:
    """What to know where no block of the rule's length divides a presentation, and single ticks are updated in."""
    suits, steps, start = suggested(experiment.rule).update_every or 1, experiment.steps, experiment.burn_in
    if not 1 == experiment.update_every < suits < steps - start:
        return ""
    begin = f", burn_in={start - start % suits}" if start else ""
    return (
        f"note: no block of 2 to {suits} ticks divides a presentation of {steps}"
        f"{f' with a burn-in of {start}' if start else ''}: the weights change in every tick, which is slow; "
        f"steps={steps // suits * suits}{begin} has blocks of {suits}"
    )


def optimizers_for(
    experiment: Experiment,
    batches: int,
    optimizer: optax.GradientTransformation | None,
    rule_optimizer: optax.GradientTransformation | None,
    learning_rate: float | jax.Array | None,
) -> Optimizers:
    """The network's optimiser and the rule's own, which steps once per presentation: a given one by the sum of the
    presentation's updates.

    Raises:
        UserError: a learning rate beside an optimiser, which has its own.
    """
    if optimizer is not None and learning_rate is not None:
        raise UserError("learning_rate: the given optimizer already has a learning rate; pass one of the two")
    suits, blocks = suggested(experiment.rule), experiment.blocks
    presentation = optax.constant_schedule(float(blocks))
    if optimizer is None:
        rate = suits.learning_rate if learning_rate is None else learning_rate
        schedule = optax.exponential_decay(rate, max(1, batches * blocks), suits.decay)
        method = [optax.scale_by_adam()] if suits.method == "adam" else []
        optimizer = optax.chain(*method, optax.scale_by_learning_rate(schedule))
        for_rule = optax.chain(optimizer, summed(optax.identity(), presentation))  # the schedule counts blocks
    else:
        # It may bound weights, which it must not be asked in every block; it may be made for the network's tree alone.
        for_rule = summed(optimizer, presentation) if _trains(experiment) else optax.identity()
    return Optimizers(optimizer, for_rule if rule_optimizer is None else summed(rule_optimizer, presentation))
