"""`erbp-jax` and `python -m erbp_jax`: run the command line, turn errors into messages and exit codes."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

from erbp_jax import interrupts

INTERRUPTED = 130


def entry() -> None:
    """What the shell calls: `main`, and then the end of the process, which a second Ctrl-C does not disturb."""
    main(to_the_end=True)


def main(*, to_the_end: bool = False) -> None:
    """Exit codes: 0 done, 2 the user's input is wrong, 130 Ctrl-C, 1 anything else; one message, no traceback."""

    def work() -> None:
        from erbp_jax.cli import app

        interrupts.check()  # an import may have swallowed one
        app()

    guarded(work, to_the_end=to_the_end)


def guarded(work: Callable[[], object], *, to_the_end: bool = False) -> None:
    """Call `work`; leave with the exit codes of the command line. For experiments that use its commands, too."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # not a test's stand-in
            stream.reconfigure(errors="backslashreplace")  # names of files are not always text
    with interrupts.listening(to_the_end=to_the_end):
        try:
            code = _code(work)
        except KeyboardInterrupt:  # a second one, while the first was being answered
            code = _say("interrupted", INTERRUPTED)
        with interrupts.held():
            _flush()
    sys.exit(code)


def _code(work: Callable[[], object]) -> int:
    """The exit code; what is to be said has been said."""
    from erbp_jax.errors import NonFiniteError, StoppedError, UserError

    try:
        work()
    except SystemExit as stop:  # how the command line's library ends, also on Ctrl-C
        if stop.code == INTERRUPTED:
            return _say("interrupted", INTERRUPTED)
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except StoppedError as stop:
        return _say(f"interrupted; {stop}", INTERRUPTED)
    except KeyboardInterrupt:
        return _say("interrupted", INTERRUPTED)
    except UserError as error:
        return _say(f"error: {error}", 2)
    except NonFiniteError as error:
        return _say(f"stopped: {error}", 1)
    except BrokenPipeError:
        return 1
    except OSError as error:
        return _say("\n".join((f"stopped: {_reason(error)}", *getattr(error, "__notes__", ()))), 1)
    except MemoryError:
        return _say("stopped: not enough memory", 1)
    except RuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return _say(f"stopped: not enough memory on the device: {str(error).splitlines()[0][:200]}", 1)
    return 0


def _reason(error: OSError) -> str:
    where = "" if error.filename is None else f": {error.filename}"
    return f"{error.strerror or error}{where}"


def _say(text: str, code: int) -> int:
    if sys.stderr is not None:
        with suppress(OSError):
            print(text, file=sys.stderr, flush=True)
    return code


def _flush() -> None:
    """Print what is left; a closed pipe or a full disk gets no second complaint at exit."""
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None where the shell closed it
        try:
            stream.flush()
        except (OSError, ValueError):
            _to_nowhere(stream)


def _to_nowhere(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    entry()
