"""What recordings hold, and what is wrong with them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.data.events import aedat31, nmnist
from erbp_jax.data.events.events import Events, sensor_text
from erbp_jax.data.events.folder import Files, Recordings, bin_files, digit_files, recordings
from erbp_jax.data.events.hdf5 import HDF5Recordings
from erbp_jax.data.events.hot import hot_pixels
from erbp_jax.data.events.structured import NpzRecordings
from erbp_jax.errors import UserError
from erbp_jax.wording import plural

ELSEWHERE = (
    "archives must be unpacked first; .aedat (2.0), .aedat4, .raw, .dat and .es are read by other libraries; "
    "docs/guides/events.md has how"
)


def find(path: Path | str, *, repair: bool = False) -> dict[str, Sequence[tuple[Events, Any]]]:
    """The recordings of a file or of a folder, by part.

    Raises:
        UserError: no such path, a file of another kind, or as its reader.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise UserError(f"{shown(str(path), 400)}: no such file or folder")
    if path.is_dir():
        for name, files in (("folder of digits", digit_files(path)), ("folder without labels", _alone(path))):
            if files:
                return {name: Files(lambda file: nmnist.read_bin(file, repair=repair), files)}
        return parts(recordings(path, repair=repair, parts=())) or parts(recordings(path, repair=repair))
    match path.suffix:
        case ".bin" | ".bs2":
            return {"file": Files(lambda file: nmnist.read_bin(file, repair=repair), [(path, None)])}
        case ".aedat":
            return {"file": Files(lambda file: aedat31.read_aedat31(file, repair=repair), [(path, None)])}
        case ".h5" | ".hdf5":
            return {"file": HDF5Recordings(path, repair=repair)}
        case ".npz":
            return {"file": NpzRecordings(path, repair=repair)}
    raise UserError(
        f"{shown(str(path), 400)}: a folder, .bin, .bs2, .aedat (3.1), .h5 or .npz was expected; {ELSEWHERE}"
    )


def parts(found: Recordings) -> dict[str, Sequence[tuple[Events, Any]]]:
    """The parts of a set that are there, by name."""
    return {name: part for name, part in (("training", found.train), ("test", found.test)) if len(part)}


def _alone(folder: Path) -> list[tuple[Path, Any]]:
    """N-MNIST's files in a folder without tables of labels; without labels, therefore."""
    return [] if any(folder.glob("*.txt")) else [(file, None) for file in bin_files(folder)]


@dataclass
class Described:
    """Counts over all recordings that could be read, and what is wrong with those that could not."""

    part: str
    number: int = 0
    sensor: tuple[int, int, int] | None = None
    labels: Counter[Any] = field(default_factory=Counter)
    events: list[int] = field(default_factory=list)
    microseconds: list[int] = field(default_factory=list)
    positive: int = 0
    hot: int = 0
    empty: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """A few lines for people."""
        read, total = len(self.events), sum(self.events)
        lines = [
            f"{self.part}: {plural(self.number, 'recording')}, "
            f"sensor {sensor_text(self.sensor) if self.sensor else '?'}"
        ]
        if read:
            low, mean, high = min(self.events), total / read, max(self.events)
            lines.append(f"  events per recording: {mean:,.0f} ({low:,} to {high:,}); {self.empty:,} have none")
            length = np.asarray(self.microseconds) / 1000
            lines.append(f"  length: {length.mean():,.1f} ms ({length.min():,.1f} to {length.max():,.1f})")
        if total and self.sensor and self.sensor[2] > 1:
            lines.append(f"  polarity 1: {100 * self.positive / total:.1f} % of the events")
        if self.hot:
            lines.append(f"  hot pixels: {self.hot:,} in all recordings, ten times the mean and more (data.events.hot)")
        if len(self.labels) > 1:
            few = ", ".join(f"{label}: {n:,}" for label, n in sorted(self.labels.items())[:40])
            lines.append(f"  labels: {few}")
        lines += [f"  fault: {fault}" for fault in self.faults[:10]]
        if len(self.faults) > 10:
            lines.append(f"  and {plural(len(self.faults) - 10, 'more fault')}")
        return "\n".join(lines)


def described(part: str, found: Sequence[tuple[Events, Any]]) -> Described:
    """All recordings of a part looked at, one at a time; one that cannot be read is a fault."""
    about = Described(part, len(found))
    for i in range(len(found)):
        try:
            events, label = found[i]
        except UserError as error:
            about.faults.append(str(error))
            continue
        about.sensor = events.sensor
        about.events.append(len(events))
        about.microseconds.append(events.duration)
        about.positive += int((events.p == 1).sum())
        about.hot += int(hot_pixels(events).sum())
        about.empty += not len(events)
        if label is not None:
            about.labels[label] += 1
    return about
