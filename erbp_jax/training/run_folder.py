"""The folder of a run: what is in it, who may write to it, and how files get their names only when complete."""

import fcntl
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from erbp_jax.config import Config, load_config, to_yaml
from erbp_jax.errors import UserError

CONFIG, ENVIRONMENT, METRICS, SUMMARY, CHECKPOINTS, LOCK = (
    "config.yaml",
    "environment.json",
    "metrics.jsonl",
    "summary.json",
    "checkpoints",
    ".lock",
)


def default_folder(config_path: Path) -> Path:
    """`runs/<config>-<date>-<time>` below the working directory."""
    return Path("runs") / f"{config_path.stem}-{time.strftime('%Y%m%d-%H%M%S')}"


def create(folder: Path, config: Config, command: list[str], devices: list[str]) -> None:
    """Make a new run folder.

    Raises:
        UserError: the folder holds something, is in use, or cannot be written.
    """
    try:
        unfinished = {LOCK, ENVIRONMENT, f".{ENVIRONMENT}.partial", f".{CONFIG}.partial"}  # of a killed beginning
        if folder.exists() and (not folder.is_dir() or any(p.name not in unfinished for p in folder.iterdir())):
            hint = f"; `erbp-jax resume {folder}` goes on with that run" if (folder / CONFIG).exists() else ""
            raise UserError(f"--out {folder}: exists and is not an empty folder{hint}")
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / ENVIRONMENT, environment(command, devices))
        write_text(folder / CONFIG, to_yaml(config))  # last: a folder with a config is a run
    except OSError as error:
        raise UserError(f"--out {folder}: cannot be written ({error.strerror})") from None


def open_config(folder: Path) -> Config:
    """The config of an existing run.

    Raises:
        UserError: not a run folder.
    """
    if not (folder / CONFIG).is_file():
        raise UserError(f"{folder}: not a run folder (it has no {CONFIG})")
    return load_config(folder / CONFIG)


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

    Raises:
        UserError: a live run holds it, or it cannot be written.
    """
    fresh = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / LOCK).open("a+")
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror})") from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            raise UserError(f"{folder}: in use by a live run (process {handle.read().strip() or '?'})") from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        try:
            yield
        finally:
            (folder / LOCK).unlink(missing_ok=True)
            if fresh and not any(folder.iterdir()):
                folder.rmdir()


def environment(command: list[str], devices: list[str]) -> dict[str, Any]:
    """Versions, devices, git revision and command of this process."""
    packages = ("erbp-jax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")
    return {
        "command": command,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "devices": devices,
        "versions": {p: _version(p) for p in packages},
        "git": _git_revision(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The finished epochs, in order; a torn last line (a killed writer's) is left out.

    Raises:
        UserError: any other line is damaged, or an epoch is missing.
    """
    path = folder / METRICS
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    out = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            epoch = entry["epoch"]
        except (json.JSONDecodeError, KeyError, TypeError):
            if number == len(lines):
                break
            raise UserError(f"{path}: line {number} is damaged: {line[:60]!r}") from None
        if epoch != number:
            raise UserError(f"{path}: line {number} is of epoch {epoch}; wanted {number}")
        out.append(entry)
    return out


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of a run.

    Raises:
        UserError: missing or damaged.
    """
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: missing or damaged ({error})") from None
    if not isinstance(data, dict):
        raise UserError(f"{path}: damaged: not a JSON object")
    return data


def append_metrics(folder: Path, entry: dict[str, Any]) -> None:
    """One more line, on disk before this returns."""
    with (folder / METRICS).open("a") as file:
        file.write(json.dumps(entry) + "\n")
        file.flush()
        os.fsync(file.fileno())


def keep_metrics(folder: Path, epochs: int) -> None:
    """Drop what was written after the epoch of a checkpoint that a run goes on from."""
    kept = [entry for entry in read_metrics(folder) if entry["epoch"] <= epochs]
    write_text(folder / METRICS, "".join(json.dumps(entry) + "\n" for entry in kept))


def write_json(path: Path, data: Any) -> None:
    write_text(path, json.dumps(data, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write under a temporary name, then rename: a reader sees the old file or the new one, never half of it."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text)
    partial.replace(path)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_revision() -> str | None:
    here = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=here, capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
