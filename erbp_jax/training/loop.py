"""The loop of every training: stretches of epochs, and after each epoch a test."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from erbp_jax.evaluation.advice import untaught
from erbp_jax.evaluation.diagnosis import odd
from erbp_jax.learning.base import is_supervised
from erbp_jax.neurons import Static
from erbp_jax.neurons.base import highest_rate
from erbp_jax.training.engine import Learner
from erbp_jax.training.metrics import Before, measure
from erbp_jax.training.programs import Programs
from erbp_jax.training.progress import Reporter

STRETCH_SECONDS = 2.0
"""How long the device works between two looks at the clock, the progress bar and Ctrl-C."""


NOTHING = Before()


class Keeper(Protocol):
    """Whoever keeps what a training makes."""

    def check(self) -> None:
        """Between two stretches: whether to go on at all."""
        ...

    def keep(self, learner: Learner, position: int, entry: dict[str, Any] | None) -> None:
        """The learner after so many batches, and the metrics of an epoch that just ended."""
        ...


def train(
    programs: Programs,
    learner: Learner,
    keeper: Keeper,
    reporter: Reporter,
    *,
    position: int,
    epochs: int,
    interval: int,
    before: Before = NOTHING,
    look: str = "ej.diagnose(model, data)",
    line: Callable[[dict[str, Any]], str] | None = None,
    enough: Callable[[dict[str, Any]], bool] | None = None,
) -> Learner:
    """Train from batch `position` to the end of `epochs`; no stretch passes a multiple of `interval` batches since the
    last one, or the end of an epoch. `before` is what was spent to get there; `enough` may end it after an epoch, by
    the epoch's metrics.
    `look` is how the user finds out why a network is silent.

    Raises:
        NonFiniteError: training diverged; what the keeper has stands.
    """
    batches, size = programs.batches, programs.experiment.batch_size
    total, kept, stretch, warned = epochs * batches, position, 1, ""
    if position < total and not is_supervised(programs.experiment.rule):
        reporter.warn(f"note: {untaught(programs.experiment)}")
    while position < total:
        keeper.check()
        epoch, batch = divmod(position, batches)
        last = min(batch + stretch, batches, batch + max(kept + interval - position, 1))
        began = time.perf_counter()
        after = programs.train(learner, epoch, batch, last)
        stretch = _next_stretch(last - batch, time.perf_counter() - began)
        reporter.advance((last - batch) * size, _note(programs, after, epoch, epochs))
        entry = None
        if last == batches:
            entry = measure(programs, after, epoch + 1, before)
            after = replace(after, counters=jax.tree.map(jnp.zeros_like, after.counters))
        position += last - batch
        keeper.keep(after, position, entry)
        learner = after
        if position - kept >= interval:
            kept = position
        if entry is not None:
            if line is not None:
                reporter.line(line(entry))
            if (
                warning := odd(entry, programs.experiment.network.names, _highest(programs), look)
            ) is not None and warning != warned:
                reporter.warn(f"{warning} (epoch {entry['epoch']})")
                warned = warning
            if enough is not None and enough(entry):
                break
    return learner


def _highest(programs: Programs) -> list[float | None]:
    """The highest rate of every population, Hz; None where its neurons know none, or are in rate form."""
    neurons = [p.neuron for p in programs.experiment.network.populations]
    rates = [None if isinstance(n, Static) else highest_rate(n) for n in neurons]  # rates of none are no spikes
    return [None if rate is None else 1e3 * rate / programs.dt for rate in rates]


def _next_stretch(batches: int, seconds: float) -> int:
    """Batches for the next stretch; grows at most fourfold, so that a slow start does not end in a long wait."""
    return max(1, min(4 * batches, int(batches * STRETCH_SECONDS / max(seconds, 1e-3))))


def _note(programs: Programs, learner: Learner, epoch: int, epochs: int) -> str:
    first, counters = programs.experiment.task.measures[0], learner.counters.values()
    mean = first.scale * float(counters.scores[0].sum()) / max(float(counters.samples.sum()), 1.0)
    value = f"{mean:.1f} %" if first.counted else f"{mean:.3g}"
    return f"epoch {epoch + 1}/{epochs}  train {first.name} {value}"
