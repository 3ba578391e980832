"""Arrays from files that nobody vouches for: `.npy` and `.npz` without pickles, without surprises in size.

What a header declares is compared with the bytes that are there before any memory is asked for.
"""

import warnings
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import IO

import numpy as np

from erbp_jax.errors import UserError

MAX_BYTES = 2**31
"""Unpacked size of a file; the largest honest one is far below."""
_LONGEST_HEADER = 2**16


class Archive:
    """The arrays of an open `.npz` of at most `limit` bytes when it is unpacked, read one by one."""

    def __init__(self, opened: zipfile.ZipFile, limit: int = MAX_BYTES):
        entries = opened.infolist()
        if (size := sum(entry.file_size for entry in entries)) > limit:
            raise UserError(f"unpacks to {size:,} bytes, more than the {limit:,} that are allowed")
        self._opened = opened
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            name = entry.filename.removesuffix(".npy")
            if name == entry.filename:
                raise UserError(f"{shown(name)}: not a .npy array")
            if name in self._entries:
                raise UserError(f"{shown(name)}: there twice")
            self._entries[name] = entry

    @property
    def names(self) -> Collection[str]:
        return self._entries.keys()

    def __getitem__(self, name: str) -> np.ndarray:
        entry = self._entries[name]
        try:
            with self._opened.open(entry) as stream:
                return read_array(stream, entry.file_size)
        except Exception as error:
            raise UserError(f"{shown(name)}: {_reason(error)}") from None


def open_archive(path: Path) -> zipfile.ZipFile:
    """
    Raises:
        UserError: without the path; not there, or not a zip archive.
    """
    try:
        return zipfile.ZipFile(path)
    except Exception as error:
        raise UserError(f"not a readable .npz archive ({_reason(error)})") from None


def read_array(stream: IO[bytes], size: int) -> np.ndarray:
    """The array of a `.npy` of `size` bytes.

    Raises:
        ValueError: not a plain array, or a header that does not fit the bytes. Broken compression raises what it likes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a header that only Python 2 writes
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            header = np.lib.format.read_array_header_1_0(stream, max_header_size=_LONGEST_HEADER)
        elif version == (2, 0):
            header = np.lib.format.read_array_header_2_0(stream, max_header_size=_LONGEST_HEADER)
        else:
            raise ValueError(f"version {version} of the .npy format is for arrays with named fields")
    shape, by_column, dtype = header
    if dtype.hasobject:
        raise ValueError("not a plain array: it holds Python objects")
    if any(n < 0 for n in shape):
        raise ValueError(f"its header declares the shape {list(shape)}")
    count = 1
    for n in shape:
        count *= n
    if count * dtype.itemsize > size:
        raise ValueError(f"its header declares {count * dtype.itemsize:,} bytes, the file has at most {size:,}")
    content = stream.read(count * dtype.itemsize)
    if len(content) != count * dtype.itemsize:
        raise ValueError(f"ends after {len(content):,} of {count * dtype.itemsize:,} bytes")
    if not count:
        return np.zeros(shape, dtype)
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_column else "C")


def shown(value: object, most: int = 80) -> str:
    """A value from a file as a message may show it: escaped, in one line, and not too much of it."""
    text = repr(value) if not isinstance(value, str) or not value.isprintable() else value
    return text if len(text) <= most else f"{text[:most]}..."


def _reason(error: Exception) -> str:
    return shown(" ".join(str(error).split()) or type(error).__name__, 200)
