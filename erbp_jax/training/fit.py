"""A training run in its run folder: epochs, checkpoints, metrics, summary."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.errors import NonFiniteError
from erbp_jax.training import engine, run_folder
from erbp_jax.training.checkpoint import Checkpoints, Place
from erbp_jax.training.engine import Learner
from erbp_jax.training.metrics import epoch_line, measure, summarise
from erbp_jax.training.progress import busy, reporting
from erbp_jax.training.session import Session

STRETCH_SECONDS = 2.0
"""How long the device works between two looks at the clock, the progress bar and Ctrl-C."""


def fit(
    session: Session,
    folder: Path,
    *,
    resume: bool,
    label: str = "training",
    again: str | None = None,
    sink: Callable[[str], None] = print,
) -> tuple[dict[str, Any], Learner]:
    """Train to the end of the config, in a run folder that is locked and has its config.

    `label` stands beside the progress bar; `again` is the command that goes on after an interrupt.

    Returns:
        The summary, and the trained learner (every leaf with an axis for the seeds in front).

    Raises:
        NonFiniteError: training diverged; the last good checkpoint stands.
        KeyboardInterrupt: after saving where it stopped.
    """
    config, batches, size = session.config, session.batches, session.config.training.batch_size
    checkpoints = Checkpoints(folder / run_folder.CHECKPOINTS)
    learner = session.start()
    place = Place()
    if resume:
        learner, place = checkpoints.restore(learner)
        run_folder.keep_metrics(folder, place.epoch)
    else:
        checkpoints.save(0, learner, place)
    earlier = run_folder.read_metrics(folder)
    seconds_before = earlier[-1]["train_seconds"] if earlier else 0.0
    with busy("compiling"):
        session.compile(learner)

    interval = max(1, round(config.training.checkpoint_every * batches))
    position = place.epoch * batches + place.batch
    saved = position
    total = config.training.epochs * batches
    stretch = 1
    with reporting(label, total * size, position * size) as reporter:
        try:
            while position < total:
                epoch, batch = divmod(position, batches)
                last = min(batch + stretch, batches, batch + saved + interval - position)
                began = time.perf_counter()
                after = session.train(learner, epoch, batch, last)
                stretch = _next_stretch(last - batch, time.perf_counter() - began)
                reporter.advance((last - batch) * size, _note(after, epoch, config.training.epochs))
                if last == batches:
                    entry = measure(session, after, epoch + 1, seconds_before)
                    run_folder.append_metrics(folder, entry)
                    reporter.line(epoch_line(entry, config.training.epochs))
                    after = replace(after, tally=_fresh_tally(after))
                # Learner and position change together, and only now: an interrupt before this line goes back to the
                # stretch's beginning, and `keep_metrics` drops a line that was written too early.
                learner, position = after, position + last - batch
                if position - saved >= interval or position == total:
                    checkpoints.save(position, learner, Place(*divmod(position, batches)))
                    saved = position
        except NonFiniteError as error:
            raise NonFiniteError(f"{error}\nlast good checkpoint: {checkpoints.latest()}") from None
        except KeyboardInterrupt:
            if position > saved:
                checkpoints.save(position, learner, Place(*divmod(position, batches)))
            sink(f"interrupted; go on with: {again or f'erbp-jax resume {folder}'}")
            raise
        finally:
            checkpoints.close()
    save_weights(folder, learner)
    summary = summarise(session, run_folder.read_metrics(folder))
    run_folder.write_json(folder / run_folder.SUMMARY, summary)
    return summary, learner


def save_weights(folder: Path, learner: Learner) -> None:
    """The weights as `weights.npz`, `layer0_weight[S, I, O]` and so on: readable without JAX."""
    arrays = {
        f"layer{i}_{name}": np.asarray(value)
        for i, layer in enumerate(learner.weights)
        for name, value in layer.items()
    }
    partial_path = folder / ".weights.partial.npz"
    np.savez(partial_path, **arrays)  # pyright: ignore[reportArgumentType]
    partial_path.replace(folder / "weights.npz")


def _fresh_tally(learner: Learner) -> engine.Tally:
    return jax.tree.map(jnp.zeros_like, learner.tally)


def _next_stretch(batches: int, seconds: float) -> int:
    """Batches for the next stretch; grows at most fourfold, so that a slow start does not end in a long wait."""
    return max(1, min(4 * batches, int(batches * STRETCH_SECONDS / max(seconds, 1e-3))))


def _note(learner: Learner, epoch: int, epochs: int) -> str:
    tally = learner.tally.values()
    error = 100.0 * float(tally.wrong.sum()) / max(float(tally.samples.sum()), 1.0)
    return f"epoch {epoch + 1}/{epochs}  train error {error:.1f} %"
