"""SHD and SSC: spoken digits and words through a model of the cochlea, in HDF5 [Cramer et al., IEEE TNNLS 33, 2022].

    spikes/times   one list per recording, seconds, float16 or float32
    spikes/units   one list per recording, 0 to 699
    labels         one per recording
    extra/...      speakers and the names of the classes; not read

Needs the extra `events` (h5py).
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.data.events.events import Events, in_order
from erbp_jax.data.events.pointer import refuse_pointer_file
from erbp_jax.data.events.recorded import Recorded
from erbp_jax.errors import UserError
from erbp_jax.files import replacing
from erbp_jax.hdf5 import About, HDF5File

UNITS = 700
SENSOR = (1, UNITS, 1)
MOST_BYTES = 2**36
MOST_SECONDS = 1e9


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
        refuse_pointer_file(self.path, MOST_BYTES)
        with self._named():
            self._file = HDF5File(self.path)
        try:
            self.labels = self._checked()
        except UserError:
            self._file.close()
            raise

    def _checked(self) -> np.ndarray:
        """The labels, after a look at all arrays."""
        with self._named():
            times, channels, labels = (self._part(part) for part in ("spikes/times", "spikes/units", "labels"))
            if len(labels.shape) != 1 or labels.kind not in "iu":
                raise UserError(
                    f"labels: one whole number per recording was expected, got {labels.dtype} {list(labels.shape)}"
                )
            numbers = self._file.arrays("labels")[0].astype(np.int64)
            for part, found in (("spikes/times", times), ("spikes/units", channels)):
                if found.shape != numbers.shape:
                    raise UserError(
                        f"{part}: a list for each of the {len(numbers):,} labels was expected, got shape "
                        f"{list(found.shape)}"
                    )
            return numbers

    @property
    def sensor(self) -> tuple[int, int, int]:
        return 1, self.units, 1

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, number: int) -> tuple[Events, int]:
        with self._named(f": recording {number:,}") as where:
            seconds, units = self._file.arrays("spikes/times", "spikes/units", at=number)
            if seconds.ndim != 1 or units.ndim != 1:
                raise UserError(
                    f"lists of times and units were expected, got {list(seconds.shape)}, {list(units.shape)}"
                )
            if seconds.dtype.kind != "f" or not (np.abs(seconds.astype(np.float64)) <= MOST_SECONDS).all():
                raise UserError(f"times must be finite seconds, at most {MOST_SECONDS:,.0f}, got {seconds.dtype}")
        t = np.round(seconds.astype(np.float64) * 1e6).astype(np.int64)
        x = units.astype(np.int64) if units.dtype.kind in "iu" else units
        if self.repair and len(t) == len(x):
            _, (t, x) = in_order(t, x)
        nothing = np.zeros(len(x), np.int64)
        return Events(t, x, nothing, nothing, sensor=self.sensor, name=where), int(self.labels[number])

    def _part(self, name: str) -> About:
        found = self._file.about(name)
        if found is None:
            there = ", ".join(self._file.names()) or "nothing"
            raise UserError(
                f"has no {name}; SHD and SSC have spikes/times, spikes/units and labels, this file has "
                f"{shown(there, 200)}"
            )
        return found

    @contextmanager
    def _named(self, part: str = "") -> Iterator[str]:
        """The path and the part of the file, which are put in front of messages."""
        where = f"{self.path}{part}"
        try:
            yield where
        except UserError as error:
            raise UserError(f"{where}: {error}") from None


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
