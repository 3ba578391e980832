"""Does a revision compute what another one computed, bit for bit, and as fast?

Command: erbp-jax bench freeze OLD_REV [NEW_REV] [--only TEXT ...] [--seeds 1] [--speed]
         erbp-jax bench freeze REV --golden tests/golden/freeze.json

Every rule on a dense network and on maps, by products and by events, and every kept config (those of MNIST need the
data set): after three batches the weights, the rule's weights, the optimiser's state, the counts, the decisions. The
new revision is the working tree if none is named. Both run on this machine, with the same threads and seeds: sums in
another order differ, so bits are compared with bits of the same machine only. Both import what is installed here, so
what either of them needs must be. With `--speed` the same three batches take turns. Exit code 1 if anything differs
that `freezing/cases.py` does not expect.

`--golden` writes the hashes of the cases whose sums are exact, which are the same on every machine.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from freezing.cases import exact_table, expected
from harness import cores, machine, take_turns
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
HERE = "the working tree"


class Worker:
    """A process in which one revision answers."""

    def __init__(self, name: str, root: Path, seeds: int) -> None:
        self.name, self.root = name, root
        environment = {**os.environ, "PYTHONPATH": str(root)}
        command = [sys.executable, str(Path(__file__).resolve()), "--serve", str(root), "--seeds", str(seeds)]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, do: str, **what: Any) -> Any:
        """The answer.

        Raises:
            RuntimeError: the revision cannot do it.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **what}) + "\n")
        self.process.stdin.flush()
        reply = json.loads(self.process.stdout.readline() or '{"error": "the process died"}')
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply["answer"]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


@contextmanager
def checkout(revision: str | None) -> Iterator[Path]:
    """A folder with the files of a revision; the working tree itself without one."""
    if revision is None:
        yield ROOT
        return
    git = ["git", "-C", str(ROOT), "worktree"]
    with tempfile.TemporaryDirectory(prefix="freeze-") as temporary:
        folder = Path(temporary) / "tree"
        subprocess.run([*git, "add", "--quiet", "--detach", str(folder), revision], check=True)
        try:
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def differences(old: Path, new: Path) -> dict[str, str]:
    """What differs between two results, by array, and by how much."""
    with np.load(old, allow_pickle=False) as a, np.load(new, allow_pickle=False) as b:
        out = dict.fromkeys(sorted(set(a.files) ^ set(b.files)), "only in one")
        for name in sorted(set(a.files) & set(b.files)):
            x, y = a[name], b[name]
            if x.shape != y.shape or x.dtype != y.dtype:
                out[name] = f"{x.dtype}{list(x.shape)} and {y.dtype}{list(y.shape)}"
            elif x.tobytes() != y.tobytes():
                apart = np.abs(x.astype(np.float64) - y.astype(np.float64))
                out[name] = f"by {apart.max():.3g} at most, {np.count_nonzero(x != y)} of {x.size}"
    return out


def compare(case: dict[str, Any], workers: tuple[Worker, Worker], folder: Path) -> tuple[str, list[str]]:
    """`same`, `expected`, `differs` or `fails`, and the lines that say in what."""
    results = []
    for place, worker in enumerate(workers):
        results.append(folder / f"{place}.npz")
        try:
            worker.ask("prepare", case=case, to=str(results[-1]))
        except RuntimeError as error:
            return "fails", [f"{worker.name}: {str(error)[:300]}"]
    found = differences(*results)
    reasons = {name: expected(case["name"], name) for name in found}
    lines = [f"{name}: {found[name]}" + (f" ({reason})" if reason else "") for name, reason in reasons.items()]
    return ("differs" if None in reasons.values() else "expected") if found else "same", lines


def run(old: str, new: str | None, only: list[str], seeds: int, speed: bool) -> int:
    """Print the table; 1 if anything differs that is not expected to."""
    console = Console(width=150)
    console.print(f"{machine()}, {seeds} seed(s)")
    columns = ("case", "result", *((f"{old} (ms)", f"{new or HERE} (ms)", "old / new") if speed else ()))
    table, count = Table(*columns), Counter[str]()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="freeze-")))
        workers = (
            Worker(old, stack.enter_context(checkout(old)), seeds),
            Worker(new or HERE, stack.enter_context(checkout(new)), seeds),
        )
        for worker in workers:
            stack.callback(worker.close)
        cases = [c for c in workers[0].ask("list") if not only or any(text in c["name"] for text in only)]
        for number, case in enumerate(cases, 1):
            result, lines = compare(case, workers, folder)
            count[result] += 1
            times = []
            if speed and result != "fails":
                turns = take_turns({w.name: partial(w.ask, "turn") for w in workers}, 5)
                a, b = (1e3 * turns[w.name].median for w in workers)
                times = [f"{a:.1f}", f"{b:.1f}", f"{a / b:.2f}"]
            table.add_row(case["name"], "\n".join([result, *lines]), *times)
            print(f"[{number}/{len(cases)}] {case['name']}: {result}", file=sys.stderr)
    console.print(table)
    totals = f"{count['same']} the same, {count['expected']} differ as expected, {count['differs']} differ, "
    print(
        f"freeze: {sum(count.values())} cases, {totals}{count['fails']} fail "
        f"({old} and {new or HERE}, {seeds} seed(s), {cores()} cores)"
    )
    return int(bool(count["differs"] or count["fails"] or not cases))


def write_golden(revision: str, path: Path) -> None:
    """The hashes of the exact cases. Products and events have to agree: their sums are exact, or they would not."""
    with checkout(revision) as tree, tempfile.TemporaryDirectory() as folder:
        worker = Worker(revision, tree, 1)
        found = {c.name: worker.ask("prepare", case=vars(c), to=f"{folder}/0.npz") for c in exact_table()}
        worker.close()
    for name, hashes in found.items():
        if hashes != found[name.replace("/ events", "/ products")]:
            raise SystemExit(f"{name}: events and products differ; the sums are not exact")
    golden = {name.removesuffix(" / products"): hashes for name, hashes in found.items() if name.endswith("products")}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"revision": revision, "hashes": golden}, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", nargs="?", help="the revision that counts")
    parser.add_argument("new", nargs="?", help="the other one [default: the working tree]")
    parser.add_argument("--only", nargs="+", default=[], metavar="TEXT", help="cases whose names contain it")
    parser.add_argument("--seeds", type=int, default=1, help="side by side, as `training.seeds`")
    parser.add_argument("--speed", action="store_true", help="also time both, in turns")
    parser.add_argument("--golden", type=Path, help="write the hashes of the exact cases instead")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the checkouts are taken away
    if arguments.serve:
        from freezing.work import serve

        serve(arguments.serve, arguments.seeds)
    elif arguments.old is None:
        parser.error("say which revision counts")
    elif arguments.golden:
        write_golden(arguments.old, arguments.golden)
    else:
        sys.exit(run(arguments.old, arguments.new, arguments.only, arguments.seeds, arguments.speed))


if __name__ == "__main__":
    main()
