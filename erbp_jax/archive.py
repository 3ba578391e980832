"""Reading files that nobody vouches for: regular ones alone, of a size that is looked at first; arrays without pickles.

What a header declares is compared with the bytes that are there before any memory is asked for.
"""

import io
import math
import os
import stat
import warnings
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

import numpy as np

from erbp_jax.errors import UserError

MAX_BYTES = 2**29
"""Of an archive, unpacked. The largest core that a program may have takes 403 MB: 2**24 synapses of 5 int32 and as many
weights. What is read is checked and copied, so that a reader needs up to three times as much."""
MAX_MEMBERS = 2**14
MAX_NUMBERS = 2**25
"""Of a table."""
MAX_TEXT = 2**24
"""Bytes of a table in text, whose lines take much more once they are read."""
_LONGEST_HEADER = 2**16
_LONGEST_READ = 2**24
"""Bytes that are read at once. It bounds the list of an archive's members, too, which `zipfile` reads in one go."""


Kind = TypeVar("Kind")


class _Stream(io.BufferedReader):
    """A file that refuses to be read in large pieces."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = os.fstat(self.fileno()).st_size - self.tell()
        if size > _LONGEST_READ:
            raise ValueError(f"its list of members declares {size:,} bytes, more than {_LONGEST_READ:,}")
        return super().read(size)


def open_regular(path: Path | str, most: int) -> _Stream:
    """A regular file of at most `most` bytes, opened for reading; pipes, devices and folders are not waited for.

    Raises:
        UserError: with the path and the reason.
    """
    where = shown(str(path), 400)
    try:
        found = os.stat(path)  # noqa: PTH116 (a path with a NUL is refused here, too)
        if stat.S_ISDIR(found.st_mode):
            raise UserError(f"{where}: is a folder, not a file")
        if not stat.S_ISREG(found.st_mode):
            raise UserError(f"{where}: not a regular file")
        if found.st_size > most:
            raise UserError(f"{where}: has {found.st_size:,} bytes, more than the {most:,} that are allowed")
        return _Stream(io.FileIO(path))
    except FileNotFoundError:
        raise UserError(f"{where}: no such file") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{where}: cannot be read ({_reason(error)})") from None


def read_bytes(path: Path | str, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises:
        UserError: as `open_regular`.
    """
    with open_regular(path, most) as stream:
        try:
            content = bytearray()
            while len(content) <= most and (piece := stream.read(min(_LONGEST_READ, most + 1 - len(content)))):
                content += piece
        except OSError as error:
            raise UserError(f"{shown(str(path), 400)}: cannot be read ({_reason(error)})") from None
    if len(content) > most:
        raise UserError(f"{shown(str(path), 400)}: grew beyond {most:,} bytes while it was read")
    return bytes(content)


