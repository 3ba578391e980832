"""Sets of recordings as they are published: what a folder holds, found by its names.

| set | files |
|---|---|
| N-MNIST | `Train/0/00002.bin` ... `Test/9/...`: a folder for each digit; in lower case, too |
| the small subset, as published with SLAYER | `1.bs2` ...; `train*.txt`, `test*.txt`: number, digit |
| SHD, SSC | `shd_train.h5`, `shd_test.h5`; `ssc_train.h5`, (`ssc_valid.h5`,) `ssc_test.h5` |
| DVSGesture | `trials_to_train.txt`, `trials_to_test.txt`; `user01_natural.aedat` and `user01_natural_labels.csv` ... |
| our own | `train.npz`, `test.npz` (`NpzRecordings`) |

A folder with nothing but a folder is that folder: archives are often unpacked so. Hidden files do not count.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from erbp_jax.archive import shown
from erbp_jax.data.events import aedat31, nmnist
from erbp_jax.data.events.events import Events, as_sensor
from erbp_jax.data.events.hdf5 import SENSOR as HDF5_SENSOR
from erbp_jax.data.events.hdf5 import HDF5Recordings
from erbp_jax.data.events.pointer import read_text
from erbp_jax.data.events.recorded import Recorded
from erbp_jax.data.events.structured import NpzRecordings
from erbp_jax.errors import UserError

MOST_TEXT = 2**26
PARTS = ("train", "test")


@dataclass(frozen=True)
class Recordings:
    """Recordings for training and for test, each indexable to `(events, label)` and read when asked for.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.data.events import Recordings
        >>> one = ej.Events(t=[0], x=[1], y=[0], p=[0], sensor=(1, 3, 1))
        >>> Recordings("drops", [(one, 0)], [(one, 0)], (1, 3, 1)).name
        'drops'

    Raises:
        UserError: a sensor that is not (height, width, polarities); recordings that cannot be counted and indexed.
    """

    name: str
    train: Sequence[tuple[Events, Any]]
    test: Sequence[tuple[Events, Any]]
    sensor: tuple[int, int, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "sensor", as_sensor(self.name, self.sensor))
        for which in ("train", "test"):
            part = getattr(self, which)
            if isinstance(part, dict | str) or not hasattr(part, "__len__") or not hasattr(part, "__getitem__"):
                raise UserError(
                    f"{shown(self.name)}: {which} must be a list of (Events, label), or anything with a length that "
                    f"yields them by index, got {type(part).__name__}"
                )


class Files(Recorded):
    """Files with a label each, read by `reader` when they are asked for."""

    def __init__(self, reader: Callable[[Path], Events], files: Sequence[tuple[Path, Any]]) -> None:
        self.reader, self.files = reader, files

    def __len__(self) -> int:
        return len(self.files)

    def read(self, number: int) -> tuple[Events, Any]:
        path, label = self.files[number]
        return self.reader(path), label


def recordings(folder: Path | str, *, repair: bool = False, parts: Sequence[str] = PARTS) -> Recordings:
    """The set in a folder. With `repair`, events that are out of order are put in order.

    `parts` are those that must be there; the others are left empty.

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
        packed = folder.is_file() and "; it is a file, and an archive must be unpacked first"
        raise UserError(f"{shown(str(folder), 400)}: no such folder{packed or ''}")
    for find in (_nmnist, _small_nmnist, _hdf5, _gestures, _npz):
        if (found := find(folder, repair, parts)) is not None:
            return found
    there = _visible(folder)
    if len(there) == 1 and there[0].is_dir():
        return recordings(there[0], repair=repair, parts=parts)
    names = ", ".join(path.name for path in there) or "nothing"
    raise UserError(
        f"{shown(str(folder), 400)}: holds no set of recordings that is known (N-MNIST, SHD, SSC, DVSGesture, or "
        f"train.npz and test.npz); it has {shown(names, 200)}"
    )


