"""SHD and SSC: spoken digits and words through a model of the cochlea, in HDF5 [Cramer et al., IEEE TNNLS 33, 2022].

    spikes/times   one list a recording, seconds, float16 or float32
    spikes/units   one list a recording, 0 to 699
    labels         one a recording
    extra/...      speakers and the names of the classes; not read

Needs the extra `events` (h5py).
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.data.events.events import Events, in_order
from erbp_jax.data.events.pointer import refuse_pointer_file
from erbp_jax.data.events.recorded import Recorded
from erbp_jax.errors import UserError
from erbp_jax.files import replacing

UNITS = 700
MOST_BYTES = 2**36


class HDF5Recordings(Recorded):
    """The recordings of one file, read when they are asked for: `recordings[i] -> (events, label)`.

    Example:
        >>> import os, tempfile
        >>> import erbp_jax as ej
        >>> from erbp_jax.data.events import HDF5Recordings, write_hdf5
        >>> one = ej.Events(t=[0, 1000], x=[3, 0], y=[0, 0], p=[0, 0], sensor=(1, 700, 1))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_hdf5(os.path.join(folder, "spoken.h5"), [(one, 7), (one, 2)])
        ...     print(len(HDF5Recordings(os.path.join(folder, "spoken.h5"))))
        2

    Raises:
        UserError: with the path: no HDF5, the groups are missing or of other lengths, h5py is not installed; when a
            recording is read, as `Events`.
    """

    def __init__(self, path: Path | str, *, units: int = UNITS, repair: bool = False) -> None:
        self.path, self.units, self.repair = Path(path), units, repair
        self._file = _opened(self.path)
        self._times, self._units = (self._part(f"spikes/{part}") for part in ("times", "units"))
        labels = self._part("labels")
        if labels.ndim != 1 or labels.dtype.kind not in "iu":
            raise UserError(
                f"{path}: labels: one whole number a recording was expected, got {labels.dtype} {list(labels.shape)}"
            )
        self.labels = np.asarray(labels[:], np.int64)
        for part, found in (("spikes/times", self._times), ("spikes/units", self._units)):
            if found.ndim != 1 or len(found) != len(self.labels):
                raise UserError(
                    f"{path}: {part}: a list for each of the {len(self.labels):,} labels was expected, got shape "
                    f"{list(found.shape)}"
                )

    @property
    def sensor(self) -> tuple[int, int, int]:
        return 1, self.units, 1

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, number: int) -> tuple[Events, int]:
        where = f"{self.path}: recording {number:,}"
        seconds, units = np.asarray(self._times[number]), np.asarray(self._units[number])
        if seconds.dtype.kind != "f" or not np.isfinite(seconds).all():
            raise UserError(f"{where}: times must be finite seconds, got {seconds.dtype}")
        t = np.round(seconds.astype(np.float64) * 1e6).astype(np.int64)
        x = units.astype(np.int64) if units.dtype.kind in "iu" else units
        if self.repair and len(t) == len(x):
            _, (t, x) = in_order(t, x)
        nothing = np.zeros(len(x), np.int64)
        return Events(t, x, nothing, nothing, sensor=self.sensor, name=where), int(self.labels[number])

    def _part(self, name: str) -> Any:
        import h5py

        found = self._file.get(name)
        if not isinstance(found, h5py.Dataset):
            there = ", ".join(sorted(map(str, self._file))) or "nothing"
            raise UserError(
                f"{self.path}: has no {name}; SHD and SSC have spikes/times, spikes/units and labels, this file has "
                f"{shown(there, 200)}"
            )
        return found


def _opened(path: Path) -> Any:
    try:
        import h5py
    except ModuleNotFoundError:
        raise UserError(f"{path}: HDF5 needs h5py: pip install 'erbp-jax[events]'") from None
    refuse_pointer_file(path, MOST_BYTES)
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise UserError(f"{path}: is not HDF5, or is cut off ({shown(str(error), 200)})") from None


def write_hdf5(path: Path | str, recordings: Sequence[tuple[Events, int]]) -> None:
    """Write recordings of one row and one polarity in the layout of SHD and SSC.

    Example:
        >>> import os, tempfile
        >>> import erbp_jax as ej
        >>> from erbp_jax.data.events import HDF5Recordings, write_hdf5
        >>> one = ej.Events(t=[0, 1000], x=[3, 0], y=[0, 0], p=[0, 0], sensor=(1, 700, 1))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "spoken.h5")
        ...     write_hdf5(path, [(one, 7)])
        ...     events, label = HDF5Recordings(path)[0]
        >>> events.x.tolist(), int(label)
        ([3, 0], 7)

    Raises:
        UserError: recordings of other sensors; h5py is not installed.
    """
    try:
        import h5py
    except ModuleNotFoundError:
        raise UserError(f"{path}: HDF5 needs h5py: pip install 'erbp-jax[events]'") from None
    for events, _ in recordings:
        if events.sensor[0] != 1 or events.sensor[2] != 1:
            raise UserError(f"{events.name}: SHD's layout is of one row and one polarity, got {events.sensor}")
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for part, dtype, columns in (
            ("times", np.float32, [events.t * 1e-6 for events, _ in recordings]),
            ("units", np.uint16, [events.x for events, _ in recordings]),
        ):
            made = file.create_dataset(f"spikes/{part}", (len(recordings),), h5py.vlen_dtype(dtype))
            for i, column in enumerate(columns):
                made[i] = column.astype(dtype)
        file["labels"] = np.array([label for _, label in recordings], np.uint16)
    with replacing(Path(path)) as stream:
        stream.write(content.getbuffer())
