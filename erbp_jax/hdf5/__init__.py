"""HDF5 files that nobody vouches for, read by a process of their own.

A damaged file can keep the C library behind h5py busy for ever, or crash it; no Python code can stop it there. This
process never opens the file. It asks another one, which it can end.
"""

import importlib.util
import io
import json
import os
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.errors import UserError

SECONDS = 30.0
"""What one answer may take. A recording is read in less than a millisecond."""
CHILD = Path(__file__).with_name("child.py")


class About(NamedTuple):
    """What a file says of an array."""

    shape: tuple[int, ...]
    dtype: str
    kind: str
    """NumPy's letter of the type; `O` for lists of different lengths."""


class HDF5File:
    """The names and arrays of a file. Messages have no path in front.

    The reading process starts when it is first asked, and ends with `close` or with this object. A file that it failed
    to read within `SECONDS`, or that crashed it, is refused from then on.

    Raises:
        UserError: h5py is not installed; when the file is read, what is wrong with it.
    """

    def __init__(self, path: Path | str) -> None:
        if importlib.util.find_spec("h5py") is None:
            raise UserError("HDF5 needs h5py: pip install 'erbp-jax[events]'")
        self.path, self._lock, self._failed = Path(path), threading.Lock(), ""
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def names(self) -> list[str]:
        """What is at the top."""
        return json.loads(self._ask("names"))

    def about(self, name: str) -> About | None:
        """The shape and type of an array; None if there is no array of that name."""
        found = json.loads(self._ask("about", name=name))
        return None if found is None else About(tuple(found[0]), *found[1:])

    def array(self, name: str, at: int | None = None) -> np.ndarray:
        """An array, or its element `at`, which is an array if the elements are lists."""
        return np.load(io.BytesIO(self._ask("array", name=name, at=at)), allow_pickle=False)

    def copy(self, name: str) -> bytes:
        """A new HDF5 file that holds a group and all below it, written from what was read."""
        return self._ask("copy", name=name)

    def close(self) -> None:
        """End the process, which has the file open; a further question starts another."""
        if self._process is not None and self._owner == os.getpid():
            _end(self._process)
        self._process = None

    def _ask(self, what: str, **arguments: Any) -> bytes:
        with self._lock:
            if self._failed:
                raise UserError(self._failed)
            process = self._started()
            late = threading.Event()
            timer = threading.Timer(SECONDS, lambda: (late.set(), process.kill()))
            timer.daemon = True
            timer.start()
            answer = b""
            try:
                answer = _exchanged(process, json.dumps([what, arguments]).encode() + b"\n")
            finally:
                timer.cancel()
                if not answer:  # it ended, or this process was interrupted in between
                    self.close()
            if not answer:
                self._failed = "damaged: HDF5's library " + (
                    f"did not finish reading it within {SECONDS:g} s" if late.is_set() else "crashed when it read it"
                )
                raise UserError(self._failed)
        if answer[:1] == b"!":
            raise UserError(shown(answer[1:].decode("utf-8", "replace"), 300))
        return answer[1:]

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._owner != os.getpid():  # after a fork each process has its own
            try:
                process = subprocess.Popen(
                    [sys.executable, "-P", str(CHILD), str(self.path)],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            except OSError as error:
                raise UserError(f"cannot be read: a process for it does not start ({error.strerror})") from None
            self._process, self._owner = process, os.getpid()
            weakref.finalize(self, _end, process)
        return self._process


def _exchanged(process: "subprocess.Popen[bytes]", request: bytes) -> bytes:
    """A mark and the answer behind it; nothing if the process ended before."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(request)
        process.stdin.flush()
        size = process.stdout.read(8)
        answer = process.stdout.read(int.from_bytes(size, "little"))
    except OSError:
        return b""
    return answer if len(size) == 8 and len(answer) == int.from_bytes(size, "little") else b""


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):  # the request was not sent in full
                stream.close()
