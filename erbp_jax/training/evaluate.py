"""Test a trained run."""

from pathlib import Path
from typing import Any

from erbp_jax.training import run_folder
from erbp_jax.training.checkpoint import Checkpoints
from erbp_jax.training.session import Session, synops_per_sample


def evaluate_run(session: Session, folder: Path) -> dict[str, Any]:
    """The last checkpoint of a run on the session's test set.

    The random numbers are those of the checkpoint's epoch, so that the config's own test set gives the error that
    the run's metrics have for it.
    """
    checkpoints = Checkpoints(folder / run_folder.CHECKPOINTS)
    learner, place = checkpoints.restore(session.start())
    checkpoints.close()
    session.compile(learner)
    result = session.test(learner, place.epoch)
    errors = 100.0 * result.wrong.mean(1)
    return {
        "epoch": place.epoch,
        "test_size": len(session.data.test_labels),
        "test_steps": session.experiment.test_steps,
        "test_error": float(errors.mean()),
        "test_error_std": float(errors.std(ddof=1)) if len(errors) > 1 else None,
        "test_error_per_seed": [float(e) for e in errors],
        "undecided": float(100.0 * result.undecided.mean()),
        "synops_per_sample": synops_per_sample(result),
    }
