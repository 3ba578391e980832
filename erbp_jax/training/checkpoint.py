"""Checkpoints: all that training changes, its place in the training, and what it has to agree with.

`checkpoints/STEP/learner.npz` holds every array of the learner by its path in the tree (`params/projections/0/weight`)
and a JSON text `about`; `checkpoints/STEP/sha256` is the checksum of that file. A folder gets its name when both are
complete and have been read back. Looking at checkpoints changes nothing on the disk.
"""

import errno
import hashlib
import json
import math
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from erbp_jax.archive import Archive, open_archive, shown
from erbp_jax.config import Config, check, differences
from erbp_jax.errors import UserError
from erbp_jax.files import partial_name, sync_folder, write_arrays, write_text
from erbp_jax.training.engine import Learner
from erbp_jax.training.run_folder import ELSEWHERE

STORED_AS = {"counters": "tally", "carried": "lanes"}
"""Fields of the learner whose arrays have other names in a checkpoint."""
FORMAT = 4
"""Raised with every change of what a checkpoint holds; others are refused by their number."""
ARRAYS, SUM, ABOUT = "learner.npz", "sha256", "about"
SUM_BYTES = 65
ABOUT_BYTES = 2**24
"""Room for `about` and for the headers of a file, above the bytes of its arrays."""
QUICK_BYTES = 2**32
"""A checkpoint above them is looked at when it is restored, and not before."""
LOOKS = 10
"""How often a reader looks again when the run that it reads from removes a checkpoint under its hands."""


@dataclass(frozen=True)
class Place:
    """How far training is: `batch` batches into epoch `epoch` (both from 0)."""

    epoch: int = 0
    batch: int = 0


class _DamagedError(Exception):
    """What is wrong with a checkpoint that may have an intact one before it."""


