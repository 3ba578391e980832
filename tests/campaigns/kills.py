"""Runs that are killed at random moments, and gone on with, end as the undisturbed run does.

    python -m tests.campaigns.kills [--count 200] [--seed 0] [--jobs 2] [--only VARIANT ...] [--out FOLDER]

A life is a small training that is killed, gone on with, killed again, until it ends. Moments are drawn uniformly in
time, or aimed at the n-th change of a file of the run: checkpoints, metrics, weights, summary, pictures. Signals:
SIGKILL, SIGTERM, SIGSTOP before SIGKILL, SIGINT once, twice, twenty times. `--count` is the number of kills that hit.

Allowed: the signal's own exit code; for SIGINT 130 and one line `interrupted...`; never a traceback. At the end
weights, metrics and summary equal the reference's but for times, and so do the pictures and the names of all files.
"""

import json
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.campaigns.outcome import ROOT, Command, Outcome, Report, line, parser

SMALL = (
    "data.train_size=200", "data.test_size=60", "encoding.steps=10", "rule.burn_in=0", "network.layers=[64,20,10]",
    "training.epochs=4", "training.checkpoint_every=0.5", "training.alignment=true",
)  # fmt: skip
MAPS = (
    "data.train_size=100", "data.test_size=40", "encoding.steps=10", "rule.burn_in=0", "training.epochs=4",
    "training.checkpoint_every=0.5",
)  # fmt: skip
GRADIENT = tuple(x for x in SMALL if not x.startswith("rule."))
DIGITS = ROOT / "configs" / "digits.yaml"
VARIANTS: dict[str, tuple[Any, ...]] = {
    "plain": ("train", DIGITS, *SMALL),
    "seeds": ("train", DIGITS, *SMALL, "training.seeds=2", "optimizer.average=1", "optimizer.momentum=0.5"),
    "bits": (
        "train", DIGITS, *SMALL, "precision.weight_bits=8", "precision.rounding=stochastic",
        "training.reset_state=false", "optimizer.accumulate=2",
    ),
    "readouts": (
        "train", DIGITS, *SMALL, "rule.errors=learned", "rule.kind=perbp", "network.transmission.p=0.875",
    ),
    "through-time": ("train", DIGITS, *GRADIENT, "rule.kind=bp", "data.shift=1"),
    "maps": ("train", ROOT / "configs" / "digits_conv.yaml", *MAPS),
    "compare": (
        "compare", ROOT / "configs" / "digits_rules.yaml", *GRADIENT, "--rules", "rbp,bp_spiking", "--seeds", "2",
    ),
}  # fmt: skip

BLOWS: dict[str, tuple[int, ...]] = {
    "SIGKILL": (signal.SIGKILL,),
    "SIGTERM": (signal.SIGTERM,),
    "SIGSTOP, SIGKILL": (signal.SIGSTOP, signal.SIGKILL),
    "SIGINT": (signal.SIGINT,),
    "SIGINT twice": (signal.SIGINT,) * 2,
    "SIGINT 20 times": (signal.SIGINT,) * 20,
}
WEIGHTS = (10, 2, 2, 3, 2, 1)
TIMED_PICTURES = ("comparison.png",)
"""Pictures that may have a time on an axis: there, but not pixel by pixel the same."""
LONGEST = 400.0


@dataclass(frozen=True)
class Reference:
    """The undisturbed run of a variant."""

    folder: Path
    seconds: float
    changes: int  # of its files, as `snapshot` sees them


@dataclass
class Life:
    """What became of a run that was killed again and again."""

    kills: int = 0
    fault: str | None = None
    outcome: Outcome | None = None


def snapshot(folder: Path) -> frozenset[tuple[str, int]]:
    """Names and times of change of a run's files and of its checkpoints' folders."""
    found = []
    for pattern in ("*", "checkpoints/*", "cells/*/*", "cells/*/checkpoints/*"):
        for path in folder.glob(pattern):
            try:
                found.append((str(path), path.lstat().st_mtime_ns))
            except OSError:  # gone in between
                continue
    return frozenset(found)


def watched(command: Command, folder: Path, changes: float, seconds: float, poll: float = 0.001) -> int:
    """Wait for that many changes of the files or until the time is over or the command ends; changes seen."""
    seen, before, end = 0, snapshot(folder), time.monotonic() + seconds
    while seen < changes and time.monotonic() < end and not command.ended:
        time.sleep(poll)
        now = snapshot(folder)
        seen, before = seen + len(now - before), now
    return seen


