"""Which data a run learns from: it goes on with them, and is tested on what has their labels."""

import hashlib
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import jax
import numpy as np

from erbp_jax.archive import shown
from erbp_jax.data import Dataset, Samples
from erbp_jax.errors import UserError
from erbp_jax.files import write_json
from erbp_jax.training import run_folder

FILE = "data.json"


def keep(folder: Path, data: Dataset) -> None:
    """Write down what the samples are: their SHA-256, and what the classes are called."""
    write_json(folder / FILE, _described(data))


def check_same(folder: Path, data: Dataset) -> None:
    """Refuse to go on with other samples or labels than the run began with, in training or test; a run of before there
    was this file goes on.

    Raises:
        UserError: they are others.
    """
    began = _read(folder)
    if not began:
        return
    here = _described(data)
    for key, what in (("sha256", "training data"), ("test_sha256", f"{data.test_name} data")):
        if key in began and began[key] != here[key]:
            raise UserError(
                f"{folder}: the run began with other {what}: SHA-256 {shown(str(began[key]), 12)}, here is "
                f"{here[key][:12]}. Put those back, or start a new run"
            )
    check_labels(folder, data)


def check_labels(folder: Path, data: Dataset) -> None:
    """Refuse to test on a set whose classes are others, or numbered otherwise.

    Raises:
        UserError: says which labels the run has learned.
    """
    there = _read(folder)
    if "labels" in there and there["labels"] != (here := _labels(data)):
        few = set(map(str, here or ())) < set(map(str, there["labels"] or ()))
        hint = "; a set of some of them keeps all in its file: data.only(...).save(path)" if few else ""
        raise UserError(
            f"{folder}: has learned the labels {shown(str(there['labels']), 200)}, and {data.called} has "
            f"{shown(str(here), 200)}{hint}"
        )


def _read(folder: Path) -> dict[str, Any]:
    return run_folder.read_json(folder / FILE) if (folder / FILE).is_file() else {}


_KNOWN: WeakKeyDictionary[Dataset, dict[str, Any]] = WeakKeyDictionary()
"""A digest takes a second per gigabyte."""


def _described(data: Dataset) -> dict[str, Any]:
    if data not in _KNOWN:
        digests = {"sha256": _digest(data.train), "test_sha256": _digest(data.test)}
        _KNOWN[data] = {**digests, "labels": _labels(data)}
    return _KNOWN[data]


def _labels(data: Dataset) -> list[Any] | None:
    """What the classes are called, as JSON has it: others than numbers and words by what they print."""
    if data.labels is None:
        return None
    return [x if isinstance(x, (int, float, str)) else str(x) for x in data.labels.tolist()]


def _digest(samples: Samples) -> str:
    seen = hashlib.sha256()
    for leaf in jax.tree.leaves((samples.x, samples.y)):
        array = np.ascontiguousarray(leaf)
        seen.update(f"{array.dtype.str}{array.shape}".encode())
        if array.size:
            seen.update(array.reshape(-1).view(np.uint8).data)
    return seen.hexdigest()