class Checkpoints:
    """The `checkpoints/` of a run.

    `config` is written into every checkpoint, and what is restored must have been written under it. `metrics` is the
    checksum of the metrics of all finished epochs; it is kept alike. `say` gets a warning when the newest checkpoint is
    damaged and an older one is used.
    """

    def __init__(
        self,
        folder: Path,
        config: Config | None = None,
        *,
        keep: int = 2,
        say: Callable[[str], None] = lambda text: print(f"warning: {text}", file=sys.stderr),
    ) -> None:
        self._folder, self._config, self._keep, self._say = folder, config, keep, say
        self.metrics: str | None = None
        """Checksum of the metrics that belong to the checkpoint that was restored last, if it has one."""

    def save(self, step: int, learner: Learner, place: Place, metrics: str | None = None) -> None:
        """Save under the number of batches seen so far, and read it back; only the newest `keep` stay.

        Raises:
            OSError: it cannot be written, or does not read as it was written. Those before it stay.
        """
        arrays = {name: np.asarray(leaf) for name, leaf in _leaves(learner)}
        about = {
            "format": FORMAT,
            "epoch": place.epoch,
            "batch": place.batch,
            "metrics": metrics,
            "config": None if self._config is None else self._config.model_dump(mode="json"),
        }
        self._folder.mkdir(exist_ok=True)  # not its parents: the run folder is there, or it was moved away
        self._tidy(step)
        target = self._folder / str(step)
        partial = partial_name(target)
        try:
            partial.mkdir()
            write_arrays(partial / ARRAYS, {**arrays, ABOUT: np.array(json.dumps(about))})
            _read_back(partial / ARRAYS)
            write_text(partial / SUM, _sha256(partial / ARRAYS) + "\n")
            sync_folder(partial)
            partial.rename(target)
            sync_folder(self._folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        self.sweep(step)

    def sweep(self, step: int) -> None:
        """Remove what cut-off saves and removals left, and all but the newest `keep` up to `step`, an intact one."""
        self._remove_leftovers()
        for old in [s for s in self._steps() if s <= step][self._keep :]:
            _remove(self._folder / str(old))

    def _tidy(self, step: int) -> None:
        """Remove what cut-off saves left, and checkpoints from here on: damaged, or of a future that is run again."""
        self._remove_leftovers()
        for later in self._steps():
            if later >= step:
                _remove(self._folder / str(later))

    def _remove_leftovers(self) -> None:
        for leftover in self._folder.glob(".*.partial"):
            shutil.rmtree(leftover, ignore_errors=True)

    def restore(self, like: Learner) -> tuple[Learner, Place]:
        """The newest intact checkpoint, in the shape and on the devices of `like`, a learner or the shapes of one.

        Raises:
            UserError: there is none, or it does not fit the config.
        """
        damaged: list[str] = []
        for _ in range(LOOKS):
            damaged, gone = [], False
            for step in self._steps():
                path = self._folder / str(step)
                try:
                    found = self._read(path, like)
                except FileNotFoundError:  # the run is going on: it has a newer one by now
                    gone = True
                    break
                except (_DamagedError, OSError) as error:
                    damaged.append(f"{path}: damaged ({error})")
                    continue
                for text in damaged:
                    self._say(f"{text}; {path} is used")
                return found
            if not gone:
                break
        if damaged:
            raise UserError("\n".join((*damaged, "no intact checkpoint is left; start a new run with another --out")))
        raise UserError(f"{self._folder}: no finished checkpoint")

    def _read(self, path: Path, like: Learner) -> tuple[Learner, Place]:
        most = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for _, leaf in _leaves(like)) + ABOUT_BYTES
        _look(path, most)
        with open_archive(path / ARRAYS, most) as archive:
            about = _about(archive)
            self._same_config(about["config"])
            learner = _filled(like, archive)
        self.metrics = about["metrics"]
        return learner, Place(about["epoch"], about["batch"])

    def _same_config(self, written: dict[str, Any] | None) -> None:
        if self._config is None or written is None:
            return
        changed = differences(check(written, "config"), self._config)
        if changed := [line for line in changed if not line.startswith(ELSEWHERE)]:
            raise UserError(
                "was written under another config; these keys differ:\n  " + "\n  ".join(changed) + "\n"
                "A run continues with the config that it began with: put config.yaml back, or start a new run"
            )

    def check_config(self) -> None:
        """Look whether the newest checkpoint was written under the config, and at nothing else of it.

        Raises:
            UserError: it was written under another one, or is of another format.
        """
        if (newest := self.latest()) is not None and (newest / ARRAYS).is_file():
            self._read_about(newest)

    def newest(self) -> tuple[Place, str | None] | None:
        """Place and checksum of the metrics in the newest checkpoint, without its arrays; None if it is damaged or
        large, of which `restore` says more.

        Raises:
            UserError: as `check_config`.
        """
        path = self.latest()
        if path is None:
            return None
        try:
            _look(path, QUICK_BYTES)
            about = self._read_about(path)
        except (_DamagedError, OSError):
            return None
        except UserError:
            if path.is_dir():
                raise
            return None  # the run is going on: it has a newer one by now
        return Place(about["epoch"], about["batch"]), about["metrics"]

    def _read_about(self, path: Path) -> dict[str, Any]:
        with open_archive(path / ARRAYS, (path / ARRAYS).stat().st_size) as archive:
            about = _about(archive)
            self._same_config(about["config"])
        return about

    def latest(self) -> Path | None:
        """The newest one, intact or not."""
        steps = self._steps()
        return self._folder / str(steps[0]) if steps else None

    @staticmethod
    def exist(folder: Path) -> bool:
        """Whether there is a checkpoint to go on from."""
        return Checkpoints(folder).latest() is not None

    def _steps(self) -> list[int]:
        """From the newest to the oldest."""
        with suppress(FileNotFoundError, NotADirectoryError):
            found = [p for p in self._folder.iterdir() if p.name.isascii() and p.name.isdigit() and len(p.name) < 20]
            return sorted((int(p.name) for p in found if str(int(p.name)) == p.name), reverse=True)
        return []


