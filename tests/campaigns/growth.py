"""Memory, file handles, threads and compilations over many epochs: they do not grow.

    python -m tests.campaigns.growth [--count 10000] [--seed 0] [--out FOLDER]

One training of so many tiny epochs, through the command line, with checkpoints. Between the third tenth of the
epochs and the last one the resident memory grows by at most `GROWN` MB and twice the metrics' size, file handles and
threads by no more than 2, and nothing is compiled.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.campaigns.outcome import ROOT, Command, Report, line, parser, status

GROWN = 24.0
"""MB, for what an allocator keeps: 3 were seen over 10,000 epochs."""
TINY = (
    "data.train_size=20", "data.test_size=10", "encoding.steps=5", "rule.burn_in=0", "network.layers=[64,5,10]",
    "training.batch_size=20",
)  # fmt: skip
COMPILED = "Compiling "
"""What JAX logs of a compilation with `JAX_LOG_COMPILES`."""


class Sample(NamedTuple):
    epochs: int
    megabytes: float
    handles: int
    threads: int
    compilations: int
    metrics: float  # MB of them


def sample(command: Command, run: Path, logs: Path, epochs: int) -> Sample:
    pid, metrics = command.process.pid, run / "metrics.jsonl"
    return Sample(
        epochs,
        status(pid, "VmRSS") / 1024,
        sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
        status(pid, "Threads"),
        (logs / "err").read_text(errors="replace").count(COMPILED),
        metrics.stat().st_size / 2**20,
    )


def campaign(count: int, seed: int, out: Path) -> int:
    """Train, look twice; the exit code."""
    report, run, logs = Report("growth"), out / "run", out / "logs"
    saved = max(1, count // 100)
    settings = (f"training.epochs={count}", f"training.checkpoint_every={saved}", f"seed={seed}", "--out", str(run))
    arguments = ["train", str(ROOT / "configs" / "digits.yaml"), *TINY, *settings]
    again = "JAX_LOG_COMPILES=1 " + line("erbp-jax", *arguments)
    command = Command(arguments, logs, extra={"JAX_LOG_COMPILES": "1"})
    windows: tuple[list[Sample], list[Sample]] = ([], [])
    done = 0
    while not command.ended and done < count:
        time.sleep(0.01)
        done = _epochs(run / "metrics.jsonl")
        # Not the last epochs: drawing comes after them, and compiles.
        place = 0 if 0.2 * count <= done < 0.3 * count else 1 if 0.9 * count <= done < count - 1 else None
        if place is not None and (not windows[place] or done > windows[place][-1].epochs):
            try:
                windows[place].append(sample(command, run, logs, done))
            except OSError:  # it ended in between
                break
    outcome = command.wait(600)
    if outcome.code or not all(windows):
        report.failed(f"exit code {outcome.code} after {done} epochs", again, outcome)
        return report.close("did not come to its end", seed)
    first, last = (at_rest(window) for window in windows)
    grown = last.megabytes - first.megabytes
    place = f"epochs {first.epochs} to {last.epochs}"
    if grown > GROWN + 2 * last.metrics:
        report.failed(f"{place}: memory {first.megabytes:.0f} -> {last.megabytes:.0f} MB", again)
    for what, a, b, more in (
        ("file handles", first.handles, last.handles, 2),
        ("threads", first.threads, last.threads, 2),
        ("compilations", first.compilations, last.compilations, 0),
    ):
        if b > a + more:
            report.failed(f"{place}: {what} {a} -> {b}", again)
    if not first.compilations:
        report.failed("no compilation was logged at all: the count is of nothing", again)
    return report.close(
        f"{count} epochs, memory {grown:+.1f} MB, file handles {last.handles - first.handles:+d}, "
        f"threads {last.threads - first.threads:+d}, {last.compilations - first.compilations} compilations",
        seed,
    )


def at_rest(samples: Sequence[Sample]) -> Sample:
    """The least of files and threads, of which a save in progress has some of its own; the most memory."""
    return samples[-1]._replace(
        megabytes=max(s.megabytes for s in samples),
        handles=min(s.handles for s in samples),
        threads=min(s.threads for s in samples),
    )


def _epochs(metrics: Path) -> int:
    """Whole lines there are, from the file's end: the last one says which epoch it is of."""
    try:
        with metrics.open("rb") as file:
            file.seek(max(0, metrics.stat().st_size - 4096))
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return 0
    start = b'{"epoch": '
    epochs = [int(x[len(start) :].split(b",")[0]) for x in lines if x.startswith(start)]
    return epochs[-1] if epochs else 0


def main() -> int:
    given = parser(__doc__, 10_000).parse_args()
    with tempfile.TemporaryDirectory(prefix="growth-") as temporary:
        return campaign(given.count, given.seed, given.out or Path(temporary))


if __name__ == "__main__":
    sys.exit(main())
