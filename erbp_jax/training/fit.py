"""A training run in its run folder: epochs, checkpoints, metrics, weights, summary."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from erbp_jax import interrupts
from erbp_jax.config import Config
from erbp_jax.errors import NonFiniteError, UserError
from erbp_jax.files import write_arrays, write_json
from erbp_jax.learning.tricks.writes import counts_writes, written
from erbp_jax.training import run_data, run_folder
from erbp_jax.training.checkpoint import Checkpoints, Place
from erbp_jax.training.engine import Learner
from erbp_jax.training.loop import train
from erbp_jax.training.metrics import Before, epoch_line, summarise
from erbp_jax.training.metrics_file import MetricsFile, kept_lines
from erbp_jax.training.progress import busy, reporting
from erbp_jax.training.session import Session
from erbp_jax.wording import plural


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


def fit(
    session: Session,
    folder: Path,
    *,
    label: str = "training",
    on_epoch: Callable[[dict[str, Any], Learner], Any] | None = None,
) -> Learner:
    """Train to the end of the config, in a run folder that is locked and has its config; from its last checkpoint, if
    it has one.

    `label` stands beside the progress bar; `on_epoch` receives the metrics of every epoch. The run is finished when
    `complete` has been called.

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
        run_data.keep(folder, session.data)
        metrics = MetricsFile(folder, begins=True)
        learner, place = session.start(), Place()
        checkpoints.save(0, learner, place, metrics.checksum)  # so that one that cannot be saved stops here
    else:
        run_data.check_same(folder, session.data)
        learner, place = checkpoints.restore(session.like)
        metrics = MetricsFile(folder, place.epoch, checkpoints.metrics)
    if place.epoch * batches + place.batch > config.training.epochs * batches or place.batch >= batches:
        raise UserError(
            f"{checkpoints.latest()}: is of epoch {place.epoch}, batch {place.batch}; the config has "
            f"{plural(config.training.epochs, 'epoch')} of {plural(batches, 'batch', 'batches')}"
        )
    interval = max(1, round(config.training.checkpoint_every * batches))
    position = place.epoch * batches + place.batch
    total = config.training.epochs * batches
    checkpoints.sweep(position)  # of a process that was killed between a save and what belongs to it
    if position >= total:
        return learner
    with busy("compiling"):
        session.compile(learner)

    def report(entry: dict[str, Any]) -> str:
        if on_epoch is not None:
            on_epoch(entry, keeper.learner)
        return epoch_line(session.experiment.task, entry, config.training.epochs, session.data.test_name)

    keeper = _InFolder(checkpoints, metrics, there, position, interval, total, batches)
    with reporting(label, total * size, position * size) as reporter:
        try:
            return train(
                session,
                learner,
                keeper,
                reporter,
                position=position,
                epochs=config.training.epochs,
                interval=interval,
                before=Before.of(metrics.entries),
                look=f"erbp-jax diagnose {folder}",
                line=report,
            )
        except NonFiniteError as error:
            raise NonFiniteError(f"{error}\nlast good checkpoint: {checkpoints.latest()}") from None
        except OSError:
            there.check()  # that it is gone says more than what could not be written in it
            raise
        except KeyboardInterrupt:
            with interrupts.held():
                keeper.save_rest()
            raise


class _InFolder:
    """Keeps a training in its run folder: metrics and, every `interval` batches, a checkpoint."""

    def __init__(
        self, checkpoints: Checkpoints, metrics: MetricsFile, there: run_folder.Presence, position: int, interval: int,
        total: int, batches: int,
    ) -> None:  # fmt: skip
        self._checkpoints, self._metrics, self._there = checkpoints, metrics, there
        self._saved, self._interval, self._total, self._batches = position, interval, total, batches
        self._last: tuple[Learner, int] | None = None

    def check(self) -> None:
        interrupts.check()

    def keep(self, learner: Learner, position: int, entry: dict[str, Any] | None) -> None:
        with interrupts.held():  # learner, position, metrics and checkpoint change together
            self._there.check()
            if entry is not None:
                self._metrics.append(entry)
            self._last = learner, position
            if position - self._saved >= self._interval or position == self._total:
                self._save()

    @property
    def learner(self) -> Learner:
        """The one that was kept last."""
        assert self._last is not None
        return self._last[0]

    def save_rest(self) -> None:
        """A checkpoint of where training stopped, if it went on since the last one."""
        if self._last is not None and self._last[1] > self._saved:
            self._there.check()
            self._save()

    def _save(self) -> None:
        assert self._last is not None
        learner, position = self._last
        self._checkpoints.save(position, learner, Place(*divmod(position, self._batches)), self._metrics.checksum)
        self._saved = position


def complete(session: Session, learner: Learner, folder: Path, pictures: Sequence[str] = ()) -> dict[str, Any]:
    """Write `weights.npz` and, last, `summary.json`, which marks a run as finished and names the `pictures` that belong
    to it; returns the summary."""
    save_weights(folder, learner)
    metrics = run_folder.read_metrics(folder)
    epochs = session.config.training.epochs
    if len(metrics) != epochs:
        raise UserError(f"{folder / run_folder.METRICS}: has {len(metrics)} epochs of {epochs}")
    summary = {**summarise(session, metrics), "pictures": list(pictures)}
    if counts_writes(learner.optimizer):
        summary["weight_writes_per_seed"] = written(learner.optimizer).tolist()
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
