"""HDF5 files that nobody vouches for, read by a process of their own.

A damaged file can keep the C library behind h5py busy for ever, or crash it; no Python code can stop it there. This
process never opens the file. It asks another one, which it can end.
"""

import importlib.util
import io
import json
import math
import os
import subprocess
import sys
import threading
import time
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
        self._running: tuple[subprocess.Popen[bytes], _Watch] | None = None
        self._owner = 0

    def names(self) -> list[str]:
        """What is at the top."""
        return json.loads(self._ask("names"))

    def about(self, name: str) -> About | None:
        """The shape and type of an array; None if there is no array of that name."""
        found = json.loads(self._ask("about", name=name))
        return None if found is None else About(tuple(found[0]), *found[1:])

    def arrays(self, *names: str, at: int | None = None) -> list[np.ndarray]:
        """Arrays, or the element `at` of each, which is an array if the elements are lists."""
        answer = io.BytesIO(self._ask("arrays", names=names, at=at))
        return [np.load(answer, allow_pickle=False) for _ in names]

    def copy(self, name: str) -> bytes:
        """A new HDF5 file that holds a group and all below it, written from what was read."""
        return self._ask("copy", name=name)

    def close(self) -> None:
        """End the process, which has the file open; a further question starts another."""
        if self._running is not None and self._owner == os.getpid():
            _end(self._running[0])
        self._running = None

    def _ask(self, what: str, **arguments: Any) -> bytes:
        with self._lock:
            if self._failed:
                raise UserError(self._failed)
            process, watch = self._started()
            answer = b""
            watch.until = time.monotonic() + SECONDS
            try:
                answer = _exchanged(process, json.dumps([what, arguments]).encode() + b"\n")
            finally:
                watch.until = math.inf
                if not answer:  # it ended, or this process was interrupted in between
                    self.close()
            if not answer:
                self._failed = "damaged: HDF5's library " + (
                    f"did not finish reading it within {SECONDS:g} s" if watch.late else "crashed when it read it"
                )
                raise UserError(self._failed)
        if answer[:1] == b"!":
            raise UserError(shown(answer[1:].decode("utf-8", "replace"), 300))
        return answer[1:]

    def _started(self) -> "tuple[subprocess.Popen[bytes], _Watch]":
        if self._running is None or self._owner != os.getpid():  # after a fork each process has its own
            try:
                process = subprocess.Popen(
                    [sys.executable, "-P", str(CHILD), str(self.path)],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            except OSError as error:
                raise UserError(f"cannot be read: a process for it does not start ({error.strerror})") from None
            watch = _Watch(process)
            watch.start()
            self._running, self._owner = (process, watch), os.getpid()
            weakref.finalize(self, _end, process)
        return self._running


class _Watch(threading.Thread):
    """Ends a process that is not done with a request at the time `until`; looks once in a while."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        super().__init__(daemon=True)
        self.process, self.until, self.late = process, math.inf, False

    def run(self) -> None:
        while self.process.poll() is None:
            if time.monotonic() > self.until:
                self.late = True
                self.process.kill()
                return
            time.sleep(min(0.5, SECONDS / 4))


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