def read_text(path: Path | str, most: int) -> str:
    """The text of a regular file in UTF-8, with or without a byte order mark.

    Raises:
        UserError: as `open_regular`, or other bytes.
    """
    try:
        return read_bytes(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = f"; for arrays give data.path={shown(str(path), 400)}" if str(path).endswith(".npz") else ""
        raise UserError(f"{shown(str(path), 400)}: not text in UTF-8 (byte {error.start:,}){hint}") from None


class Header(NamedTuple):
    """What a `.npy` declares."""

    shape: tuple[int, ...]
    by_column: bool
    dtype: np.dtype

    @property
    def elements(self) -> int:
        """Elements, not wrapped round."""
        return math.prod(self.shape)


class Archive:
    """The arrays of an open `.npz`, read one by one.

    Raises:
        UserError: without the path; the members are not arrays, there twice, or unpack to more than `most` bytes.
    """

    def __init__(self, opened: zipfile.ZipFile, most: int = MAX_BYTES):
        entries = opened.infolist()
        if len(entries) > MAX_MEMBERS:
            raise UserError(f"has {len(entries):,} members, more than the {MAX_MEMBERS:,} that are allowed")
        if (size := sum(entry.file_size for entry in entries)) > most:
            raise UserError(f"unpacks to {size:,} bytes, more than the {most:,} that are allowed")
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

    def header(self, name: str) -> Header:
        """What an array declares; nothing else of it is unpacked."""
        return self._read(name, read_header)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._read(name, read_array)

    def _read(self, name: str, how: Callable[[IO[bytes], int], Kind]) -> Kind:
        entry = self._entries[name]
        try:
            with self._opened.open(entry) as stream:
                return how(stream, entry.file_size)
        except Exception as error:  # broken compression raises what it likes
            raise UserError(f"{shown(name)}: {_reason(error)}") from None


@contextmanager
def open_archive(path: Path, most: int = MAX_BYTES) -> Iterator[Archive]:
    """The arrays of a `.npz` of at most `most` bytes. What is raised about them gets the path in front.

    Raises:
        UserError: as `open_regular`, or not an archive of arrays.
    """
    where = shown(str(path), 400)
    with open_regular(path, 2 * most) as stream:
        try:
            opened = zipfile.ZipFile(stream)
        except Exception as error:
            raise UserError(f"{where}: not a readable .npz archive ({_reason(error)})") from None
        try:
            with opened:
                yield Archive(opened, most)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None


def load(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a `.npz`.

    Raises:
        UserError: as `open_archive`.
    """
    with open_archive(path) as archive:
        return {name: archive[name] for name in archive.names}


def read_table(
    path: Path, kind: type[np.generic], *, most: int = MAX_NUMBERS, delimiter: str | None = None
) -> np.ndarray:
    """An array from `.npy`, `.npz` (its only one) or text, as it is stored or, from text, of the given `kind`.

    `most`: elements. Text has a row per line, `#` in front of comments, and is `[rows, columns]`.

    Raises:
        UserError: with the path: not such a file, damaged, or with more elements.
    """
    if path.suffix == ".npz":
        with open_archive(path) as archive:
            if len(archive.names) != 1:
                raise UserError(f"must hold one array, got {len(archive.names)}")
            name = next(iter(archive.names))
            try:
                _few(archive.header(name), most)
            except ValueError as error:
                raise UserError(str(error)) from None
            return archive[name]
    try:
        if path.suffix == ".npy":
            with open_regular(path, MAX_BYTES) as stream:
                return read_array(stream, os.fstat(stream.fileno()).st_size, most)
        lines = [line for line in read_text(path, MAX_TEXT).splitlines() if line.split("#", 1)[0].strip()]
        if not lines:
            return np.zeros((0, 0), kind)
        table = np.loadtxt(lines, dtype=kind, ndmin=2, delimiter=delimiter)
        _few(Header(table.shape, False, table.dtype), most)
        return table
    except UserError:
        raise
    except Exception as error:  # NumPy raises what it likes
        raise UserError(f"{shown(str(path), 400)}: {_reason(error)}") from None


def _few(header: Header, most: int) -> None:
    if header.elements > most:
        raise ValueError(f"has shape {shown(list(header.shape))}: more than the {most:,} values that are allowed")


def read_header(stream: IO[bytes], size: int) -> Header:
    """What a `.npy` of `size` bytes declares, if those bytes can hold it.

    Raises:
        ValueError: not a plain array, or a header that does not fit the bytes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a header that only Python 2 writes
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            found = np.lib.format.read_array_header_1_0(stream, max_header_size=_LONGEST_HEADER)
        elif version == (2, 0):
            found = np.lib.format.read_array_header_2_0(stream, max_header_size=_LONGEST_HEADER)
        else:
            raise ValueError(f"version {version} of the .npy format is for arrays with named fields")
    header = Header(*found)
    if header.dtype.hasobject:
        raise ValueError("not a plain array: it holds Python objects")
    if not header.dtype.itemsize:
        raise ValueError(f"its header declares the type {header.dtype}, which takes no bytes")
    if any(n < 0 for n in header.shape):
        raise ValueError(f"its header declares the shape {list(header.shape)}")
    declared = header.elements * header.dtype.itemsize
    if declared > size:
        raise ValueError(f"its header declares {declared:,} bytes, the file has at most {size:,}")
    return header


def read_array(stream: IO[bytes], size: int, most: int | None = None) -> np.ndarray:
    """The array of a `.npy` of `size` bytes, of at most `most` elements.

    Raises:
        ValueError: as `read_header`, more elements, or it ends too early. Broken compression raises what it likes.
    """
    header = read_header(stream, size)
    if most is not None:
        _few(header, most)
    if not header.elements:
        return np.zeros(header.shape, header.dtype)
    flat = np.empty(header.elements, header.dtype)
    content = flat.view(np.uint8).data
    there = 0
    while there < len(content):
        piece = stream.read(min(2**20, len(content) - there))
        if not piece:
            raise ValueError(f"ends after {there:,} of {len(content):,} bytes")
        content[there : there + len(piece)] = piece
        there += len(piece)
    return flat.reshape(header.shape, order="F" if header.by_column else "C")


def shown(value: object, most: int = 80) -> str:
    """A value from a file as a message may show it: escaped, in one line, and not too much of it."""
    text = repr(value) if not isinstance(value, str) or not value.isprintable() else value
    return text if len(text) <= most else f"{text[:most]}..."


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return shown(" ".join(str(error).split()) or type(error).__name__, 200)
