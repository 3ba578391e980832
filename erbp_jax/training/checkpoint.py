"""Checkpoints: the learner and its place in the training, through orbax."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from erbp_jax.errors import UserError
from erbp_jax.training.engine import Learner


@dataclass(frozen=True)
class Place:
    """How far training is: `batch` batches into epoch `epoch` (both from 0)."""

    epoch: int = 0
    batch: int = 0


class Checkpoints:
    """The `checkpoints/` of a run. A save that is cut off leaves the one before it intact."""

    def __init__(self, folder: Path, keep: int = 2) -> None:
        logging.getLogger("absl").setLevel(logging.ERROR)
        options = ocp.CheckpointManagerOptions(
            max_to_keep=keep, cleanup_tmp_directories=True, enable_async_checkpointing=False
        )
        self._manager = ocp.CheckpointManager(folder.resolve(), options=options)

    def save(self, step: int, learner: Learner, place: Place) -> None:
        """Save under the number of batches seen so far."""
        state = {"learner": learner, "epoch": np.asarray(place.epoch), "batch": np.asarray(place.batch)}
        self._manager.save(step, args=ocp.args.StandardSave(state))
        self._manager.wait_until_finished()

    def restore(self, like: Learner) -> tuple[Learner, Place]:
        """The newest finished checkpoint, in the shape of `like`.

        Raises:
            UserError: there is none, or it does not fit the config.
        """
        step = self._manager.latest_step()
        if step is None:
            raise UserError(f"{self._manager.directory}: no finished checkpoint")
        target = {"learner": like, "epoch": np.asarray(0), "batch": np.asarray(0)}
        abstract: Any = jax.tree.map(ocp.utils.to_shape_dtype_struct, target)
        try:
            state = self._manager.restore(step, args=ocp.args.StandardRestore(abstract))
        except (ValueError, KeyError, FileNotFoundError) as error:
            raise UserError(f"{self._manager.directory}/{step}: cannot be restored: {error}") from None
        return state["learner"], Place(int(state["epoch"]), int(state["batch"]))

    def latest(self) -> Path | None:
        step = self._manager.latest_step()
        return None if step is None else Path(str(self._manager.directory)) / str(step)

    @staticmethod
    def exist(folder: Path) -> bool:
        """Whether there is a finished checkpoint to go on from."""
        checkpoints = Checkpoints(folder) if folder.is_dir() else None
        if checkpoints is None:
            return False
        found = checkpoints.latest() is not None
        checkpoints.close()
        return found

    def close(self) -> None:
        self._manager.close()
