"""Which data a run learns from: it goes on with them, and is tested on what has their labels."""

import hashlib
from pathlib import Path
from typing import Any

import jax
import numpy as np

from erbp_jax.archive import shown
from erbp_jax.data import Dataset
from erbp_jax.errors import UserError
from erbp_jax.files import write_json
from erbp_jax.training import run_folder

FILE = "data.json"


def keep(folder: Path, data: Dataset) -> None:
    """Write down what the training samples are: their SHA-256, and what the classes are called."""
    write_json(folder / FILE, {"sha256": _digest(data), "labels": _labels(data)})


def check_same(folder: Path, data: Dataset) -> None:
    """Refuse to go on with other samples than the run began with; a run of before there was this file goes on.

    Raises:
        UserError: they are others.
    """
    began = _read(folder).get("sha256")
    if began is not None and began != (here := _digest(data)):
        raise UserError(
            f"{folder}: the run began with other training data: SHA-256 {shown(str(began), 12)}, here is {here[:12]}. "
            "Put those back, or start a new run"
        )


def check_labels(folder: Path, data: Dataset) -> None:
    """Refuse to test on a set whose classes are others, or numbered otherwise.

    Raises:
        UserError: says which labels the run has learned.
    """
    there = _read(folder)
    if "labels" in there and there["labels"] != (here := _labels(data)):
        raise UserError(
            f"{folder}: has learned the labels {shown(str(there['labels']), 200)}, and {data.called} has "
            f"{shown(str(here), 200)}; a set of some of them keeps all in its file: data.only(...).save(path)"
        )


def _read(folder: Path) -> dict[str, Any]:
    return run_folder.read_json(folder / FILE) if (folder / FILE).is_file() else {}


def _labels(data: Dataset) -> list[Any] | None:
    return None if data.labels is None else data.labels.tolist()


def _digest(data: Dataset) -> str:
    seen = hashlib.sha256()
    for leaf in jax.tree.leaves((data.train.x, data.train.y)):
        array = np.ascontiguousarray(leaf)
        seen.update(f"{array.dtype.str}{array.shape}".encode())
        seen.update(array.data if array.size else b"")
    return seen.hexdigest()
