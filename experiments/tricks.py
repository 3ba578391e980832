"""Which tricks of deep learning help a local rule? One protocol for all: digits, operations and writes to an error.

Command:   python experiments/tricks.py
           python experiments/tricks.py --only 'plain,factored moments,max-norm'
           python experiments/tricks.py --network convolutional --out runs/tricks_conv
           python experiments/tricks.py --network confirm --out runs/tricks_confirm
           python experiments/tricks.py --network bp --only 'blank-out of the input' --out runs/tricks_bp
Resumable: the same command goes on where it was stopped; finished rows are not run again.
Hardware:  one CPU core or more.
Wall time: about ten minutes per row on a free core; three in the convolutional network, 30 with `confirm`.
Expected:  docs/guides/tricks.md.

eRBP, 20 ticks per digit, in 784-200-200-10 or in a small convolutional network (15,000 training digits). The best rows
are run again in the talk's convolutional network, and in 784-200-200-10 by RBP and BP through the same spiking network.
Every row is searched and run alike, the plain rule too:

- *Search*: eight trials of one epoch each, learning rate log-uniform over two decades, further settings of the row in
  turn; judged on the last 10,000 training digits (5,000 in the small convolutional network). Seeds of trials are used
  nowhere else. Where the best rate is the lowest or the highest, the decades are moved by one and the eight are tried
  anew, twice at most; the last eight count. The two best of them are tried with two further seeds each; the lower mean
  of the three errors is chosen. So a rate at which some seeds fail is not chosen because one did not.
- *Runs*: five seeds, six epochs (four in the small convolutional network; three seeds and eight epochs in the talk's
  and by RBP and BP), the best trial's settings; the same seeds in all rows, so that weights, order and spikes are
  paired. The rate is constant; what answers is the exponential average of the weights, in all rows but one.
- *Confirmation*: the rows that came nearest to a gain are run by 16 seeds that no row has had, four epochs, with the
  settings that were found before (`--network confirm`). Seeds that led to the choice of a row do not judge it. One row
  was added after these runs were seen, a larger write threshold, and has no p-value.
- *Crossings*: the held-out error is measured at 1,000 x 2^(k/2) digits, a falling curve is fitted (isotonic in log n),
  and the first n at 3, 2.3 and 2 % (10, 7 and 6 %) is read from it. A row that comes there in m of n seeds says so.
- *Ratios*: the geometric mean over seeds of plain over trick, with a t interval, and a p-value that is corrected for
  all tricks that are planned (Holm). There is none where a seed does not come to the goal. A gain is told only if the
  corrected p is below 0.05 and the ratio is 1.15 at least.
- *Controls* that must come out at 1: other draws of a code that has no timing, a trick at its identity (it differs from
  plain in the rounding of the last bit), and the plain rule searched anew.

Samples are digits shown; SynOps count learning and its error events with the forward pass; writes are weights whose
value changed.
"""

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crossings import compared, crossings, holm
from erbp_jax.__main__ import guarded
from erbp_jax.errors import UserError
from erbp_jax.viz.figure import save, styled, subplots
from tabulated.markdown import number
from tabulated.markdown import table as tabulate
from trick_learning import Learning
from trick_rows import ROWS, SETTINGS, Setting

