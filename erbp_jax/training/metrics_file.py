"""`metrics.jsonl` as the run that writes it holds it: epoch after epoch, and in step with the checkpoints."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from erbp_jax.errors import UserError
from erbp_jax.files import replacing
from erbp_jax.training.run_folder import MEASURED, METRICS, metrics_lines
from erbp_jax.wording import plural


class MetricsFile:
    """The metrics of a new run, or of one that is resumed after `epochs` finished epochs.

    What was written after those epochs is dropped: it is measured again. `checksum` is that of all lines; a checkpoint
    keeps it, and a run goes on only with the lines that it was saved with. Every line has the `keys`.

    Raises:
        UserError: lines that cannot be read, are missing, or are not those of the checkpoint.
    """

    def __init__(
        self,
        folder: Path,
        epochs: int = 0,
        checksum: str | None = None,
        *,
        begins: bool = False,
        keys: Sequence[str] = MEASURED,
    ) -> None:
        self._path = folder / METRICS
        lines = kept_lines(folder, epochs, checksum, begins=begins, keys=keys)
        self.entries: list[dict[str, Any]] = [entry for _, entry in lines]
        self._lines = [line for line, _ in lines]
        self._sum = hashlib.sha256(b"".join(self._lines))
        self._size = sum(map(len, self._lines))
        if self._path.exists():
            self._write_all()

    @property
    def checksum(self) -> str:
        """SHA-256 of all lines."""
        return self._sum.hexdigest()

    def append(self, entry: dict[str, Any]) -> None:
        """One more line, on disk before this returns; a file that was changed meanwhile is written anew."""
        line = (json.dumps(entry) + "\n").encode()
        there, wanted = self._path.stat().st_size if self._path.is_file() else 0, self._size
        self._lines.append(line)
        self._size += len(line)
        self.entries.append(entry)
        self._sum.update(line)
        if there != wanted:
            self._write_all()
            return
        with self._path.open("ab") as stream:
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())

    def _write_all(self) -> None:
        with replacing(self._path) as stream:
            stream.write(b"".join(self._lines))


def kept_lines(
    folder: Path,
    epochs: int = 0,
    checksum: str | None = None,
    *,
    begins: bool = False,
    keys: Sequence[str] = MEASURED,
) -> list[tuple[bytes, dict[str, Any]]]:
    """The lines with which a run is resumed, as `MetricsFile` keeps them; nothing is written.

    Raises:
        UserError: as `MetricsFile`.
    """
    path, lines = folder / METRICS, metrics_lines(folder, keys)
    if begins and lines:
        raise UserError(
            f"{path}: has {plural(len(lines), 'epoch')}, but there is no checkpoint to resume from; "
            "put the checkpoints back, or start a new run with another --out"
        )
    if len(lines) < epochs:
        raise UserError(
            f"{path}: has {plural(len(lines), 'epoch')}, the checkpoint is of epoch {epochs}: lines were lost; "
            "put the file back, or start a new run with another --out"
        )
    kept = lines[:epochs]
    if checksum is not None and checksum != hashlib.sha256(b"".join(line for line, _ in kept)).hexdigest():
        raise UserError(
            f"{path}: the lines of epochs 1 to {epochs} are not those of the checkpoint; put the file back, "
            "or start a new run with another --out"
        )
    return kept
