"""Ctrl-C: heard at any moment, never lost, and held back where it would do harm.

Python turns Ctrl-C into an exception wherever the main thread happens to be. Inside a callback of a compiled library
that exception is printed and forgotten; inside a save it leaves the save half done. While `listening`, every Ctrl-C is
remembered as well: `check` raises one that was swallowed, and `held` puts one off to the end of a block.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class _Heard:
    """What the signal handler and the main thread tell each other."""

    def __init__(self) -> None:
        self.asked = False
        self.holding = 0


_heard = _Heard()


def _hear(number: int, frame: FrameType | None) -> None:
    del number, frame
    _heard.asked = True
    if not _heard.holding:
        raise KeyboardInterrupt


@contextmanager
def listening(*, to_the_end: bool = False) -> Iterator[None]:
    """Remember every Ctrl-C until the end of the block. Does nothing outside of the main thread.

    With `to_the_end` the process ends after the block, and no Ctrl-C disturbs that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:  # as the shell starts a job in the background: so it stays
        yield
        return
    _heard.asked, _heard.holding = False, 0
    signal.signal(signal.SIGINT, _hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN if to_the_end else before)
        _heard.asked = False


def asked() -> bool:
    """Whether a Ctrl-C came since `listening` began."""
    return _heard.asked


def check() -> None:
    """Raise a Ctrl-C that came earlier and was swallowed on its way.

    Raises:
        KeyboardInterrupt: one came.
    """
    if _heard.asked and not _heard.holding:
        raise KeyboardInterrupt


@contextmanager
def held() -> Iterator[None]:
    """Let nothing interrupt the block; a Ctrl-C that comes meanwhile is for the next `check`."""
    _heard.holding += 1
    try:
        yield
    finally:
        _heard.holding -= 1
