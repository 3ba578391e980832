"""Ctrl-C: heard at any moment, never lost, and held back where it would do harm.

Python turns Ctrl-C into an exception wherever the main thread is. Inside a callback, of a weak reference or of
a compiled library, that exception is printed and forgotten; inside a save it leaves the save half done; a second one
disturbs what answers the first. While `listening`, one that a callback swallows comes again a moment later, those that
follow at once are one with the first, `held` puts one off to the end of a block, and `check` raises what was put off.
"""

import _thread
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

TOGETHER = 1.0
"""Seconds in which several Ctrl-C are one."""
AGAIN = 0.05
"""Seconds after which one that a callback swallowed comes again."""


class _Heard:
    """What the signal handler and the main thread tell each other."""

    def __init__(self) -> None:
        self.asked = False
        self.holding = 0
        self.raised = -TOGETHER  # when


_heard = _Heard()


def _hear(number: int, frame: FrameType | None) -> None:
    del number, frame
    _heard.asked = True
    if not _heard.holding and time.monotonic() - _heard.raised >= TOGETHER:
        _raise()


def _raise() -> None:
    _heard.raised = time.monotonic()
    raise KeyboardInterrupt


@contextmanager
def listening(*, to_the_end: bool = False) -> Iterator[None]:
    """Remember every Ctrl-C until the end of the block. Does nothing outside of the main thread.

    With `to_the_end` the process ends after the block, and no Ctrl-C disturbs that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    if before is signal.SIG_IGN:  # as the shell starts a job in the background: so it stays
        yield
        return

    def unraisable(what: Any) -> None:
        if what.exc_type is not KeyboardInterrupt:
            hook(what)
            return
        _heard.raised = -TOGETHER
        again = threading.Timer(AGAIN, _thread.interrupt_main)
        again.daemon = True
        again.start()

    _heard.asked, _heard.holding, _heard.raised = False, 0, -TOGETHER
    sys.unraisablehook = unraisable
    signal.signal(signal.SIGINT, _hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN if to_the_end else before)
        sys.unraisablehook = hook
        _heard.asked = False


def check() -> None:
    """Raise a Ctrl-C that was put off, or swallowed on its way.

    Raises:
        KeyboardInterrupt: one came.
    """
    if _heard.asked and not _heard.holding:
        _raise()


@contextmanager
def held() -> Iterator[None]:
    """Let nothing interrupt the block; a Ctrl-C that comes meanwhile is for the next `check`."""
    _heard.holding += 1
    try:
        yield
    finally:
        _heard.holding -= 1