TRIALS, FIRST_TRIAL, MOVES, FINALISTS, AGAIN = 8, 1000, 2, 2, 2
RESULTS = Path(__file__).parents[1] / "docs" / "results" / "tricks"
PROTOCOL = 2
"""Of the search: 1 had no finalists."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help=f"which, by comma; plain is always there [planned]: {','.join(ROWS)}")
    parser.add_argument("--seeds", type=int, help="paired [the network's]")
    parser.add_argument("--epochs", type=int, help="of a run [the network's]")
    parser.add_argument("--network", choices=SETTINGS, default="dense")
    parser.add_argument("--out", type=Path, help="[runs/tricks_NETWORK]")
    arguments = parser.parse_args()
    planned = SETTINGS[arguments.network].rows or [name for name, row in ROWS.items() if row.after is None]
    chosen = list(planned) if arguments.only is None else ["plain", *map(str.strip, arguments.only.split(","))]
    if unknown := set(chosen) - set(ROWS):
        parser.error(f"--only: {', '.join(sorted(unknown))} not known; there are {', '.join(ROWS)}")
    setting = SETTINGS[arguments.network]
    out: Path = arguments.out or Path("runs") / f"tricks_{arguments.network}"
    seeds, epochs = arguments.seeds or setting.seeds, arguments.epochs or setting.epochs
    asked = {"network": arguments.network, "seeds": seeds, "epochs": epochs, "protocol": PROTOCOL}
    out.mkdir(parents=True, exist_ok=True)

    from erbp_jax.files import write_json, write_text

    for name in dict.fromkeys(chosen):
        path = out / f"{file_name(name)}.json"
        row = kept(path, asked)
        if "best" not in row:
            trials, best = searched(name, setting.searched) if setting.searched else search(name, setting)
            row = {**asked, "trials": trials, "best": best}
            write_json(path, row)
        if "digits" not in row:
            write_json(path, row | measured(name, setting, row["best"], seeds, epochs))
    rows = {name: kept(out / f"{file_name(name)}.json", asked) for name in ROWS}
    found = {name: row for name, row in rows.items() if "digits" in row}
    write_text(out / "table.md", text := table(found, setting))
    draw(found, out / "tricks.png", setting.goals)
    print(text)


def kept(path: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """What a file has of a row; nothing if there is none yet.

    Raises:
        UserError: a row of another network, other seeds or epochs, or another way of searching.
    """
    if not path.exists():
        return {}
    row: dict[str, Any] = json.loads(path.read_text())
    if different := [
        f"{key} {row.get(key)} in place of {value}" for key, value in asked.items() if row.get(key) != value
    ]:
        raise UserError(f"{path}: {', '.join(different)}; give another --out")
    return row


def file_name(name: str) -> str:
    """The name of the file that keeps a row, without its ending."""
    return name.replace(": ", "_").replace(" ", "_")


def measured(name: str, setting: Setting, best: dict[str, Any], seeds: int, epochs: int) -> dict[str, Any]:
    """The runs of a row at the best trial's settings."""
    print(f"{name}: runs at {best}", flush=True)
    overrides = [*ROWS[name].of(setting, best["settings"]), f"training.epochs={epochs}"]
    numbers = range(setting.first_seed, setting.first_seed + seeds)
    learning = Learning(setting, overrides, numbers, [best["rate"]] * seeds, redrawn=redrawn(name))
    most = epochs * learning.batches * learning.batch
    grid = sorted({min(most, round(1000 * 2 ** (k / 2) / learning.batch) * learning.batch) for k in range(64)})
    errors, counts = [], []
    for n in grid:
        learning.until(n)
        errors.append(learning.error().tolist())
        counts.append(learning.counts.tolist())
        print(f"{name}: {n:7,} digits  {np.mean(errors[-1]):5.2f} %", flush=True)
    return {"digits": grid, "errors": errors, "counts": counts}


def redrawn(name: str) -> bool:
    """Whether the encoder of a row has other draws."""
    return name == "control: other draws"


def search(name: str, setting: Setting) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """All trials of a row, and the best of the last eight."""
    row = ROWS[name]
    trials: list[dict[str, Any]] = []
    moved = stream = 0
    while True:
        scale = 10.0**moved
        low, high = row.between(setting)
        between = low * scale, high * scale
        last = tried(name, setting, between, row.search + 10 * stream)
        trials += last
        best = min(last, key=lambda t: t["error"])
        lowest, *_, highest = sorted(t["rate"] for t in last)
        stream += 1
        if stream > MOVES or best["rate"] not in (lowest, highest):
            return trials, confirmed(name, setting, last, row.search + 10 * (stream - 1))
        moved += 1 if best["rate"] == highest else -1


