"""The idx format of the MNIST files, with NumPy alone."""

import math
import zlib
from pathlib import Path

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.errors import UserError

GZIP_MAGIC = b"\x1f\x8b"
OVERHEAD = 2**16
"""Bytes that a gzip may be longer than its content."""
MOST_AXES = 8
_MOST_MEMBERS = 4096
_PIECE = 2**16


def decompress(raw: bytes, most: int) -> bytes:
    """The content of a gzip, of one member or several, zeros after the last.

    Raises:
        ValueError: damaged, cut off, or more than `most` bytes of content, which are not made.
    """
    out, view, at = bytearray(), memoryview(raw), 0
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            piece = member.unconsumed_tail or view[at : at + _PIECE]
            if not member.unconsumed_tail:
                at += len(piece)
            try:
                made = member.decompress(piece, most + 1 - len(out))
            except zlib.error as error:
                raise ValueError(str(error)) from None
            out += made
            if len(out) > most:
                raise ValueError(f"more than {most:,} bytes")
            if not made and not piece:
                raise ValueError("cut off")
        at -= len(member.unused_data)
        if not any(view[at:]):
            return bytes(out)
    raise ValueError(f"more than {_MOST_MEMBERS} members")


def parse(data: bytes, path: Path) -> np.ndarray:
    """An unsigned-byte idx file as a uint8 array.

    Layout: two zero bytes, the type 0x08, the number of axes, a big-endian uint32 per axis, the bytes.

    Raises:
        UserError: not such a file, more than `MOST_AXES` axes, or its length does not fit its header.
    """
    where = shown(str(path), 400)
    if len(data) < 4 or data[:3] != b"\x00\x00\x08":
        raise UserError(f"{where}: not an unsigned-byte idx file (it starts with {data[:4].hex() or 'nothing'})")
    axes = data[3]
    if axes > MOST_AXES:
        raise UserError(f"{where}: {axes} axes are more than {MOST_AXES}")
    header = 4 + 4 * axes
    shape = tuple(int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes))
    if len(data) < header or len(data) != header + math.prod(shape):
        raise UserError(f"{where}: {len(data)} bytes do not fit the shape {shape} in its header")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)
