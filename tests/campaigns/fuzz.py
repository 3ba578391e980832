"""Malformed inputs of every kind, each of which ends soon, with one message, and leaves nothing half-made.

    python -m tests.campaigns.fuzz [--count 2000] [--seed 0] [--only NUMBER ...] [--out FOLDER]

Configs, overrides, simulations, data files, programs, events, currents, damaged runs (`malformed.py`). Allowed: exit
code 0, for what is valid after all; 2 with one message `error: ...` of bounded length; 1 for a training that diverged,
`stopped: ...`. Within 20 s and 2 GB; no traceback; no file outside of `--out`; no folder that is half-made.

Most are tried in one process of workers, which goes through the command line's own entry and stops where a run would
begin to train; one in 50 really trains, and one in 50 has a process of its own.
"""

import contextlib
import io
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.campaigns.malformed import Material, Trial, trial
from tests.campaigns.outcome import (
    MEGABYTES,
    ROOT,
    SECONDS,
    Command,
    Outcome,
    Report,
    environment,
    fault,
    line,
    parser,
    status,
)

TRAINS, ALONE = 50, 50
"""One in so many really trains; one in so many has a process of its own."""
TRAINING_SECONDS = 120.0
"""For those that compile and train: they are valid, so the bound of a refusal is not theirs."""
GOLDEN = ROOT / "tests" / "golden" / "nsat"


class Worker:
    """A process that answers one trial after the other; it is ended, and a new one begun, if one costs too much."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, arguments: tuple[str, ...], cwd: Path, *, train: bool, seconds: float) -> Outcome:
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        before = status(process.pid, "VmRSS") / 1024
        began, peak = time.monotonic(), 0.0
        request = {"arguments": arguments, "cwd": str(cwd), "train": train}
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        reply, answers = b"", process.stdout.fileno()
        while not reply.endswith(b"\n"):
            if select.select([answers], [], [], 0.005)[0]:
                reply += os.read(answers, 2**20)
            peak = max(peak, status(process.pid, "VmRSS") / 1024 - before)
            took = time.monotonic() - began
            if peak > MEGABYTES or took > seconds + 2 or process.poll() is not None:
                process.kill()
                code = process.wait()
                self.close()
                return Outcome(code, "", "(the process was ended, or died)", took, peak)
        answer = json.loads(reply)
        if before > MEGABYTES / 2:  # what earlier trials left behind must not count
            self.close()
        return Outcome(answer["code"], answer["out"], answer["err"], answer["seconds"], peak)

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.campaigns.fuzz", "--serve"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment(), bufsize=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._process.stdout is not None
        self._process.stdout.readline()  # it is up
        return self._process

    def close(self) -> None:
        if self._process is None:
            return
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait(60)
        self._process = None


class Reached(SystemExit):
    """A trial that is valid after all came as far as training."""


def serve() -> None:
    """Work off trials, a JSON object a line."""
    answers, sys.stdout = sys.stdout, sys.stderr
    from erbp_jax import cli  # noqa: F401  (what is slow to import)
    from erbp_jax.__main__ import main
    from erbp_jax.training import fit as fitting

    really = fitting.fit

    def stop(*_: object, **__: object) -> None:
        raise Reached(0)

    print("up", file=answers, flush=True)
    for text in sys.stdin:
        request = json.loads(text)
        fitting.fit = really if request["train"] else stop  # type: ignore[assignment]
        os.chdir(request["cwd"])
        out, err = io.StringIO(), io.StringIO()
        began, code = time.monotonic(), 0
        sys.argv = ["erbp-jax", *request["arguments"]]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(bool(end.code))
            except BaseException as error:  # what a process of its own would end with
                code = 1
                print(f"Traceback: {type(error).__name__}: {error}"[:2000], file=err)
        os.chdir(ROOT)
        reply = {"code": code, "out": out.getvalue(), "err": err.getvalue(), "seconds": time.monotonic() - began}
        print(json.dumps(reply), file=answers, flush=True)


def material(folder: Path) -> Material:
    """A finished run and one that was cut short, through the command line, and some programs.

    Raises:
        RuntimeError: they cannot be made.
    """
    small = ("data.train_size=60", "data.test_size=40", "training.epochs=2", "encoding.steps=10", "rule.burn_in=0")
    layers = ("network.layers=[64,8,10]", "training.checkpoint_every=0.5")
    finished, cut = folder / "finished", folder / "cut"
    config = ROOT / "configs" / "digits.yaml"
    outcome = Command(["train", config, *small, *layers, "--out", finished], folder / "logs").wait(400)
    if outcome.code:
        raise RuntimeError(f"no run to damage: {outcome.text[-2000:]}")
    shutil.copytree(finished, cut)
    newest = max((p for p in (cut / "checkpoints").iterdir()), key=lambda p: int(p.name))
    shutil.rmtree(newest)  # as one that was killed before its last save
    for name in ("summary.json", "weights.npz", *(p.name for p in cut.glob("*.png"))):
        (cut / name).unlink(missing_ok=True)
    return Material(finished, cut, tuple(sorted(GOLDEN.glob("*.npz"))[:12]))


def written_elsewhere(before: set[str], root: Path, writes: tuple[str, ...], case: Path) -> str | None:
    """A new file below the root that is none of the trial's own."""
    for name in sorted(everything(root) - before):
        inside = Path(name).is_relative_to(case) and Path(name).relative_to(case).parts[:1]
        if not inside or inside[0] not in writes:
            return name
    return None


