"""Test a trained run."""

from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.config import Config, differences
from erbp_jax.errors import UserError
from erbp_jax.files import write_json
from erbp_jax.tasks.base import number
from erbp_jax.training import run_data, run_folder
from erbp_jax.training.checkpoint import Checkpoints, Place
from erbp_jax.training.engine import Learner
from erbp_jax.training.metrics import synops_per_sample
from erbp_jax.training.session import Session
from erbp_jax.wording import plural

ALLOWED = (
    "data.dir",
    "data.path",
    "data.test_size",
    "data.validation_size",
    "encoding.max_rate",
    "encoding.test_steps",
    "network.output_neuron",
    "task",
    "training.devices",
    "training.mesh",
    "training.piece",
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
    first, *others = session.experiment.task.measures
    scores = {m.name: m.scale * np.asarray(result.scores[m.name]).astype(np.float64) for m in (first, *others)}
    each, name = scores[first.name].mean(1), f"test_{first.name}"
    return {
        "epoch": place.epoch,
        "test_size": len(session.data.test),
        "test_name": session.data.test_name,
        "test_steps": session.experiment.test_steps,
        "task": str(session.experiment.task),
        "measure": first._asdict(),
        name: float(each.mean()),
        f"{name}_std": float(each.std(ddof=1)) if len(each) > 1 else None,
        f"{name}_per_seed": [float(e) for e in each],
        **{m.name: float(scores[m.name].mean()) for m in others},
        "synops_per_sample": synops_per_sample(result),
    }


def result_line(result: dict[str, Any], session: Session) -> str:
    """A result in a line."""
    first, *others = session.experiment.task.measures
    mean, spread = result[f"test_{first.name}"], result[f"test_{first.name}_std"]
    text = f"{mean:.2f}" if first.counted else f"{mean:.4g}"
    text += "" if spread is None else f" +- {spread:.2f}" if first.counted else f" +- {spread:.2g}"
    rest = "".join(f"{number(result[m.name], m)} {m.name}, " for m in others)
    return (
        f"{result['test_name']} {first.name} {text}{first.unit} on {plural(result['test_size'], 'sample')}, {rest}"
        f"{result['synops_per_sample']:,.0f} SynOps per sample"
    )


def restore(session: Session, folder: Path) -> tuple[Learner, Place]:
    """The last checkpoint of a run, which may be going on: nothing in the folder is changed.

    Raises:
        UserError: there is none, or it was not written under the config of the folder; data with other labels.
    """
    run_data.check_labels(folder, session.data)
    return Checkpoints(folder / run_folder.CHECKPOINTS, run_folder.open_config(folder)).restore(session.like)


def kept(path: Path, result: dict[str, Any]) -> str:
    """Write a result into a run folder, which may be somebody else's; returns where it is, or why it is nowhere."""
    try:
        write_json(path, result)
    except OSError as error:
        return f"{path.name} was not written: {error.strerror}"
    return str(path)