def _remove(folder: Path) -> None:
    """Remove a checkpoint; it loses its name first, so that nobody finds half of it."""
    doomed = partial_name(folder)
    folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def _look(path: Path, most: int) -> None:
    """
    Raises:
        FileNotFoundError: there is no such checkpoint.
        UserError: it is of an old format.
        _DamagedError: files are missing, larger than `most` bytes, or not as they were written.
    """
    if not (path / ARRAYS).is_file() or not (path / SUM).is_file():
        if not path.is_dir():
            raise FileNotFoundError(path)
        if (path / "default").exists():
            raise UserError(f"{path}: {_other_format(0)}")
        raise _DamagedError(f"{ARRAYS} or {SUM} is missing")
    if (path / ARRAYS).stat().st_size > most or (path / SUM).stat().st_size > SUM_BYTES:
        raise _DamagedError("it is larger than a checkpoint of this network")
    if (path / SUM).read_bytes() != f"{_sha256(path / ARRAYS)}\n".encode():
        raise _DamagedError("its checksum differs")


def _leaves(learner: Learner) -> Iterator[tuple[str, Any]]:
    for path, leaf in jax.tree_util.tree_leaves_with_path(learner):
        first, *rest = jax.tree_util.keystr(path, simple=True, separator="/").split("/")
        yield "/".join((STORED_AS.get(first, first), *rest)), leaf


def _about(archive: Archive) -> dict[str, Any]:
    """The metadata of a checkpoint."""
    try:
        about = json.loads(str(archive[ABOUT]))
        if about["format"] != FORMAT:
            raise UserError(_other_format(about["format"]))
        for name, kinds in (("epoch", int), ("batch", int), ("metrics", str | None), ("config", dict | None)):
            value = about[name]
            if not isinstance(value, kinds) or isinstance(value, bool) or (kinds is int and not 0 <= value < 2**31):
                raise ValueError(f"{name}: {shown(repr(value))}")
        return about
    except (KeyError, ValueError, TypeError) as error:  # its checksum is right: it was made so
        raise UserError(f"not a checkpoint of erbp_jax ({shown(str(error))})") from None


def _filled(like: Learner, archive: Archive) -> Learner:
    """The learner with its arrays from a file.

    Raises:
        UserError: other arrays, or of other shapes.
    """
    wanted = dict(_leaves(like))
    if strange := sorted(set(wanted) ^ (set(archive.names) - {ABOUT})):
        raise UserError(f"does not fit the config: {strange[0]} is on one side only")
    found = []
    for name, leaf in wanted.items():
        array = archive[name]
        if (array.shape, array.dtype) != (leaf.shape, leaf.dtype):
            raise UserError(
                f"does not fit the config: {name} is {array.dtype} {list(array.shape)}, "
                f"wanted {leaf.dtype} {list(leaf.shape)}"
            )
        found.append(_placed(array, leaf))
    return jax.tree.unflatten(jax.tree.structure(like), found)


def _placed(array: np.ndarray, like: jax.Array | jax.ShapeDtypeStruct) -> jax.Array:
    """An array on the devices of another, there or to come."""
    if isinstance(like.sharding, jax.sharding.NamedSharding):
        return jax.make_array_from_callback(array.shape, like.sharding, lambda index: array[index])
    return jax.device_put(array)


def _read_back(path: Path) -> None:
    """
    Raises:
        OSError: a part of a new archive does not read as it was written.
    """
    try:
        with zipfile.ZipFile(path) as opened:
            bad = opened.testzip()
    except (zipfile.BadZipFile, EOFError) as error:
        bad = str(error)
    if bad is not None:
        raise OSError(errno.EIO, f"does not read as it was written: {bad}", str(path))


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _other_format(number: object) -> str:
    return (
        f"a checkpoint of format {shown(repr(number))}, this release of erbp_jax reads format {FORMAT}; go on with the "
        "revision that wrote it (environment.json names it), or train again"
    )