def holds_recordings(folder: Path) -> bool:
    """Whether its names are those of a set of recordings."""
    patterns = ("*.bs2", "shd_*.h5", "ssc_*.h5", "trials_to_*.txt", "train.npz")
    return bool(_digit_folders(folder)) or any(next(folder.glob(pattern), None) for pattern in patterns)


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX")))


def bin_files(folder: Path) -> list[Path]:
    """N-MNIST's files in a folder, in order."""
    return [path for path in _visible(folder) if path.suffix in (".bin", ".bs2")]


def digit_files(folder: Path) -> list[tuple[Path, int]]:
    """N-MNIST's files in the folders 0 to 9 of a folder, with their digits."""
    digits = ((folder / str(label), label) for label in range(10))
    return [(file, label) for one, label in digits if one.is_dir() for file in bin_files(one)]


def _digit_folders(folder: Path) -> dict[str, Path]:
    """The folders of N-MNIST's parts, `train` and `test`, in upper or lower case."""
    folders = {path.name.lower(): path for path in _visible(folder) if path.is_dir()}
    found = {part: folders[part] for part in PARTS if part in folders}
    published = any((folder / part.title()).is_dir() for part in PARTS)
    return found if published or any(map(digit_files, found.values())) else {}


def _nmnist(folder: Path, repair: bool, needed: Sequence[str]) -> Recordings | None:
    if not (found := _digit_folders(folder)):
        return None
    parts = []
    for part in PARTS:
        place = found.get(part, folder / part.title())
        files = digit_files(place)
        if part in needed and not files:
            raise UserError(f"{place}: folders 0 to 9 with .bin files were expected")
        parts.append(Files(lambda path: nmnist.read_bin(path, repair=repair), files))
    return Recordings("nmnist", *parts, sensor=nmnist.SENSOR)


def _small_nmnist(folder: Path, repair: bool, needed: Sequence[str]) -> Recordings | None:
    if not bin_files(folder):
        return None
    parts = []
    for part in PARTS:
        tables = sorted(folder.glob(f"{part}*.txt"))
        if len(tables) != 1 and (tables or part in needed):
            raise UserError(f"{folder}: one table {part}*.txt of recordings and digits was expected, got {len(tables)}")
        files = []
        for where, number, label in _table(tables[0]) if tables else ():
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
            recording, label = map(int, line.replace(",", " ").split())
        except ValueError:
            raise UserError(f"{where}: a recording's number and its class were expected, got {shown(line)}") from None
        yield where, recording, label


def _hdf5(folder: Path, repair: bool, needed: Sequence[str]) -> Recordings | None:
    for name in ("shd", "ssc"):
        files = {part: folder / f"{name}_{part}.h5" for part in PARTS}
        if any(file.exists() for file in files.values()):
            parts = [
                HDF5Recordings(file, repair=repair) if part in needed or file.exists() else []
                for part, file in files.items()
            ]
            return Recordings(name, *parts, sensor=HDF5_SENSOR)
    return None


def _gestures(folder: Path, repair: bool, needed: Sequence[str]) -> Recordings | None:
    lists = {part: folder / f"trials_to_{part}.txt" for part in PARTS}
    if not any(file.exists() for file in lists.values()):
        return None
    parts = []
    for part, file in lists.items():
        wanted = part in needed or file.exists()
        names = [n.strip() for n in read_text(file, MOST_TEXT).splitlines() if n.strip()] if wanted else []
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


def _npz(folder: Path, repair: bool, needed: Sequence[str]) -> Recordings | None:
    files = {part: folder / f"{part}.npz" for part in PARTS}
    if not all(files[part].exists() for part in needed or PARTS[:1]):
        return None
    made = {part: NpzRecordings(file, repair=repair) for part, file in files.items() if file.exists()}
    sensors = {part: one.sensor for part, one in made.items()}
    if len(set(sensors.values())) > 1:
        raise UserError(f"{folder}: train.npz is of a sensor {sensors['train']}, test.npz of {sensors['test']}")
    return Recordings(folder.name, *(made.get(part, []) for part in PARTS), sensor=next(iter(sensors.values())))