def everything(root: Path) -> set[str]:
    return {str(p) for p in root.rglob("*")}


def half_made(outcome: Outcome, case: Path, made: Trial) -> str | None:
    """What should not be there after a command has ended."""
    for name in made.writes:
        folder = case / name
        if strange := [p.name for p in folder.rglob("*") if "partial" in p.name or "tmp" in p.name]:
            return f"left behind: {strange[0]}"
        if name == "out" and outcome.code == 2 and folder.exists() and made.arguments[0] != "compare":
            return f"refused, and {name}/ is there: {sorted(p.name for p in folder.iterdir())[:4]}"
    out = case / "out"
    if outcome.code == 0 and made.arguments[0] == "train" and not (out / "config.yaml").is_file():
        return "exit code 0 without a run folder"
    return None


def campaign(
    count: int, seed: int, out: Path, *, numbers: list[int] | None = None, alone: int = ALONE, trains: int = TRAINS
) -> int:
    """Try so many (or those numbers); the exit code."""
    report, worker, ends, kinds = Report("fuzz"), Worker(), Counter[int](), Counter[str]()
    basis = material(out / "material")
    try:
        for number in range(count) if numbers is None else numbers:
            root = out / f"trial{number}"
            case = root / "a" / "b"
            case.mkdir(parents=True)
            name, made = trial(seed, number, case, basis)
            train = made.slow or number % trains == trains - 1
            seconds = TRAINING_SECONDS if train else SECONDS
            before = everything(root)
            if number % alone == alone // 2 and not any("\x00" in a for a in made.arguments):
                outcome = Command(made.arguments, root / "logs", cwd=case).wait(TRAINING_SECONDS, MEGABYTES + 400)
                shutil.rmtree(root / "logs")
                seconds = TRAINING_SECONDS
            else:
                outcome = worker.run(made.arguments, case, train=train, seconds=seconds)
            codes = (0, 1, 2) if made.arguments[:2] == ("nsat", "replay") else (0, 2)
            wrong = (
                fault(outcome, codes, seconds) if 1 not in codes or outcome.code != 1 else told_of_difference(outcome)
            )
            wrong = wrong or half_made(outcome, case, made)
            if elsewhere := written_elsewhere(before, root, made.writes, case):
                wrong = wrong or f"written outside of --out: {elsewhere}"
            ends[outcome.code] += 1
            kinds[name] += 1
            if wrong:
                again = f"python -m tests.campaigns.fuzz --seed {seed} --only {number} --out KEEP  # "
                report.failed(f"{number} ({name}): {wrong}", again + line("erbp-jax", *made.arguments)[:300], outcome)
            if not (wrong and numbers):
                shutil.rmtree(root, ignore_errors=True)
    finally:
        worker.close()
    valid, refused = ends[0], ends[2]
    return report.close(
        f"{sum(ends.values())} inputs of {len(kinds)} kinds, {refused} refused, {valid} valid after all", seed
    )


def told_of_difference(outcome: Outcome) -> str | None:
    """`nsat replay` ends with 1 where a program does other than its file says: a line each."""
    if "Traceback" in outcome.text:
        return "a traceback"
    return None if "differs: " in outcome.out else "exit code 1 without a difference"


def main() -> int:
    options = parser(__doc__, 2000)
    options.add_argument("--only", nargs="+", type=int, help="these numbers alone, as failures name them")
    options.add_argument("--serve", action="store_true", help="(a worker)")
    given = options.parse_args()
    if given.serve:
        serve()
        return 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        return campaign(given.count, given.seed, given.out or Path(temporary), numbers=given.only)


if __name__ == "__main__":
    sys.exit(main())