def arguments(variant: str, folder: Path) -> list[str | Path]:
    """The command that begins a run, or goes on with what is there of it."""
    begin = [*VARIANTS[variant], "--out", folder]
    going_on = begin[0] == "train" and (folder / "config.yaml").is_file()
    return ["resume", folder] if going_on else begin


def reference(variant: str, folder: Path, *, twice: bool = True) -> Reference:
    """The undisturbed run; `twice`, because the first one fills the compilation cache, and to see that they are equal.

    Raises:
        RuntimeError: it does not even end undisturbed.
    """
    took, changes = 0.0, 0
    for name in ("first", "reference") if twice else ("reference",):
        where = folder / name
        command = Command(arguments(variant, where), folder / f"{name}-logs")
        changes = watched(command, where, float("inf"), LONGEST, poll=0.005)
        outcome = command.wait(LONGEST)
        took = outcome.seconds
        if outcome.code or "Traceback" in outcome.text:
            raise RuntimeError(f"{variant}: the undisturbed run fails\n{outcome.text[-2000:]}")
    if twice and (found := different(folder / "first", folder / "reference")):
        raise RuntimeError(f"{variant}: two undisturbed runs differ: {found}")
    return Reference(folder / "reference", took, changes)


def live(variant: str, seed: str, reference: Reference, folder: Path) -> Life:
    """One life; all that it tries follows from its seed."""
    draw, life, run = random.Random(seed), Life(), folder / "run"
    for blow in range(draw.randint(1, 4)):
        name = draw.choices(list(BLOWS), WEIGHTS)[0]
        aimed, share, wait = draw.random() < 0.6, draw.random(), draw.random()
        changes = max(1, round(share * reference.changes / (1 + blow)))  # a run that goes on has less before it
        seconds = LONGEST if aimed else max(0.5, share * reference.seconds)
        command = Command(arguments(variant, run), folder / f"logs{blow}")
        watched(command, run, changes if aimed else float("inf"), seconds, poll=0.001 if aimed else 0.01)
        time.sleep(0.02 * wait if aimed else 0)
        numbers = BLOWS[name]
        while signal.SIGINT in numbers and not command.up and not command.ended:
            time.sleep(0.005)  # before that it is Python's own start that would be interrupted
        alive = not command.ended
        for number in numbers:
            command.send(number)
            time.sleep(0.01)
        outcome = command.wait(LONGEST)
        life.fault = wrong_end(name, outcome)
        life.outcome = outcome
        life.kills += alive and outcome.code != 0
        if life.fault:
            life.fault = f"{name} after {'change ' + str(changes) if aimed else f'{seconds:.1f} s'}: {life.fault}"
            return life
    for again in ("end", "again"):  # the last one has nothing to do, and must say so
        life.outcome = Command(arguments(variant, run), folder / f"logs-{again}").wait(LONGEST)
        if life.outcome.code or "Traceback" in life.outcome.text:
            life.fault = f"going on ends with exit code {life.outcome.code}"
            return life
    life.fault = different(reference.folder, run)
    return life


def wrong_end(blow: str, outcome: Outcome) -> str | None:
    """What is wrong with how a killed command ended; one that was quicker than the signal may have ended well."""
    if "Traceback" in outcome.text:
        return "a traceback"
    if outcome.code == 0:
        return None
    if blow.startswith("SIGINT"):
        said = [x for x in outcome.text.splitlines() if x.startswith("interrupted")]
        if outcome.code != 130 or len(said) != 1:
            return f"exit code {outcome.code}, {len(said)} lines `interrupted...`"
        return None
    wanted = -BLOWS[blow][-1]
    return None if outcome.code == wanted else f"exit code {outcome.code}, wanted {wanted}"


