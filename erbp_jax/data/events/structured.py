"""Events that something else has read: structured arrays, as tonic's data sets yield them, and `.npz`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.archive import MAX_BYTES, open_archive, shown
from erbp_jax.data.events.events import Events, as_sensor, in_order
from erbp_jax.data.events.pointer import refuse_pointer_file
from erbp_jax.data.events.recorded import Recorded
from erbp_jax.errors import UserError
from erbp_jax.files import write_arrays

FIELDS = {"t": ("t", "ts", "timestamp"), "x": ("x",), "y": ("y",), "p": ("p", "polarity", "pol", "on")}
"""Names of the fields of structured arrays, in order of preference."""


def from_structured(array: Any, sensor: Any, *, name: str = "events", repair: bool = False) -> Events:
    """Events of a structured array with the fields `t` (whole microseconds) and `x`, and perhaps `y` and `p`.

    `sensor` is (height, width, polarities); with one row or one polarity `y` or `p` may be missing. A title of a field
    counts as its name; `FIELDS` has other names that are known.

    Example:
        >>> import numpy as np, erbp_jax as ej
        >>> raw = np.array([(5, 1, 1), (9, 0, 0)], [("t", "<i8"), ("x", "<i2"), ("p", "?")])
        >>> ej.from_structured(raw, (1, 2, 2)).x.tolist()
        [1, 0]

    Raises:
        UserError: no structured array, fields that the sensor needs missing, and as `Events`.
    """
    array = np.asarray(array)
    names = array.dtype.fields or {}  # with titles: some readers call the polarity "on", and "p" is its title
    found = {key: next((n for n in known if n in names), None) for key, known in FIELDS.items()}
    if array.ndim != 1 or found["t"] is None or found["x"] is None:
        given = ", ".join(names) or f"an array {array.dtype} {list(array.shape)}"
        raise UserError(f"{name}: a structured array with the fields t and x, and perhaps y and p, was expected, got "
                        f"{shown(given, 200)}")  # fmt: skip
    height, width, polarities = as_sensor(name, sensor)
    for key, many in (("y", height), ("p", polarities)):
        if found[key] is None and many > 1:
            raise UserError(
                f"{name}: has no field {key}, which the sensor of (height, width, polarities) = "
                f"{(height, width, polarities)} needs; there are {shown(', '.join(names), 200)}"
            )
    nothing = np.zeros(len(array), np.int64)
    columns = [nothing if field is None else array[field] for field in found.values()]
    if repair:
        _, columns = in_order(*columns)
    return Events(*columns, sensor=sensor, name=name)


class Structured(Recorded):
    """Anything indexable that yields `(structured array, label)`, a data set of tonic's say, as recordings.

    `sensor` is (height, width, polarities). tonic's `sensor_size` is (width, height, polarities): turn the first two
    round.

    Example:
        >>> import numpy as np
        >>> from erbp_jax.data.events import Structured
        >>> raw = np.array([(5, 1, 1), (9, 0, 0)], [("t", "<i8"), ("x", "<i2"), ("p", "?")])
        >>> recordings = Structured([(raw, 3)], (1, 2, 2))
        >>> recordings[0][0].x.tolist(), recordings[0][1]
        ([1, 0], 3)

    Raises:
        UserError: no length or no index; when a recording is read, as `from_structured`.
    """

    def __init__(self, source: Any, sensor: Any, *, repair: bool = False) -> None:
        if not (hasattr(source, "__len__") and hasattr(source, "__getitem__")):
            raise UserError(
                f"recordings: must have a length and yield (events, label) by index, got {type(source).__name__}"
            )
        self.source, self.sensor, self.repair = source, as_sensor("recordings", sensor), repair

    def __len__(self) -> int:
        return len(self.source)

    def read(self, number: int) -> tuple[Events, Any]:
        try:
            events, label = self.source[number]
        except (TypeError, ValueError) as error:
            raise UserError(f"recordings: item {number:,} is not (events, label): {error}") from None
        where = f"recording {number:,}"
        return from_structured(events, self.sensor, name=where, repair=self.repair), label


KEYS = ("t", "x", "y", "p", "starts", "labels", "sensor")


class NpzRecordings(Recorded):
    """The recordings of an `.npz`: all events one after another, and where each recording starts.

    `t`, `x`, `y`, `p` `[E]`; `starts` `[n]`, the number of each recording's first event; `labels` `[n]`;
    `sensor` `[3]`.

    Example:
        >>> import os, tempfile
        >>> import erbp_jax as ej
        >>> from erbp_jax.data.events import NpzRecordings, write_npz
        >>> one = ej.Events(t=[0, 10], x=[3, 0], y=[0, 1], p=[1, 0], sensor=(2, 4, 2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_npz(os.path.join(folder, "one.npz"), [(one, 5)])
        ...     events, label = NpzRecordings(os.path.join(folder, "one.npz"))[0]
        >>> len(events), int(label)
        (2, 5)

    Raises:
        UserError: with the path: no archive of plain arrays, arrays missing or of other lengths; when a recording is
            read, as `Events`.
    """

    def __init__(self, path: Path | str, *, repair: bool = False) -> None:
        self.path, self.repair = Path(path), repair
        refuse_pointer_file(self.path, 128 * MAX_BYTES)
        with open_archive(self.path, 64 * MAX_BYTES) as archive:
            if missing := [key for key in KEYS if key not in archive.names]:
                raise UserError(f"{', '.join(missing)} missing: events in an .npz are {', '.join(KEYS)}")
            arrays = {key: archive[key] for key in KEYS}
            self.sensor = as_sensor("sensor", arrays["sensor"].tolist())
            self._columns = [arrays[key] for key in "txyp"]
            self.labels, starts = arrays["labels"], arrays["starts"]
            if any(column.shape != (column.size,) or column.size != self._columns[0].size for column in self._columns):
                raise UserError(f"t, x, y and p: must be equally long, got {[c.shape for c in self._columns]}")
            if starts.ndim != 1 or starts.dtype.kind not in "iu" or self.labels.shape != starts.shape:
                raise UserError(
                    f"starts, labels: one whole number per recording each, got {starts.dtype} {list(starts.shape)} and "
                    f"{list(self.labels.shape)}"
                )
            self._ends = np.append(starts, len(self._columns[0])).astype(np.int64)
            if len(starts) == 0 or self._ends[0] != 0 or (np.diff(self._ends) < 0).any():
                raise UserError("starts: must begin with 0, never fall, and stay within the events")

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, number: int) -> tuple[Events, Any]:
        columns = [column[self._ends[number] : self._ends[number + 1]] for column in self._columns]
        if self.repair:
            _, columns = in_order(*columns)
        where = f"{self.path}: recording {number:,}"
        return Events(*columns, sensor=self.sensor, name=where), self.labels[number]


def write_npz(path: Path | str, recordings: Sequence[tuple[Events, Any]]) -> None:
    """Write recordings of one sensor as an `.npz` that `NpzRecordings` reads.

    Example:
        >>> import os, tempfile
        >>> import erbp_jax as ej
        >>> from erbp_jax.data.events import NpzRecordings, write_npz
        >>> one = ej.Events(t=[0, 10], x=[3, 0], y=[0, 1], p=[1, 0], sensor=(2, 4, 2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "two.npz")
        ...     write_npz(path, [(one, 0), (one, 1)])
        ...     kept = NpzRecordings(path)
        ...     print(len(kept), kept[1][1], kept[1][0].t.tolist())
        2 1 [0, 10]

    Raises:
        UserError: none, or recordings of different sensors.
    """
    pairs = [recordings[i] for i in range(len(recordings))]
    if not pairs or any(events.sensor != pairs[0][0].sensor for events, _ in pairs):
        raise UserError(f"{path}: recordings of one sensor were expected, got {len(pairs)} of different ones")
    arrays = {key: np.concatenate([getattr(events, key) for events, _ in pairs]) for key in "txyp"}
    arrays["starts"] = np.cumsum([0, *(len(events) for events, _ in pairs[:-1])])
    arrays["labels"] = np.asarray([label for _, label in pairs])
    arrays["sensor"] = np.asarray(pairs[0][0].sensor)
    write_arrays(Path(path), arrays, compressed=True)
