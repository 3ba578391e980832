"""The folder of a run: what is in it, who may write to it, and whether it is still there."""

import errno
import json
import os
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from erbp_jax.archive import read_bytes, read_text, shown
from erbp_jax.config import Config, load_config, to_yaml
from erbp_jax.config.names import folder_name
from erbp_jax.errors import UserError
from erbp_jax.files import write_json, write_text
from erbp_jax.outside import fingerprints, found, named
from erbp_jax.training.provenance import environment
from erbp_jax.wording import plural

CONFIG, ENVIRONMENT, METRICS, WEIGHTS, SUMMARY, CHECKPOINTS, LOCK = (
    "config.yaml",
    "environment.json",
    "metrics.jsonl",
    "weights.npz",
    "summary.json",
    "checkpoints",
    ".lock",
)
MEASURED = ("epoch", "samples", "per_seed", "train_seconds", "synops_per_sample")
"""What every line of the metrics has, at least."""

ELSEWHERE = ("data.dir", "data.path", "training.devices", "training.mesh.", "training.piece")
"""Keys that say where a training runs, not what it computes: these may change between two sessions of a run."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
"""A disk's errors, not a user's."""
MAX_JSON, MAX_METRICS = 2**27, 2**30
"""Bytes that are read of a file: honest ones are far below."""


def default_folder(name: str) -> Path:
    """A new, empty `runs/<name>-<date>-<time>` below the working directory; `-2`, `-3`, ... if there is one already.

    Raises:
        UserError: it cannot be made.
    """
    base = Path("runs") / f"{folder_name(name)}-{time.strftime('%Y%m%d-%H%M%S')}"
    try:
        base.parent.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            folder = base if number == 1 else base.with_name(f"{base.name}-{number}")
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                number += 1
    except OSError as error:
        raise UserError(f"{base}: cannot be written ({error.strerror})") from None


def check_new(folder: Path) -> None:
    """Refuse a folder that holds something, before anything is done with it.

    Raises:
        UserError: it holds something, or cannot be looked at.
    """
    unfinished = {LOCK, ENVIRONMENT, f".{ENVIRONMENT}.partial", f".{CONFIG}.partial"}  # of a killed beginning
    try:
        if folder.exists() and (not folder.is_dir() or any(p.name not in unfinished for p in folder.iterdir())):
            hint = f"; `erbp-jax resume {folder}` continues that run" if (folder / ENVIRONMENT).exists() else ""
            raise UserError(f"--out {folder}: exists and is not an empty folder{hint}")
    except OSError as error:
        raise UserError(f"--out {folder}: cannot be written ({error.strerror})") from None


def create(folder: Path, config: Config, command: list[str], devices: list[str]) -> None:
    """Make a new run folder.

    Raises:
        UserError: the folder holds something, or cannot be written.
    """
    check_new(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / ENVIRONMENT, environment(command, devices, _modules(config)))
        write_text(folder / CONFIG, to_yaml(config))  # last: a folder with a config is a run
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        raise UserError(f"--out {folder}: cannot be written ({error.strerror})") from None


def open_config(folder: Path, trust: bool | Collection[str] | None = None) -> Config:
    """The config of an existing run.

    What it names as `module:Name` is imported only with `trust`: see `outside.found`.

    Raises:
        UserError: not a run folder, or one that names code that is not trusted.
    """
    if not (folder / CONFIG).is_file():
        raise UserError(f"{folder}: not a run folder (it has no {CONFIG})")
    if not (folder / CONFIG).stat().st_size:
        raise UserError(f"{folder / CONFIG}: is empty; put the run's config back")
    with found(folder, trust):
        return load_config(folder / CONFIG)


def _modules(config: Config) -> dict[str, dict[str, str | None]]:
    """Version and SHA-256 of the modules that a config names."""
    return fingerprints(named(config.model_dump(mode="json")))


def check_modules(folder: Path, config: Config) -> None:
    """Refuse to resume if the code of the modules named in the config has changed.

    Raises:
        UserError: a module has another version or another source; says which.
    """
    here = _modules(config)
    if not here:
        return
    try:
        before = read_json(folder / ENVIRONMENT).get("modules")
    except UserError:
        before = None
    if not isinstance(before, dict):
        print(f"warning: {folder / ENVIRONMENT}: does not say which code the run began with", file=sys.stderr)
        return
    for name, now in here.items():
        if (then := before.get(name)) != now:
            raise UserError(
                f"{folder}: the run began with another {name}: {_shortly(then)}, here is {_shortly(now)}. Put that one "
                "back, or start a new run"
            )


def _shortly(found: Any) -> str:
    if not isinstance(found, dict):
        return "none"
    version, digest = found.get("version"), str(found.get("sha256"))[:12]
    return f"SHA-256 {digest}" if version is None else f"version {version}, SHA-256 {digest}"


def on_devices_here(config: Config) -> Config:
    """The config of a run that was found: where it wants more devices than there are, on one; its numbers stay.

    Sums over devices differ from those of one by rounding alone.
    """
    import math

    import jax

    from erbp_jax.config.schema import MeshSection

    section = config.training
    wanted, there = math.prod((section.mesh.seeds, section.over_batch, section.mesh.neurons)), jax.device_count()
    if wanted <= there:
        return config
    print(
        f"note: the run was begun on {plural(wanted, 'device')}, this process sees {there}: one is used",
        file=sys.stderr,
    )
    alone = section.model_copy(update={"devices": 1, "mesh": MeshSection()})
    return config.model_copy(update={"training": alone})


def finished(folder: Path) -> bool:
    """Whether a run is complete: its summary, which is written last, is there, and so is what it names."""
    try:
        pictures = read_json(folder / SUMMARY).get("pictures", [])
        return isinstance(pictures, list) and all((folder / str(name)).is_file() for name in (WEIGHTS, *pictures))
    except (UserError, OSError):
        return False


def only_holds(folder: Path, names: Collection[str], what: str) -> None:
    """Refuse to write into a folder that holds something else.

    Raises:
        UserError: there is a file with none of the names.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(f"--out {folder}: is not a folder")
    others = sorted(p.name for p in folder.iterdir() if p.name not in names and not p.name.startswith("."))
    if others:
        raise UserError(f"--out {folder}: holds {', '.join(others[:5])}, which is not of {what}; choose another folder")


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the folder for one writer; a killed writer's lock vanishes with it.

    The file of the lock stays: removing it would let two writers hold the same name. It says which process holds it.

    Raises:
        UserError: a live run holds it, or it cannot be written.
    """
    fresh = not folder.exists()
    path = folder / LOCK
    holding = FileLock(path, timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            path.touch(exist_ok=False)  # a folder that cannot be written is not one that is in use
        holding.acquire()
    except Timeout:
        raise UserError(f"{folder}: in use by a live run (process {_holder(path)})") from None
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        raise UserError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        with suppress(OSError):
            path.write_text(str(os.getpid()))
        yield
    finally:
        with suppress(OSError):
            path.write_text("")
        with suppress(OSError):
            if fresh and {p.name for p in folder.iterdir()} <= {LOCK}:  # nothing came of it
                path.unlink(missing_ok=True)
                folder.rmdir()
        holding.release()


def _holder(path: Path) -> str:
    try:
        return path.read_text()[:20].strip() or "?"
    except (OSError, UnicodeDecodeError):  # some systems lock the content, too
        return "?"


class Presence:
    """Whether a folder is still the one that it was: not moved away, not removed and made again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._was = folder, self._now(folder)

    def check(self) -> None:
        """
        Raises:
            UserError: it was moved or removed.
        """
        if self._now(self._folder) != self._was:
            raise UserError(
                f"{self._folder}: was moved or removed during the run; the saved files are in it, wherever "
                "it is now: erbp-jax resume FOLDER continues"
            )

    @staticmethod
    def _now(folder: Path) -> tuple[int, int] | None:
        try:
            found = folder.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def add_environment(folder: Path, config: Config, command: list[str], devices: list[str]) -> None:
    """Note in `environment.json` that the run was resumed: by what, where, and with which versions."""
    path = folder / ENVIRONMENT
    try:
        first = read_json(path)
    except UserError as error:  # of no use to the training: it goes on
        print(f"warning: {error}", file=sys.stderr)
        first = {}
    resumed = first.get("resumed")
    earlier = resumed if isinstance(resumed, list) else []
    try:
        write_json(path, {**first, "resumed": [*earlier, environment(command, devices, _modules(config))]})
    except IsADirectoryError:
        print(f"warning: {path}: is a folder; what resumed the run is not noted", file=sys.stderr)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of a run.

    Raises:
        UserError: missing or damaged.
    """
    try:
        data = json.loads(read_text(path, MAX_JSON))
    except (UserError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: missing or damaged ({shown(str(error), 300)})") from None
    if not isinstance(data, dict):
        raise UserError(f"{path}: damaged: not a JSON object")
    return data


def metrics_lines(folder: Path, keys: Sequence[str] = MEASURED) -> list[tuple[bytes, dict[str, Any]]]:
    """The finished epochs in order, as bytes and as they read; a torn last line (a killed writer's) is left out.

    Every line has the `keys`, the number of the epoch among them.

    Raises:
        UserError: the file cannot be read, another line is damaged, or an epoch is missing.
    """
    path = folder / METRICS
    if not os.path.lexists(path):
        return []
    lines = read_bytes(path, MAX_METRICS).split(b"\n")[:-1]  # what follows the last end of a line was cut off
    found = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            missing = [name for name in keys if name not in entry]
        except (ValueError, TypeError, RecursionError):
            begin = line[:60].decode(errors="backslashreplace")
            raise UserError(f"{path}: line {number} is damaged: {begin!r}") from None
        if missing:
            raise UserError(f"{path}: line {number} is damaged: it has no {missing[0]}")
        if entry["epoch"] != number:
            raise UserError(f"{path}: line {number} is of epoch {str(entry['epoch'])[:20]}; wanted {number}")
        found.append((line + b"\n", entry))
    return found


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The finished epochs of a run, in order.

    Raises:
        UserError: as `metrics_lines`.
    """
    return [entry for _, entry in metrics_lines(folder)]
