"""How commands of a campaign are run, what they may end in, and how failures are reported."""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS, MEGABYTES, CHARACTERS = 20.0, 2048, 6000
"""What a malformed input may cost at most, and how much may be said about it."""

# The marker says that Python is up and the command line is responsible. A process that was started in the background
# may have inherited "ignore SIGINT".
ENTRY = """
import pathlib, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
marker = sys.argv.pop(1)
import erbp_jax.__main__ as command
answer = command._code
command._code = lambda work: (pathlib.Path(marker).touch(), answer(work))[1]
command.entry()
"""


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code (minus the signal that ended it), what it said, what it took."""

    code: int
    out: str
    err: str
    seconds: float = 0.0
    megabytes: float = 0.0

    @property
    def text(self) -> str:
        return self.out + self.err


class Command:
    """`erbp-jax ARGUMENTS` in a process of its own, with what it says in files, so that no pipe holds it up."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        logs: Path,
        cwd: Path | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._marker, self._out, self._err = logs / "marker", logs / "out", logs / "err"
        self._marker.unlink(missing_ok=True)
        self.arguments = [str(a) for a in arguments]
        self.megabytes = 0.0
        self._began = time.monotonic()
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-c", ENTRY, str(self._marker), *self.arguments],
                env={**environment(), **(extra or {})}, cwd=cwd, stdout=out, stderr=err, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    @property
    def up(self) -> bool:
        """Whether it has come as far as the command line."""
        return self._marker.exists()

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def send(self, number: int) -> None:
        if not self.ended:
            self.process.send_signal(number)

    def wait(self, seconds: float, megabytes: float = float("inf"), poll: float = 0.02) -> Outcome:
        """The outcome; a process that takes too long or too much is killed, and what it took says so."""
        while not self.ended:
            self.megabytes = max(self.megabytes, peak_megabytes(self.process.pid))
            if self.megabytes > megabytes or time.monotonic() - self._began > seconds:
                self.process.kill()
                break
            time.sleep(poll)
        code = self.process.wait(60)
        out, err = (p.read_text(errors="replace") for p in (self._out, self._err))
        return Outcome(code, out, err, time.monotonic() - self._began, self.megabytes)


def environment() -> dict[str, str]:
    """One compilation cache for all commands, so that they start at once; the CPU, the same output everywhere."""
    cache = os.environ.get("JAX_COMPILATION_CACHE_DIR") or str(Path.home() / ".cache" / "erbp_jax" / "campaign-xla")
    settings = {
        "JAX_COMPILATION_CACHE_DIR": cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "JAX_PLATFORMS": "cpu",
        "COLUMNS": "200",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    return {**os.environ, **settings}


def peak_megabytes(pid: int) -> float:
    """The most memory that a process has held, 0 if it is gone. Linux."""
    return status(pid, "VmHWM") / 1024


def status(pid: int, name: str) -> int:
    """A number of `/proc/PID/status`, 0 if there is none."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name + ":")), 0)


def fault(outcome: Outcome, codes: Sequence[int] = (0, 2), seconds: float = SECONDS) -> str | None:
    """What is wrong with how a command ended; None if it is one of the outcomes that are allowed.

    0: it was valid after all. 2: one message that begins with `error: `. 1: training diverged, `stopped: `.
    """
    if outcome.seconds > seconds or outcome.megabytes > MEGABYTES:
        return f"took {outcome.seconds:.0f} s and {outcome.megabytes:.0f} MB"
    if "Traceback" in outcome.text:
        return "a traceback"
    if outcome.code not in (*codes, 1):
        return f"exit code {outcome.code}"
    lines = outcome.err.splitlines()
    messages = [line for line in lines if line.startswith(("error: ", "stopped: "))]
    if outcome.code == 0:
        return None if not messages else f"exit code 0 with {messages[0][:80]!r}"
    if len(messages) != 1:
        return f"exit code {outcome.code} with {len(messages)} messages"
    if outcome.code == 1 and not messages[0].startswith("stopped: ") and 1 not in codes:
        return "exit code 1 without `stopped: `"
    if len(outcome.text) > CHARACTERS:
        return f"a message of {len(outcome.text)} characters"
    return None


@dataclass
class Report:
    """Counts what was tried and tells what failed, each failure with the command that shows it again."""

    name: str
    failures: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def failed(self, what: str, again: str, outcome: Outcome | None = None) -> None:
        said = "" if outcome is None else "\n".join("    | " + x[:160] for x in outcome.text.strip().splitlines()[-12:])
        self.failures.append(what)
        print(f"FAILED {what}\n    {again}\n{said}", flush=True)

    def close(self, summary: str, seed: int) -> int:
        """Print the one line; returns the exit code."""
        minutes = (time.monotonic() - self.began) / 60
        print(f"{self.name}: {summary}, {len(self.failures)} failed (seed {seed}, {minutes:.1f} min)", flush=True)
        return int(bool(self.failures))


def parser(description: str | None, count: int) -> argparse.ArgumentParser:
    """The options that all campaigns have."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=count)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", type=Path, help="keep what was made there [default: a temporary folder]")
    return options


def line(*words: object) -> str:
    return shlex.join(str(w) for w in words)


def name_of(number: int) -> str:
    return signal.Signals(number).name