def searched(name: str, network: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The trials and the best one of a row that is kept; the rate alone for a row that follows it."""
    row = ROWS[name]
    kept = json.loads((RESULTS / network / f"{file_name(row.after or name)}.json").read_text())
    if row.after is None:
        return kept["trials"], kept["best"]
    return [], {"rate": kept["best"]["rate"], "settings": list(row.knobs[0])}


def confirmed(name: str, setting: Setting, trials: list[dict[str, Any]], stream: int) -> dict[str, Any]:
    """The best of eight trials: the two best are tried again with further seeds, and the lower mean is chosen."""
    first = FIRST_TRIAL * (1 + stream) + TRIALS
    finalists = sorted(trials, key=lambda t: t["error"])[:FINALISTS]
    for trial in finalists:
        seeds = range(first, first + AGAIN)
        trial["again"] = after_an_epoch(name, setting, trial["settings"], seeds, [trial["rate"]] * AGAIN)
        print(f"{name}: again {trial['settings']} {trial['rate']:.2e}  {trial['again']}", flush=True)
    return min(finalists, key=lambda t: np.mean([t["error"], *t["again"]]))


def tried(name: str, setting: Setting, between: tuple[float, float], stream: int) -> list[dict[str, Any]]:
    """Eight trials with rates of two decades."""
    row = ROWS[name]
    draws = np.random.default_rng([FIRST_TRIAL, stream]).random(TRIALS)
    low, high = map(math.log, between)
    rates, trials = np.exp(low + (high - low) * (np.arange(TRIALS) + draws) / TRIALS), []
    first = FIRST_TRIAL * (1 + stream)
    for place, settings in enumerate(row.knobs):
        mine = list(range(place, TRIALS, len(row.knobs)))
        errors = after_an_epoch(name, setting, settings, [first + i for i in mine], rates[mine])
        for i, error in zip(mine, errors, strict=True):
            trials.append({"rate": float(rates[i]), "settings": list(settings), "error": error})
            print(f"{name}: trial {settings} {rates[i]:.2e}  {error:.2f} %", flush=True)
    return trials


def after_an_epoch(
    name: str, setting: Setting, settings: Sequence[str], seeds: Sequence[int], rates: Any
) -> list[float]:
    """Held-out errors of trials side by side."""
    chosen = [*ROWS[name].of(setting, settings), "training.epochs=1"]
    learning = Learning(setting, chosen, seeds, rates, redrawn=redrawn(name))
    learning.until(learning.batches * learning.batch)
    return learning.error().tolist()


def table(found: dict[str, Any], setting: Setting) -> str:
    """What was found, as Markdown: a row for each trick, the plain rule among them."""
    goals = setting.goals
    plain, spent = crossings(found["plain"], goals[0])
    ratios = {name: compared(plain, crossings(row, goals[0])[0]) for name, row in found.items()}
    planned = [name for name in found if not name.startswith(("plain", "control")) and ROWS[name].after is None]
    tricks = {name: ratio[3] for name in planned if (ratio := ratios[name])}
    corrected = holm(tricks, setting.tricks)
    first, second, third = (f"to {goal:g} %" for goal in goals)
    header = (
        *("trick", "state", "rate", "error, %", "+-", "seeds", f"digits {first}", "times fewer", "95 % interval"),
        *("p (Holm)", f"SynOps {first}", "writes", second, third),
    )
    lines = []
    for name, row in found.items():
        at, cost = crossings(row, goals[0])
        last, ratio = np.asarray(row["errors"])[-1], ratios[name]
        operations, writes = cost[:, :3].sum(1), compared(cost[:, 3], spent[:, 3])
        lines.append([
            *(name, ROWS[name].words, f"{row['best']['rate']:.1e}"),
            *(number(last.mean()), number(last.std(ddof=1)), str(len(last)), _count(at)),
            number(ratio[0]) if ratio else "",
            f"{ratio[1]:.2f} to {ratio[2]:.2f}" if ratio and name != "plain" else "",
            number(corrected.get(name)),
            f"{np.nanmean(operations):.2g}" if np.nansum(operations) else "",  # a gradient has no events to count
            number(writes[0]) if writes else "",
            *(_count(crossings(row, target)[0]) for target in goals[1:]),
        ])  # fmt: skip
    return tabulate(header, lines)


def _count(at: np.ndarray) -> str:
    """The geometric mean over the seeds that came to the goal, and how many did if not all."""
    reached = np.isfinite(at)
    if not reached.any():
        return f"0 of {len(at)}"
    text = f"{np.exp(np.log(at[reached]).mean()):,.0f}"
    return text if reached.all() else f"{text} ({reached.sum()} of {len(at)})"


@styled
def draw(found: dict[str, Any], path: Path, goals: Sequence[float]) -> None:
    """Error over digits, and the cloud of trials."""
    figure, (left, right) = subplots(1, 2, figsize=(12, 5))
    for place, (name, row) in enumerate(found.items()):
        errors, style = np.asarray(row["errors"]), ("-", "--", ":")[place // 10 % 3]
        left.plot(row["digits"], errors.mean(1), style, color=f"C{place % 10}", lw=2.5 if name == "plain" else 1,
                  label=name)  # fmt: skip
        scale = row["best"]["rate"]
        right.plot([t["rate"] / scale for t in row["trials"]], [t["error"] for t in row["trials"]], "o", ms=4,
                   color=f"C{place % 10}")  # fmt: skip
    for goal in goals:
        left.axhline(goal, color="0.8", zorder=0)
    left.set(xscale="log", yscale="log", xlabel="digits shown", ylabel="held-out error (%)", ylim=(1.8, 20))
    left.legend(fontsize=7, ncols=2)
    right.set(xscale="log", yscale="log", xlabel="learning rate over the best one", ylabel="error after a trial (%)")
    save(figure, path)


if __name__ == "__main__":
    guarded(main)
