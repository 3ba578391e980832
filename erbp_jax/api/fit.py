"""`fit`: train a network by a rule on a data set, in one call."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import optax

from erbp_jax.api.asked import ALONE, Asked
from erbp_jax.api.model import Model
from erbp_jax.api.numbers import numbers, parts
from erbp_jax.api.prepare import (
    RuleLike,
    data_of,
    experiment_for,
    rule_for,
    single_ticks,
)
from erbp_jax.cache import compilation_cache
from erbp_jax.declared import takes
from erbp_jax.encoding import Encoder
from erbp_jax.errors import UserError
from erbp_jax.learning.base import display_name
from erbp_jax.learning.targets import for_curves
from erbp_jax.network import Network
from erbp_jax.settings import settled
from erbp_jax.tasks import Task
from erbp_jax.training import engine
from erbp_jax.training.average import Average
from erbp_jax.training.engine import Learner
from erbp_jax.training.loop import train
from erbp_jax.training.metrics import Before, epoch_line
from erbp_jax.training.programs import Programs
from erbp_jax.training.progress import busy, quiet, reporting

OnEpoch = Callable[[dict[str, Any], Learner], bool | None]
"""Called after every epoch with its metrics and the learner; returns True to stop."""


def fit(
    network: Network,
    rule: RuleLike,
    data: Any,
    *,
    epochs: int = 10,
    seed: int | None = None,
    optimizer: optax.GradientTransformation | None = None,
    rule_optimizer: optax.GradientTransformation | None = None,
    learning_rate: float | None = None,
    encoder: Encoder | None = None,
    task: Task | None = None,
    steps: int | None = None,
    burn_in: int | None = None,
    update_every: int | None = None,
    batch_size: int | None = None,
    average: float | None = None,
    dt: float | None = None,
    model: Model | None = None,
    patience: int | None = None,
    on_epoch: OnEpoch | Sequence[OnEpoch] = (),
    devices: int = 1,
    piece: int | None = None,
    alignment: bool = False,
    progress: bool = True,
) -> Model:
    """Train `network` by `rule` on `data`, test after every epoch, and return what was learned.

    What is not given is what suits the rule: its optimiser, the ticks of a presentation (`steps`), those at its start
    in which nothing is learned (`burn_in`) and those between two updates (`update_every`). Images are encoded by
    `Poisson(0.25)`; given trains are taken as they are. Labels make a classification, curves a regression.

    Args:
        rule: a rule, or what makes one for the network: `ej.ERBP.default`, `ej.BackProp()`.
        data: a `Dataset`, `(x, y)` or `(x, y, x_test, y_test)`, as `ej.dataset` takes them.
        epochs: how often the samples are shown, in whole batches and a new order each time (what is left over, fewer
            than a batch, waits for another epoch); with `model`, how often more.
        optimizer: an optax transformation for the network's parameters. If not given the rule's own, whose rate falls
            by a factor in every epoch (`rule.suggested()`); `learning_rate` is the one that it begins with.
        rule_optimizer: the same for parameters that the rule has and trains (learned readouts).
        batch_size: samples that are shown side by side, and whose updates add up; 100 if not given, or all of a smaller
            set.
        average: time constant, in epochs, of an exponential moving average of the weights. Tests and the model use the
            average; learning continues from the weights themselves.
        dt: length of a tick in ms, for rates reported in Hz; everything else is in ticks. If not given that of the
            `model`, or of the data set: 1 ms unless it says so, as one of recordings does.
        seed: of weights, order and spikes; 0 if not given. With a `model` of an earlier `fit`, the model's.
        model: go on from what an earlier `fit` returned (same network and rule): with its optimiser and schedule,
            encoder, ticks and batches where nothing else is given; a `learning_rate` begins the schedule anew.
            `dataclasses.replace(model, learner=None)` goes on from its weights alone, by any rule.
        patience: stop once the test measure has not been better for so many epochs; to choose by it, keep samples out
            of `data` for a last test.
        on_epoch: called after every epoch with its metrics and the learner; returns True to stop. `ej.tensorboard`
            makes one.
        devices: share every batch among so many; the numbers are those of one, to rounding.
        piece: samples that are on the device at a time, of a set that does not fit there; no number changes.
        alignment: measure the angles to the gradient after every epoch, if the neurons have a derivative.
        progress: tell of every epoch; False leaves warnings alone, on standard error.

    Ctrl-C ends the training after the batch under way and returns what was learned so far.

    Example:
        >>> import erbp_jax as ej
        >>> data = ej.data.load("digits")
        >>> model = ej.fit(ej.mlp(64, 30, 10), ej.ERBP.default, data, epochs=1, progress=False)
        >>> model.predict(data.test.x[:3]).shape, model.test_error < 50  # chance is 90 %
        ((3,), True)

    Raises:
        UserError: parts or numbers that do not fit together; says which.
        NonFiniteError: the training diverged; says where.
    """
    numbers(
        epochs=epochs, seed=seed, steps=steps, burn_in=burn_in, update_every=update_every, batch_size=batch_size,
        patience=patience, devices=devices, piece=piece, learning_rate=learning_rate, dt=dt, average=average,
    )  # fmt: skip
    parts(network=network, optimizer=optimizer, rule_optimizer=rule_optimizer, encoder=encoder, task=task, model=model)
    used = _seed(seed, model)
    callbacks = (
        (on_epoch,) if callable(on_epoch) else tuple(on_epoch) if isinstance(on_epoch, Sequence) else (on_epoch,)
    )
    if not all(callable(call) and takes(call, 2) for call in callbacks):
        raise UserError(f"on_epoch: must be a function of (metrics, learner), or several, got {on_epoch!r}")
    compilation_cache()
    shown = data_of(data)
    if dt is None:
        dt = shown.dt if model is None else model.dt
    if model is not None and not _same_labels(model.labels, shown.labels):
        raise UserError(f"data: targets are {_some(shown.labels)}, and the model goes on from {_some(model.labels)}")
    made = rule_for(network, rule)
    made = made if shown.labels is not None else for_curves(made)
    before = model.fitted if model is not None and model.learner is not None else None
    if before is None and model is not None and model.learner is not None:
        raise UserError(f"model: has lost how it was trained, as in a pickle; {ALONE}")
    given: dict[str, Any] = {
        "encoder": encoder, "task": task, "steps": steps, "burn_in": burn_in, "update_every": update_every,
        "batch_size": batch_size,
    }  # fmt: skip
    averaged = None if average is None else Average(average)
    if before is not None:
        given, averaged = before.settings(shown, given), averaged or before.experiment.average
    try:
        experiment = replace(experiment_for(network, made, shown, devices=devices, **given), average=averaged)
    except ValueError as error:
        raise UserError(str(error)) from None
    if before is not None:
        experiment = before.rest(experiment, shown, steps=steps)
    batches = len(shown.train) // experiment.batch_size
    asked = Asked(before, optimizer, rule_optimizer, learning_rate)
    optimizers = asked.optimizers(experiment, batches)
    history = list(model.history) if model is not None else []
    asked.check(len(history), epochs)
    programs = Programs(experiment, optimizers, shown, [used], dt=dt, alignment=alignment, piece=piece)
    learner = programs.start() if model is None else _warm(programs, model)
    learner = replace(learner, optimizer=asked.continued(learner.optimizer, experiment, batches))
    if epochs:
        with busy("compiling") if progress else quiet():
            programs.compile(learner)
    begun = len(history)
    keeper, last = _InMemory(learner, history), begun + epochs

    def enough(entry: dict[str, Any]) -> bool:
        stops = [bool(call(entry, _first(keeper.learner))) for call in callbacks]
        return any(stops) or (patience is not None and _stale(history[begun:], experiment.task, patience))

    total, size = last * batches, experiment.batch_size
    with reporting("training", total * size, begun * batches * size) if progress else quiet() as reporter:
        if epochs and given["update_every"] is None and (note := single_ticks(experiment)):
            reporter.warn(note)
        try:
            train(
                programs, learner, keeper, reporter, position=begun * batches, epochs=last, interval=batches,
                before=Before.of(history), enough=enough,
                line=lambda entry: epoch_line(experiment.task, entry, last, shown.test_name),
            )  # fmt: skip
        except KeyboardInterrupt:
            reporter.line(f"interrupted; returning what was learned in {len(history)} whole epochs and a part")
    fitted = asked.fitted(experiment, optimizers, shown, begun)
    return Model.of_learner(fitted, _first(keeper.learner), history, shown, dt)


def _same_labels(ours: np.ndarray | None, theirs: np.ndarray | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return np.array_equal(ours, theirs)


def _some(labels: np.ndarray | None) -> str:
    return "curves" if labels is None else f"the labels {labels.tolist()[:10]}"


def _seed(seed: int | None, model: Model | None) -> int:
    """The seed of a training: that of the model it goes on from, or the one given, or 0."""
    if model is None or model.learner is None:
        return seed or 0
    if seed not in (None, model.seed):
        raise UserError(f"seed: the model was trained with seed {model.seed} and goes on with it, got {seed}")
    return model.seed


class _InMemory:
    """Keeps the last learner and all metrics."""

    def __init__(self, learner: Learner, history: list[dict[str, Any]]) -> None:
        self.learner, self._history = learner, history

    def check(self) -> None: ...

    def keep(self, learner: Learner, position: int, entry: dict[str, Any] | None) -> None:
        del position
        self.learner = learner
        if entry is not None:
            self._history.append(entry)


@settled
def _warm(programs: Programs, model: Model) -> Learner:
    """The learner that an earlier training ended with, or one that begins with a model's parameters."""
    fresh = programs.start()
    given = model.learner
    if not _alike(jax.tree.map(lambda x: x[None], model.params), fresh.weights):
        raise UserError("model: was trained with another network, whose weights do not fit this one")
    if given is not None and model.network != programs.experiment.network:
        raise UserError(f"model: was trained with another network; {ALONE}")
    before, now = display_name(model.rule), display_name(programs.experiment.rule)
    if given is None:
        params, rule_params = (jax.tree.map(lambda x: x[None], tree) for tree in (model.params, model.rule_params))
        fits = before == now and _alike(rule_params, fresh.rule_params)
        given = engine.replaced(fresh, params, rule_params if fits else fresh.rule_params)
    elif before != now:
        raise UserError(f"model: was trained by {before}, not {now}; {ALONE}")
    else:
        given = jax.tree.map(lambda x: x[None], given)
    if not _alike(given, fresh):
        other = "optimizer or average" if _alike(given.rule_params, fresh.rule_params) else "rule"
        raise UserError(f"model: was trained with another {other}; {ALONE}")
    return replace(given, counters=fresh.counters)  # of an epoch that was interrupted, and begins again


def _alike(one: Any, other: Any) -> bool:
    """Whether two trees have one structure, and leaves of the same shapes and types."""
    return jax.tree.structure(one) == jax.tree.structure(other) and all(
        a.shape == b.shape and a.dtype == b.dtype for a, b in zip(*map(jax.tree.leaves, (one, other)), strict=True)
    )


def _first(learner: Learner) -> Learner:
    return jax.tree.map(lambda x: x[0], learner)


def _stale(history: list[dict[str, Any]], task: Task, patience: int) -> bool:
    measure = task.measures[0]
    sign = -1.0 if measure.high_is_good else 1.0
    seen = [sign * entry[f"test_{measure.name}"] for entry in history]
    return len(seen) > patience and min(seen[:-patience]) <= min(seen[-patience:])
