r"""DVSGesture's files: AEDAT 3.1, and a table of labels beside each [Amir et al., CVPR 2017; iniVation's format 3.1].

After lines of text that begin with `#`, the last of which is `#!END-HEADER`, come packets, little endian: a head of 28
bytes

    type (16 bit), source (16), size of an event (32), offset of its time (32), overflows of the time (32),
    capacity (32), number of events (32), number of valid ones (32)

and as many events. A polarity event (type 1) has 8 bytes: 32 bits of data (valid, bit 0; polarity, 1; y, 2 to 16; x, 17
to 31) and 32 bits of time in microseconds, to which each overflow adds 2**31. Packets of other types are passed over.
"""

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from erbp_jax.archive import read_bytes, shown
from erbp_jax.data.events.events import Events, in_order
from erbp_jax.data.events.pointer import read_text, refuse_pointer
from erbp_jax.errors import UserError

SENSOR = (128, 128, 2)
MOST_BYTES = 2**31
_HEAD = struct.Struct("<hhiiiiii")
_POLARITY = 1


class Gesture(NamedTuple):
    """A stretch of a recording: class 1 to 11, from `start` up to `end` in the recording's microseconds."""

    label: int
    start: int
    end: int


def read_aedat31(path: Path | str, *, sensor: tuple[int, int, int] = SENSOR, repair: bool = False) -> Events:
    """All polarity events of a file, times as the camera's clock has them.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.data.events import read_aedat31
        >>> try:
        ...     read_aedat31("no_such_file.aedat")
        ... except ej.UserError as error:
        ...     print("no_such_file" in str(error))
        True

    Raises:
        UserError: with the path and the byte: missing, empty, of another version, cut off, packets that are none; or as
            `Events`.
    """
    return decode(read_bytes(path, MOST_BYTES), str(path), sensor=sensor, repair=repair)


def decode(content: bytes, name: str, *, sensor: tuple[int, int, int] = SENSOR, repair: bool = False) -> Events:
    """The events in a file's bytes.

    Raises:
        UserError: as `read_aedat31`.
    """
    refuse_pointer(content, name)
    at, found = _after_header(content, name), []
    while at < len(content):
        if at + _HEAD.size > len(content):
            raise UserError(
                f"{name}: byte {at:,}: a packet's head has {_HEAD.size} bytes, {len(content) - at} are left"
            )
        kind, _, size, offset, overflows, _, number, _ = _HEAD.unpack_from(content, at)
        at += _HEAD.size
        if size < 1 or number < 0 or overflows < 0:
            raise UserError(f"{name}: byte {at - _HEAD.size:,}: no packet: it declares {number} events of {size} bytes")
        end = at + size * number
        if end > len(content):
            raise UserError(
                f"{name}: byte {at:,}: a packet of {number:,} events of {size} bytes is cut off: "
                f"{len(content) - at:,} bytes are left"
            )
        if kind == _POLARITY:
            if (size, offset) != (8, 4):
                raise UserError(
                    f"{name}: byte {at - _HEAD.size:,}: polarity events have 8 bytes and their time at byte 4, got "
                    f"{size} and {offset}"
                )
            raw = np.frombuffer(content, "<u4", 2 * number, at).reshape(-1, 2)
            raw = raw[raw[:, 0] & 1 == 1].astype(np.int64)
            found.append(np.stack([raw[:, 1] + (overflows << 31), raw[:, 0] >> 17, raw[:, 0] >> 2 & 0x7FFF,
                                   raw[:, 0] >> 1 & 1]))  # fmt: skip
        at = end
    if not found:
        raise UserError(f"{name}: has no polarity events")
    t, x, y, p = np.concatenate(found, 1)
    if repair:
        _, (t, x, y, p) = in_order(t, x, y, p)
    return Events(t, x, y, p, sensor=sensor, name=name)


def _after_header(content: bytes, name: str) -> int:
    first = content[:14].split(b"\n")[0].strip()
    if first != b"#!AER-DAT3.1":
        given = shown(first.decode("latin-1")) if first.startswith(b"#!AER-DAT") else "something else"
        raise UserError(f"{name}: its first line must be #!AER-DAT3.1, got {given or 'nothing'}")
    at = 0
    while content[at : at + 1] == b"#":
        end = content.find(b"\n", at)
        if end < 0:
            break
        line, at = content[at:end].strip(), end + 1
        if line == b"#!END-HEADER":
            return at
    raise UserError(f"{name}: byte {at:,}: the header has no #!END-HEADER")


def read_labels(path: Path | str) -> list[Gesture]:
    """The table beside a recording: `class,startTime_usec,endTime_usec`.

    Raises:
        UserError: with the path and the line.
    """
    lines = read_text(path, 2**20).split("\n")
    if lines[0].strip() != "class,startTime_usec,endTime_usec":
        raise UserError(
            f"{path}: line 1: class,startTime_usec,endTime_usec was expected, got {shown(lines[0].strip())}"
        )
    found = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        try:
            gesture = Gesture(*map(int, line.split(",")))
        except (TypeError, ValueError):
            raise UserError(f"{path}: line {number}: three whole numbers were expected, got {shown(line)}") from None
        if not 0 <= gesture.start < gesture.end:
            raise UserError(f"{path}: line {number}: a stretch from {gesture.start:,} to {gesture.end:,} us")
        found.append(gesture)
    return found


def stretches(events: Events, gestures: list[Gesture]) -> list[tuple[Events, int]]:
    """A recording for each gesture, times counted from its start; the label is the class as the table has it."""
    cuts = np.searchsorted(events.t, [(g.start, g.end) for g in gestures]).reshape(-1, 2)
    return [
        (
            Events(
                events.t[a:b] - g.start, events.x[a:b], events.y[a:b], events.p[a:b],
                sensor=events.sensor, name=f"{events.name}: from {g.start:,} us",
            ),
            g.label,
        )
        for g, (a, b) in zip(gestures, cuts.tolist(), strict=True)
    ]  # fmt: skip


def encode(events: Events) -> bytes:
    """A file's bytes, in packets of 4,096 events.

    Raises:
        UserError: columns or rows above 32,767 or more than two polarities.
    """
    if max(events.sensor[:2]) > 2**15 or events.sensor[2] > 2:
        raise UserError(f"{events.name}: AEDAT 3.1 has columns and rows to 32,767 and two polarities")
    parts = [b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"]
    overflow = events.t >> 31
    starts = np.flatnonzero(np.diff(overflow, prepend=-1)).tolist()
    for start, end in zip(starts, [*starts[1:], len(events)], strict=True):
        for a in range(start, end, 4096):
            b = min(end, a + 4096)
            raw = np.empty((b - a, 2), "<u4")
            raw[:, 0] = 1 | events.p[a:b] << 1 | events.y[a:b] << 2 | events.x[a:b].astype(np.int64) << 17
            raw[:, 1] = events.t[a:b] & 0x7FFFFFFF
            parts += [_HEAD.pack(_POLARITY, 0, 8, 4, int(overflow[a]), b - a, b - a, b - a), raw.tobytes()]
    return b"".join(parts)
