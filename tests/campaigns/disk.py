"""A disk that is full, or may not be written: one message, nothing lost, and with room made the run ends identical.

    python -m tests.campaigns.disk [--count 20] [--seed 0] [--out FOLDER]

Every command that writes, on a small tmpfs (where root may mount one; elsewhere no file may grow beyond that size,
which ends in the same kind of error), at sizes from 4k to 1M that the seed draws; read-only folders; `/dev/full` as
standard output. Allowed: exit code 0 where it fitted; else 1 or 2 with one message, without a traceback. A training
that ran out of room is gone on with where there is room, and has to equal the undisturbed one.
"""

import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.campaigns.fuzz import GOLDEN
from tests.campaigns.kills import DIGITS, GRADIENT, SMALL, different
from tests.campaigns.outcome import ROOT, Command, Outcome, Report, environment, fault, line, parser

LONGEST = 400.0
PROGRAM = GOLDEN / "case_09_stdp_linear.npz"


def may_mount() -> bool:
    """Whether a tmpfs can be mounted here."""
    with tempfile.TemporaryDirectory(prefix="disk-") as folder:
        try:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return False
        subprocess.run(["umount", folder], check=True)
    return True


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Callable[[int], None]]:
    """A tmpfs of that size there; what is yielded gives it another size."""
    folder.mkdir(parents=True, exist_ok=True)
    size = ["-o", f"size={kilobytes}k"]
    subprocess.run(["mount", "-t", "tmpfs", *size, "tmpfs", str(folder)], check=True)

    def resize(wanted: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={wanted}k", str(folder)], check=True)

    try:
        yield resize
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def small_files(kilobytes: int) -> Iterator[None]:
    """No file of a process that is started here may grow beyond that; Python ignores the signal and gets an error."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * kilobytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def commands(run: Path, out: Path) -> dict[str, list[str | Path]]:
    """The commands that write; `run` is a finished one for those that need it."""
    return {
        "train": ["train", DIGITS, *SMALL, "--out", out],
        "compare": [
            "compare", ROOT / "configs" / "digits_rules.yaml", *GRADIENT, "training.epochs=2",
            "--rules", "bp", "--seeds", "1", "--out", out,
        ],
        "simulate": ["simulate", "lif/step", "duration=300", "--out", out],
        "nsat run": ["nsat", "run", PROGRAM, "--ticks", "400", "--out", out],
        "nsat compile": ["nsat", "compile", run, "--samples", "20", "--out", out / "p.npz"],
        "evaluate": ["evaluate", run],
        "evaluate further": ["evaluate", run, "--anytime", "--weight-bits", "4"],
        "resume": ["resume", run],
    }  # fmt: skip


def campaign(count: int, seed: int, out: Path, *, only: Sequence[str] = (), others: bool = True) -> int:
    """That many commands on small disks, then, if wanted, the others; the exit code."""
    report, draw, mounted = Report("disk"), random.Random(seed), may_mount()
    if not mounted:
        print("disk: no tmpfs may be mounted here; files are kept small by a limit instead")
    whole, cut = out / "whole", out / "cut"
    names = list(only) or list(commands(cut, out))
    if others or not {"simulate", "nsat run"}.issuperset(names):
        outcome = Command(["train", DIGITS, *SMALL, "--out", whole], out / "logs").wait(LONGEST)
        if outcome.code:
            report.failed("the undisturbed run fails", line("erbp-jax", "train", DIGITS, *SMALL), outcome)
            return report.close("nothing was tried", seed)
        shutil.copytree(whole, cut)
        shutil.rmtree(max((cut / "checkpoints").iterdir(), key=lambda p: int(p.name)))
        for name in ("summary.json", "weights.npz", *(p.name for p in cut.glob("*.png"))):
            (cut / name).unlink()

    ends: list[int] = []
    for number in range(count):
        name, kilobytes = names[number % len(names)], round(4 * 256 ** draw.random())
        ends.append(_full(name, kilobytes, number, out, whole, cut, report, mounted))
    more = _read_only(out, whole, report) + _dev_full(out, report) if others else 0
    failed = sum(code != 0 for code in ends)
    summary = f"{len(ends)} commands on small disks, {failed} ran out of room, {more} others"
    return report.close(summary, seed)


def _full(
    name: str, kilobytes: int, number: int, out: Path, whole: Path, cut: Path, report: Report, mounted: bool
) -> int:
    """One command on a small disk, then with room; its exit code."""
    place, logs = out / f"disk{number}", out / f"logs{number}"
    needs_run = name.startswith(("evaluate", "resume"))
    source = whole if name.startswith("evaluate") else cut
    # A run that is worked on lies on the disk, which has that much left.
    held = sum(-(-p.stat().st_size // 4096) * 4 + 4 for p in source.rglob("*")) if needs_run else 0

    def go() -> tuple[Outcome, list[str | Path]]:
        run = place / "run"
        if needs_run:
            shutil.copytree(source, run)
        command = commands(run if needs_run else whole, place / "out")[name]
        if mounted:
            return Command(command, logs).wait(LONGEST), command
        with small_files(kilobytes):
            return Command(command, logs).wait(LONGEST), command

    def judge(outcome: Outcome, command: list[str | Path]) -> None:
        again = f"(on a disk with {kilobytes}k left) " + line("erbp-jax", *command)
        if wrong := fault(outcome, (0, 1, 2), LONGEST):
            report.failed(f"{name} with {kilobytes}k: {wrong}", again, outcome)

    def end(command: list[str | Path]) -> None:
        """With room: what can be gone on with ends as if nothing had been."""
        run = place / ("run" if name == "resume" else "out")
        going_on: list[str | Path] = ["resume", run] if (run / "config.yaml").is_file() else command
        outcome = Command(going_on, logs).wait(LONGEST)
        wrong = fault(outcome, (0,), LONGEST) or different(whole, run)
        if wrong:
            report.failed(f"{name} with {kilobytes}k, then with room: {wrong}", line("erbp-jax", *going_on), outcome)

    if mounted:
        with small_disk(place, kilobytes + held) as resize:
            outcome, command = go()
            judge(outcome, command)
            if name in ("train", "resume"):
                resize(100_000)
                end(command)
    else:
        place.mkdir()
        outcome, command = go()
        judge(outcome, command)
        if name in ("train", "resume"):
            end(command)
    shutil.rmtree(place, ignore_errors=True)
    return outcome.code


def _read_only(out: Path, whole: Path, report: Report) -> int:
    """Folders that may not be written; a mount where root writes anywhere. How many were tried."""
    place, tried = out / "read-only", 0
    place.mkdir()
    shutil.copytree(whole, place / "run")
    root = os.geteuid() == 0
    if root and not may_mount():
        print("disk: read-only folders were left out: root writes anywhere, and nothing may be mounted")
        return 0
    if root:
        subprocess.run(["mount", "--bind", str(place), str(place)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True)
    else:
        for path in (place / "run", place):
            path.chmod(0o555)
    try:
        for name, command in commands(place / "run", place / "out").items():
            tried += 1
            outcome = Command(command, out / "logs-ro").wait(LONGEST)
            if wrong := fault(outcome, (0, 1, 2), LONGEST):
                report.failed(f"{name} in a read-only folder: {wrong}", line("erbp-jax", *command), outcome)
    finally:
        if root:
            subprocess.run(["umount", "-l", str(place)], check=True)
        else:
            for path in (place, place / "run"):
                path.chmod(0o755)
    return tried


def _dev_full(out: Path, report: Report) -> int:
    """Standard output on a full device. How many were tried."""
    tried = 0
    for name, command in commands(out / "whole", out / "full").items():
        if name in ("compare", "evaluate further", "nsat compile"):
            continue
        tried += 1
        full = ["sh", "-c", '"$@" > /dev/full', "sh", sys.executable, "-m", "erbp_jax", *map(str, command)]
        done = subprocess.run(full, env=environment(), capture_output=True, text=True, timeout=LONGEST, check=False)
        outcome = Outcome(done.returncode, done.stdout, done.stderr)
        if wrong := fault(outcome, (0, 1, 2), LONGEST):
            report.failed(f"{name} > /dev/full: {wrong}", line("erbp-jax", *command) + " > /dev/full", outcome)
        shutil.rmtree(out / "full", ignore_errors=True)
    return tried


def main() -> int:
    given = parser(__doc__, 20).parse_args()
    with tempfile.TemporaryDirectory(prefix="disk-") as temporary:
        return campaign(given.count, given.seed, given.out or Path(temporary))


if __name__ == "__main__":
    sys.exit(main())
