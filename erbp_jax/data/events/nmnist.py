r"""N-MNIST's files, `.bin`; SLAYER's `.bs2` are the same.

Five bytes per event, big endian [Orchard et al., Front. Neurosci. 9:437, 2015]:

    x (8 bit), y (8 bit), polarity (1 bit), time in microseconds (23 bit)
"""

from pathlib import Path

import numpy as np

from erbp_jax.archive import read_bytes
from erbp_jax.data.events.events import Events, in_order
from erbp_jax.data.events.pointer import refuse_pointer
from erbp_jax.errors import UserError
from erbp_jax.files import replacing

SENSOR = (34, 34, 2)
MOST_BYTES = 5 * 2**24


def read_bin(path: Path | str, *, sensor: tuple[int, int, int] = SENSOR, repair: bool = False) -> Events:
    """One recording of an N-MNIST file. With `repair`, events that are out of order are put in order.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.data.events import read_bin
        >>> try:
        ...     read_bin("no_such_file.bin")
        ... except ej.UserError as error:
        ...     print("no_such_file" in str(error))
        True

    Raises:
        UserError: with the path: missing, empty, cut off within an event, or as `Events`.
    """
    return decode(read_bytes(path, MOST_BYTES), str(path), sensor=sensor, repair=repair)


def decode(content: bytes, name: str, *, sensor: tuple[int, int, int] = SENSOR, repair: bool = False) -> Events:
    """The events in a file's bytes.

    Raises:
        UserError: as `read_bin`.
    """
    refuse_pointer(content, name)
    if not content:
        raise UserError(f"{name}: is empty; five bytes per event were expected")
    if len(content) % 5:
        raise UserError(
            f"{name}: {len(content):,} bytes are not five per event: it ends {len(content) % 5} bytes into event "
            f"{len(content) // 5:,}"
        )
    raw = np.frombuffer(content, np.uint8).reshape(-1, 5).astype(np.int64)
    t = (raw[:, 2] & 127) << 16 | raw[:, 3] << 8 | raw[:, 4]
    columns = raw[:, 0], raw[:, 1], raw[:, 2] >> 7
    if repair:
        _, (t, *columns) = in_order(t, *columns)
    return Events(t, *columns, sensor=sensor, name=name)


def encode(events: Events) -> bytes:
    """A file's bytes.

    Raises:
        UserError: columns or rows above 255, times of 2**23 microseconds and above.
    """
    if len(events) and (max(events.x.max(), events.y.max()) > 255 or events.p.max() > 1 or events.t[-1] >= 2**23):
        raise UserError(
            f"{events.name}: N-MNIST's layout has columns and rows to 255, two polarities and 8.4 s; "
            f"got {events.sensor} and {events.t[-1]:,} us"
        )
    raw = np.empty((len(events), 5), np.uint8)
    raw[:, 0], raw[:, 1] = events.x, events.y
    raw[:, 2] = events.p << 7 | events.t >> 16
    raw[:, 3], raw[:, 4] = events.t >> 8 & 255, events.t & 255
    return raw.tobytes()


def write_bin(path: Path | str, events: Events) -> None:
    """Write a recording in N-MNIST's layout.

    Example:
        >>> import os, tempfile
        >>> import erbp_jax as ej
        >>> from erbp_jax.data.events import read_bin, write_bin
        >>> one = ej.Events(t=[0, 10], x=[3, 0], y=[0, 1], p=[1, 0], sensor=(34, 34, 2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "00001.bin")
        ...     write_bin(path, one)
        ...     again = read_bin(path)
        >>> again.t.tolist(), again.x.tolist()
        ([0, 10], [3, 0])

    Raises:
        UserError: as `encode`.
    """
    content = encode(events)
    with replacing(Path(path)) as file:
        file.write(content)
