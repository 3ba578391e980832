"""Test a trained run."""

from pathlib import Path
from typing import Any

from erbp_jax.config import Config, differences
from erbp_jax.errors import UserError
from erbp_jax.files import write_json
from erbp_jax.training import run_folder
from erbp_jax.training.checkpoint import Checkpoints, Place
from erbp_jax.training.engine import Learner
from erbp_jax.training.metrics import synops_per_sample
from erbp_jax.training.session import Session

ALLOWED = (
    "data.dir",
    "data.test_size",
    "data.validation_size",
    "encoding.max_rate",
    "encoding.test_steps",
    "network.output_neuron",
    "training.devices",
    "training.mesh",
    "training.test_batch_size",
)
"""Keys that a test may have other values of than the training."""


def check_overrides(trained: Config, wanted: Config) -> None:
    """
    Raises:
        UserError: a key that belongs to what was trained, or a held-out set that was learned from.
    """
    if wrong := [line for line in differences(trained, wanted) if not line.startswith(ALLOWED)]:
        raise UserError("evaluate: only " + ", ".join(ALLOWED) + " can be overridden; got\n  " + "\n  ".join(wrong))
    if wanted.data.validation_size not in (0, trained.data.validation_size):
        raise UserError(
            f"data.validation_size: {wanted.data.validation_size} would test on samples that were learned from; this "
            f"run was trained with {trained.data.validation_size}: leave it, or test on the test set with 0"
        )


def evaluate_run(session: Session, folder: Path) -> dict[str, Any]:
    """The last checkpoint of a run on the session's test set.

    The random numbers are those of the checkpoint's epoch, so that the config's own test set gives the error that
    the run's metrics have for it.
    """
    learner, place = restore(session, folder)
    session.compile(learner)
    result = session.test(learner, place.epoch)
    errors = 100.0 * result.wrong.mean(1)
    return {
        "epoch": place.epoch,
        "test_size": len(session.data.test.y),
        "test_steps": session.experiment.test_steps,
        "test_error": float(errors.mean()),
        "test_error_std": float(errors.std(ddof=1)) if len(errors) > 1 else None,
        "test_error_per_seed": [float(e) for e in errors],
        "undecided": float(100.0 * result.undecided.mean()),
        "synops_per_sample": synops_per_sample(result),
    }


def restore(session: Session, folder: Path) -> tuple[Learner, Place]:
    """The last checkpoint of a run, which may be going on: nothing in the folder is changed.

    Raises:
        UserError: there is none, or it was not written under the config of the folder.
    """
    return Checkpoints(folder / run_folder.CHECKPOINTS, run_folder.open_config(folder)).restore(session.like)


def kept(path: Path, result: dict[str, Any]) -> str:
    """Write a result into a run folder, which may be somebody else's; returns where it is, or why it is nowhere."""
    try:
        write_json(path, result)
    except OSError as error:
        return f"{path.name} was not written: {error.strerror}"
    return str(path)
