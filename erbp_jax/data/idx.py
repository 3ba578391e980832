"""The idx format of the MNIST files, with NumPy alone."""

import gzip
import zlib
from pathlib import Path

import numpy as np

from erbp_jax.errors import UserError

GZIP_MAGIC = b"\x1f\x8b"


def read_bytes(path: Path) -> bytes:
    """The file's content, decompressed if it is a gzip.

    Raises:
        UserError: the file cannot be read or decompressed.
    """
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw[:2] == GZIP_MAGIC else raw
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None


def parse(data: bytes, path: Path) -> np.ndarray:
    """An unsigned-byte idx file as a uint8 array.

    Layout: two zero bytes, the type 0x08, the number of axes, a big-endian uint32 per axis, the bytes.

    Raises:
        UserError: not such a file, or its length does not fit its header.
    """
    if len(data) < 4 or data[:3] != b"\x00\x00\x08":
        raise UserError(f"{path}: not an unsigned-byte idx file (it starts with {data[:4].hex() or 'nothing'})")
    axes = data[3]
    header = 4 + 4 * axes
    shape = tuple(int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes))
    if len(data) < header or len(data) != header + int(np.prod(shape)):
        raise UserError(f"{path}: {len(data)} bytes do not fit the shape {shape} in its header")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)
