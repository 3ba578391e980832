"""A training run in its run folder: epochs, checkpoints, metrics, weights, summary."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax import interrupts
from erbp_jax.config import Config
from erbp_jax.errors import NonFiniteError, UserError
from erbp_jax.files import write_arrays, write_json
from erbp_jax.training import engine, run_folder
from erbp_jax.training.checkpoint import Checkpoints, Place
from erbp_jax.training.engine import Learner
from erbp_jax.training.metrics import epoch_line, measure, summarise
from erbp_jax.training.metrics_file import MetricsFile, kept_lines
from erbp_jax.training.progress import busy, reporting
from erbp_jax.training.session import Session

STRETCH_SECONDS = 2.0
"""How long the device works between two looks at the clock, the progress bar and Ctrl-C."""


def check(config: Config, folder: Path) -> None:
    """Look whether config, checkpoints and metrics of a run folder belong together, before anything is built.

    `fit` looks again, and at the arrays.

    Raises:
        UserError: they do not.
    """
    checkpoints = Checkpoints(folder / run_folder.CHECKPOINTS, config)
    if checkpoints.latest() is None:
        kept_lines(folder, begins=True)
    elif (newest := checkpoints.newest()) is not None:
        place, checksum = newest
        kept_lines(folder, place.epoch, checksum)


def fit(session: Session, folder: Path, *, label: str = "training") -> Learner:
    """Train to the end of the config, in a run folder that is locked and has its config; from its last checkpoint, if
    it has one.

    `label` stands beside the progress bar. The run is finished when `complete` has been called.

    Returns:
        The trained learner (every leaf with an axis for the seeds in front).

    Raises:
        UserError: checkpoint, metrics and config of the folder do not belong together, or the folder went away.
        NonFiniteError: training diverged; the last good checkpoint stands.
        OSError: something could not be written; the last good checkpoint stands.
        KeyboardInterrupt: after saving where it stopped.
    """
    config, batches, size = session.config, session.batches, session.config.training.batch_size
    there = run_folder.Presence(folder)
    checkpoints = Checkpoints(folder / run_folder.CHECKPOINTS, config)
    if checkpoints.latest() is None:
        metrics = MetricsFile(folder, begins=True)
        learner, place = session.start(), Place()
        checkpoints.save(0, learner, place, metrics.checksum)  # so that one that cannot be saved stops here
    else:
        learner, place = checkpoints.restore(session.like)
        metrics = MetricsFile(folder, place.epoch, checkpoints.metrics)
    seconds_before = metrics.entries[-1]["train_seconds"] if metrics.entries else 0.0
    if place.epoch * batches + place.batch > config.training.epochs * batches or place.batch >= batches:
        raise UserError(
            f"{checkpoints.latest()}: is of epoch {place.epoch}, batch {place.batch}; the config has "
            f"{config.training.epochs} epochs of {batches} batches"
        )
    interval = max(1, round(config.training.checkpoint_every * batches))
    position = saved = place.epoch * batches + place.batch
    total = config.training.epochs * batches
    if position >= total:
        return learner
    with busy("compiling"):
        session.compile(learner)

    def save() -> None:
        nonlocal saved
        checkpoints.save(position, learner, Place(*divmod(position, batches)), metrics.checksum)
        saved = position

    stretch = 1
    with reporting(label, total * size, position * size) as reporter:
        try:
            while position < total:
                interrupts.check()
                epoch, batch = divmod(position, batches)
                last = min(batch + stretch, batches, batch + saved + interval - position)
                began = time.perf_counter()
                after = session.train(learner, epoch, batch, last)
                stretch = _next_stretch(last - batch, time.perf_counter() - began)
                reporter.advance((last - batch) * size, _note(after, epoch, config.training.epochs))
                entry = None
                if last == batches:
                    entry = measure(session, after, epoch + 1, seconds_before)
                    after = replace(after, tally=_fresh_tally(after))
                with interrupts.held():  # learner, position, metrics and checkpoint change together
                    there.check()
                    if entry is not None:
                        metrics.append(entry)
                    learner, position = after, position + last - batch
                    if position - saved >= interval or position == total:
                        save()
                if entry is not None:
                    reporter.line(epoch_line(entry, config.training.epochs))
        except NonFiniteError as error:
            raise NonFiniteError(f"{error}\nlast good checkpoint: {checkpoints.latest()}") from None
        except OSError:
            there.check()  # that it is gone says more than what could not be written in it
            raise
        except KeyboardInterrupt:
            with interrupts.held():
                if position > saved:
                    there.check()
                    save()
            raise
    return learner


def complete(session: Session, learner: Learner, folder: Path, pictures: Sequence[str] = ()) -> dict[str, Any]:
    """Write `weights.npz` and, last, `summary.json`, which marks a run as finished and names the `pictures` that belong
    to it; returns the summary."""
    save_weights(folder, learner)
    metrics = run_folder.read_metrics(folder)
    epochs = session.config.training.epochs
    if len(metrics) != epochs:
        raise UserError(f"{folder / run_folder.METRICS}: has {len(metrics)} epochs of {epochs}")
    summary = {**summarise(session, metrics), "pictures": list(pictures)}
    write_json(folder / run_folder.SUMMARY, summary)
    return summary


def save_weights(folder: Path, learner: Learner) -> None:
    """The parameters as `weights.npz`, `layer0_weight[S, I, O]` and so on: readable without JAX.

    `layer` counts projections and `neurons` populations, in declared order.
    """
    arrays = {}
    for tree in learner.weights:
        for kind, parts in (("layer", tree.projections), ("neurons", tree.populations)):
            for number, part in enumerate(parts):
                for path, leaf in jax.tree_util.tree_leaves_with_path(part):
                    name = jax.tree_util.keystr(path, simple=True, separator="_")
                    arrays[f"{kind}{number}_{name}"] = np.asarray(leaf)
    write_arrays(folder / run_folder.WEIGHTS, arrays)


def _fresh_tally(learner: Learner) -> engine.Tally:
    return jax.tree.map(jnp.zeros_like, learner.tally)


def _next_stretch(batches: int, seconds: float) -> int:
    """Batches for the next stretch; grows at most fourfold, so that a slow start does not end in a long wait."""
    return max(1, min(4 * batches, int(batches * STRETCH_SECONDS / max(seconds, 1e-3))))


def _note(learner: Learner, epoch: int, epochs: int) -> str:
    tally = learner.tally.values()
    error = 100.0 * float(tally.wrong.sum()) / max(float(tally.samples.sum()), 1.0)
    return f"epoch {epoch + 1}/{epochs}  train error {error:.1f} %"
