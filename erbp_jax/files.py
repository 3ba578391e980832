"""Files that are whole or not there: written under a temporary name, on the disk before they get their own."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.errors import UserError


def partial_name(path: Path) -> Path:
    """The temporary name of a file or folder that is being written: hidden, beside it."""
    return path.with_name(f".{path.name}.partial")


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose content becomes `path` when the block ends well; otherwise `path` stays as it was.

    A reader sees the old file or the new one, never half of it; a loss of power leaves one of the two.
    """
    partial = partial_name(path)
    try:
        with partial.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(partial)):
            error.filename = str(path)  # the file that was wanted
            del error.filename2  # None would be printed
        raise
    sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, all of it or nothing."""
    with replacing(path) as stream:
        stream.write(text.encode())


def write_json(path: Path, data: Any) -> None:
    """Write JSON, all of it or nothing."""
    write_text(path, json.dumps(data, indent=2) + "\n")


def check_folder(path: Path) -> None:
    """Refuse to write where there is no folder.

    Raises:
        UserError: names the file and the folder.
    """
    if not path.parent.is_dir():
        raise UserError(
            f"{shown(str(path), 400)}: cannot be written, there is no folder {shown(str(path.parent), 400)}"
        )


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], *, compressed: bool = False) -> None:
    """Write an `.npz`, all of it or nothing."""
    save = np.savez_compressed if compressed else np.savez
    with replacing(path) as stream:
        save(stream, **arrays)  # pyright: ignore[reportArgumentType] (arrays by name, not options)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