def different(a: Path, b: Path) -> str | None:
    """In what two finished runs (or comparisons) differ, but for times."""
    names = [{p.relative_to(x).as_posix() for p in files_of(x)} for x in (a, b)]
    if apart := names[0] ^ names[1]:
        return f"only in one of them: {', '.join(sorted(apart)[:5])}"
    for step in (p for x in b.rglob("checkpoints") for p in x.iterdir()):
        if not step.name.isdigit():
            return f"left behind: {step.relative_to(b)}"
    for name in sorted(names[0]):
        one, other = a / name, b / name
        if name.endswith(".npz") and not same_arrays(one, other):
            return f"{name} differs"
        if name.endswith(("metrics.jsonl", "summary.json")) and timeless(one) != timeless(other):
            return f"{name} differs"
        if name.endswith("config.yaml") and one.read_bytes() != other.read_bytes():
            return f"{name} differs"
        if name.endswith(".png") and Path(name).name not in TIMED_PICTURES and not same_picture(one, other):
            return f"{name} differs"
    return None


def files_of(folder: Path) -> Iterator[Path]:
    """All files but those inside of checkpoints and the lock."""
    for path in folder.rglob("*"):
        if path.is_file() and "checkpoints" not in path.parts and path.name != ".lock":
            yield path


def same_arrays(a: Path, b: Path) -> bool:
    with np.load(a, allow_pickle=False) as one, np.load(b, allow_pickle=False) as other:
        return one.files == other.files and all(np.array_equal(one[n], other[n], equal_nan=True) for n in one.files)


def same_picture(a: Path, b: Path) -> bool:
    if a.read_bytes() == b.read_bytes():
        return True
    from matplotlib.image import imread

    return np.array_equal(imread(a), imread(b))


def timeless(path: Path) -> list[Any]:
    """The JSON of a file, a value per line, without what depends on the clock."""
    text = path.read_text()
    values = [json.loads(x) for x in text.splitlines()] if path.suffix == ".jsonl" else [json.loads(text)]
    return [_without_times(v) for v in values]


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_times(v) for k, v in value.items() if not k.endswith(("seconds", "per_second"))}
    return value


def campaign(
    count: int,
    seed: int,
    out: Path,
    *,
    jobs: int = 2,
    variants: tuple[str, ...] = tuple(VARIANTS),
    most: int | None = None,
    twice: bool = True,
) -> int:
    """Lives until that many kills have hit; the exit code."""
    report, guard = Report("kills"), threading.Lock()
    references: dict[str, Reference] = {}
    for variant in variants:
        try:
            references[variant] = reference(variant, out / variant, twice=twice)
        except RuntimeError as error:
            report.failed(str(error), line("erbp-jax", *arguments(variant, Path("RUN"))))
    kills = lives = identical = 0
    order = list(references)
    most = 3 * count if most is None else most
    numbers = iter(range(most if order else 0))

    def work() -> None:
        nonlocal kills, lives, identical
        while True:
            with guard:
                number = next(numbers, None) if kills < count else None
            if number is None:
                return
            variant, folder = order[number % len(order)], out / f"life{number}"
            life = live(variant, f"{seed}/{number}", references[variant], folder)
            with guard:
                lives, kills, identical = lives + 1, kills + life.kills, identical + (life.fault is None)
                if life.fault:
                    again = f"python -m tests.campaigns.kills --seed {seed} --life {number} --only {' '.join(order)}"
                    report.failed(f"life {number} ({variant}): {life.fault}", again, life.outcome)
                else:
                    shutil.rmtree(folder, ignore_errors=True)

    with ThreadPoolExecutor(jobs) as pool:
        for done in [pool.submit(work) for _ in range(jobs)]:
            done.result()
    return report.close(f"{kills} kills in {lives} lives, {identical} identical", seed)


def main() -> int:
    options = parser(__doc__, 200)
    options.add_argument("--jobs", type=int, default=2, help="lives side by side")
    options.add_argument("--only", nargs="+", default=list(VARIANTS), choices=list(VARIANTS), metavar="VARIANT")
    options.add_argument("--life", type=int, help="this one alone, as a failure names it")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as temporary:
        out = given.out or Path(temporary)
        if given.life is None:
            return campaign(given.count, given.seed, out, jobs=given.jobs, variants=tuple(given.only))
        variant = given.only[given.life % len(given.only)]
        folder = Path(tempfile.mkdtemp(prefix="life-", dir=given.out))
        life = live(variant, f"{given.seed}/{given.life}", reference(variant, out / variant), folder)
        print(f"life {given.life} ({variant}): {life.fault or 'identical'}; {folder}")
        return int(life.fault is not None)


if __name__ == "__main__":
    sys.exit(main())
