"""Sets of recordings as they are published: what a folder holds, found by its names.

| set | files |
|---|---|
| N-MNIST | `Train/0/00002.bin` ... `Test/9/...`: a folder for each digit |
| its small form, as published with SLAYER | `1.bs2` ...; `train*.txt` and `test*.txt`, number and digit a line |
| SHD, SSC | `shd_train.h5`, `shd_test.h5`; `ssc_train.h5`, (`ssc_valid.h5`,) `ssc_test.h5` |
| DVSGesture | `trials_to_train.txt`, `trials_to_test.txt`; `user01_natural.aedat` and `user01_natural_labels.csv` ... |
| our own | `train.npz`, `test.npz` (`NpzRecordings`) |
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from erbp_jax.archive import shown
from erbp_jax.data.events import aedat31, nmnist
from erbp_jax.data.events.events import Events
from erbp_jax.data.events.hdf5 import HDF5Recordings
from erbp_jax.data.events.pointer import read_text
from erbp_jax.data.events.recorded import Recorded
from erbp_jax.data.events.structured import NpzRecordings
from erbp_jax.errors import UserError

MOST_TEXT = 2**26


@dataclass(frozen=True)
class Recordings:
    """Recordings for training and for test, each indexable to `(events, label)` and read when asked for.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.data.events import Recordings
        >>> one = ej.Events(t=[0], x=[1], y=[0], p=[0], sensor=(1, 3, 1))
        >>> Recordings("drops", [(one, 0)], [(one, 0)], (1, 3, 1)).name
        'drops'
    """

    name: str
    train: Sequence[tuple[Events, Any]]
    test: Sequence[tuple[Events, Any]]
    sensor: tuple[int, int, int]


class Files(Recorded):
    """Files with a label each, read by `reader` when they are asked for."""

    def __init__(self, reader: Callable[[Path], Events], files: Sequence[tuple[Path, Any]]) -> None:
        self.reader, self.files = reader, files

    def __len__(self) -> int:
        return len(self.files)

    def read(self, number: int) -> tuple[Events, Any]:
        path, label = self.files[number]
        return self.reader(path), label


def recordings(folder: Path | str, *, repair: bool = False) -> Recordings:
    """The set in a folder. With `repair`, events that are out of order are put in order.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.data.events import recordings
        >>> try:
        ...     recordings("no_such_folder")
        ... except ej.UserError as error:
        ...     print("no_such_folder" in str(error))
        True

    Raises:
        UserError: no folder, none of the sets above, a part of one that is missing, or as its reader.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{shown(str(folder), 400)}: no such folder")
    for find in (_nmnist, _small_nmnist, _hdf5, _gestures, _npz):
        if (found := find(folder, repair)) is not None:
            return found
    names = sorted(path.name for path in folder.iterdir())
    raise UserError(
        f"{shown(str(folder), 400)}: holds no set of recordings that is known (N-MNIST, SHD, SSC, DVSGesture, or "
        f"train.npz and test.npz); it has {shown(', '.join(names) or 'nothing', 200)}"
    )


def holds_recordings(folder: Path) -> bool:
    """Whether its names are those of a set of recordings."""
    patterns = ("Train", "*.bs2", "shd_*.h5", "ssc_*.h5", "trials_to_*.txt", "train.npz")
    return any(next(folder.glob(pattern), None) for pattern in patterns)


def _nmnist(folder: Path, repair: bool) -> Recordings | None:
    train, test = folder / "Train", folder / "Test"
    if not train.is_dir() and not test.is_dir():
        return None
    parts = []
    for part in (train, test):
        files = [(file, label) for label in range(10) for file in sorted((part / str(label)).glob("*.bin"))]
        if not files:
            raise UserError(f"{part}: folders 0 to 9 with .bin files were expected")
        parts.append(Files(lambda path: nmnist.read_bin(path, repair=repair), files))
    return Recordings("nmnist", *parts, sensor=nmnist.SENSOR)


def _small_nmnist(folder: Path, repair: bool) -> Recordings | None:
    if not (next(folder.glob("*.bs2"), None) or next(folder.glob("*.bin"), None)):
        return None
    parts = []
    for part in ("train", "test"):
        tables = sorted(folder.glob(f"{part}*.txt"))
        if len(tables) != 1:
            raise UserError(f"{folder}: one table {part}*.txt of recordings and digits was expected, got {len(tables)}")
        files = []
        for where, number, label in _table(tables[0]):
            found = [file for ending in (".bs2", ".bin") if (file := folder / f"{number}{ending}").exists()]
            if not found:
                raise UserError(f"{where}: {folder / str(number)}.bs2 is missing")
            files.append((found[0], label))
        parts.append(Files(lambda path: nmnist.read_bin(path, repair=repair), files))
    return Recordings("nmnist_small", *parts, sensor=nmnist.SENSOR)


def _table(path: Path) -> Iterator[tuple[str, int, int]]:
    for number, line in enumerate(read_text(path, MOST_TEXT).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{path}: line {number}"
        try:
            recording, label = map(int, line.split())
        except ValueError:
            raise UserError(f"{where}: a recording's number and its class were expected, got {shown(line)}") from None
        yield where, recording, label


def _hdf5(folder: Path, repair: bool) -> Recordings | None:
    for name in ("shd", "ssc"):
        train, test = folder / f"{name}_train.h5", folder / f"{name}_test.h5"
        if train.exists() or test.exists():
            parts = [HDF5Recordings(file, repair=repair) for file in (train, test)]
            return Recordings(name, *parts, sensor=parts[0].sensor)
    return None


def _gestures(folder: Path, repair: bool) -> Recordings | None:
    lists = [folder / f"trials_to_{part}.txt" for part in ("train", "test")]
    if not any(file.exists() for file in lists):
        return None
    parts = []
    for file in lists:
        names = [n.strip() for n in read_text(file, MOST_TEXT).splitlines() if n.strip()]
        if any(Path(name).name != name for name in names):
            raise UserError(f"{file}: names of files in its own folder were expected, got {shown(str(names[:3]), 200)}")
        parts.append(Gestures([folder / name for name in names], repair=repair))
    return Recordings("dvs_gesture", *parts, sensor=aedat31.SENSOR)


class Gestures(Recorded):
    """The gestures of DVSGesture's recordings, one after another; a recording is read when one of it is asked for."""

    def __init__(self, files: Sequence[Path], *, repair: bool = False) -> None:
        self.repair, self._held = repair, (Path(), [])
        self.gestures = [
            (file, i)
            for file in files
            for i in range(len(aedat31.read_labels(file.with_name(f"{file.stem}_labels.csv"))))
        ]

    def __len__(self) -> int:
        return len(self.gestures)

    def read(self, number: int) -> tuple[Events, Any]:
        file, part = self.gestures[number]
        if self._held[0] != file:
            labels = aedat31.read_labels(file.with_name(f"{file.stem}_labels.csv"))
            self._held = file, aedat31.stretches(aedat31.read_aedat31(file, repair=self.repair), labels)
        return self._held[1][part]


def _npz(folder: Path, repair: bool) -> Recordings | None:
    files = [folder / f"{part}.npz" for part in ("train", "test")]
    if not all(file.exists() for file in files):
        return None
    train, test = (NpzRecordings(file, repair=repair) for file in files)
    if train.sensor != test.sensor:
        raise UserError(f"{folder}: train.npz is of a sensor {train.sensor}, test.npz of {test.sensor}")
    return Recordings(folder.name, train, test, train.sensor)
