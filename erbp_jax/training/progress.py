"""What a person sees while training runs: a bar on a terminal, a line per epoch elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Reporter:
    """Counts samples and prints epochs."""

    def __init__(self, progress: Progress | None, console: Console, label: str, total: int, done: int) -> None:
        self._progress, self._console = progress, console
        self._task = progress.add_task(label, total=total, completed=done, note="") if progress else None

    def advance(self, samples: int, note: str) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, advance=samples, note=note)

    def line(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """What should be read even where nothing else is told."""
        self.line(text)


class _Silent(Reporter):
    """Tells nothing but warnings, on standard error."""

    def __init__(self) -> None: ...

    def advance(self, samples: int, note: str) -> None: ...

    def line(self, text: str) -> None: ...

    def warn(self, text: str) -> None:
        print(text, file=sys.stderr)


@contextmanager
def reporting(label: str, total: int, done: int) -> Iterator[Reporter]:
    """A reporter for `total` samples, `done` of which were seen by an earlier run."""
    console = Console(file=sys.stdout)
    if not console.is_terminal:
        yield Reporter(None, console, label, total, done)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console) as progress:
        yield Reporter(progress, console, label, total, done)


@contextmanager
def quiet() -> Iterator["Reporter"]:
    """A reporter that tells nothing but warnings."""
    yield _Silent()


@contextmanager
def busy(text: str) -> Iterator[None]:
    """Say what takes a while: a spinner on a terminal, a line elsewhere."""
    console = Console(file=sys.stdout)
    if console.is_terminal:
        with console.status(text):
            yield
    else:
        console.print(text, highlight=False, markup=False)
        yield


class Stopwatch:
    """Seconds spent in parts of the work, added up by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began
