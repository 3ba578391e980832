"""Which tricks of deep learning help a local rule? One protocol for all: digits, operations and writes to an error.

Command:   python experiments/tricks.py
           python experiments/tricks.py --only 'plain,factored moments,max-norm'
           python experiments/tricks.py --network convolutional --out runs/tricks_conv
           python experiments/tricks.py --network bp --only 'blank-out of the input' --out runs/tricks_bp
Resumable: the same command goes on where it was stopped; finished rows are not run again.
Hardware:  one CPU core or more.
Wall time: about ten minutes per row on a free core; three in the convolutional network.
Expected:  docs/guides/tricks.md.

eRBP, 20 ticks per digit, in 784-200-200-10 or in a small convolutional network (10,000 training digits). The best rows
are run again in the talk's convolutional network, and in 784-200-200-10 by RBP and BP through the same spiking network.
Every row is searched and run alike, the plain rule too:

- *Search*: eight trials of one epoch each, learning rate log-uniform over two decades, further settings of the row in
  turn; judged on the last 10,000 training digits. Seeds of trials are used nowhere else. Where the best rate is the
  lowest or the highest, the decades are moved by one and the eight are tried anew, twice at most; the last eight count.
- *Runs*: five seeds, six epochs (four in the small convolutional network; three seeds and eight epochs in the talk's
  and by RBP and BP), the best trial's settings; the same seeds in all rows, so that weights, order and spikes are
  paired. The rate is constant; what answers is the exponential average of the weights, in all rows but one.
- *Crossings*: the held-out error is measured at 1,000 x 2^(k/2) digits, a falling curve is fitted (isotonic in log n),
  and the first n at 3, 2.3 and 2 % (10, 7 and 6 %) is read from it. A row that comes there in m of n seeds says so.
- *Ratios*: the geometric mean over seeds of plain over trick, with a t interval, corrected for many rows (Holm). A gain
  is told only if the corrected interval leaves 1 and the ratio is 1.15 at least.
- *Controls* that must come out at 1: other draws of a code that has no timing, a trick at its identity, and the plain
  rule searched anew.

Samples are digits shown; SynOps count learning and its error events with the forward pass; writes are weights whose
value changed.
"""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from crossings import compared, crossings, holm
from erbp_jax.__main__ import guarded
from erbp_jax.viz.figure import save, styled, subplots
from tabulated.markdown import number
from tabulated.markdown import table as tabulate
from trick_rows import ROWS, SETTINGS, Setting

TRIALS, FIRST_TRIAL, MOVES = 8, 1000, 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help=f"which, by comma; plain is always there [{','.join(ROWS)}]")
    parser.add_argument("--seeds", type=int, help="paired [the network's]")
    parser.add_argument("--epochs", type=int, help="of a run [the network's]")
    parser.add_argument("--network", choices=SETTINGS, default="dense")
    parser.add_argument("--out", type=Path, default=Path("runs") / "tricks")
    arguments = parser.parse_args()
    chosen = list(ROWS) if arguments.only is None else ["plain", *arguments.only.split(",")]
    if unknown := set(chosen) - set(ROWS):
        parser.error(f"--only: {', '.join(sorted(unknown))} not known; there are {', '.join(ROWS)}")
    setting = SETTINGS[arguments.network]
    arguments.out.mkdir(parents=True, exist_ok=True)

    from erbp_jax.files import write_json, write_text

    for name in dict.fromkeys(chosen):
        path = arguments.out / f"{file_name(name)}.json"
        if not path.exists():
            seeds, epochs = arguments.seeds or setting.seeds, arguments.epochs or setting.epochs
            write_json(path, measured(name, setting, seeds, epochs))
    found = {
        name: json.loads(p.read_text()) for name in ROWS if (p := arguments.out / f"{file_name(name)}.json").exists()
    }
    write_text(arguments.out / "table.md", text := table(found, setting.goals))
    draw(found, arguments.out / "tricks.png", setting.goals)
    print(text)


def file_name(name: str) -> str:
    """The name of the file that keeps a row, without its ending."""
    return name.replace(": ", "_").replace(" ", "_")


class Learning:
    """Trainings side by side that differ in seed and learning rate alone: one program for all of them."""

    def __init__(
        self, setting: Setting, overrides: Sequence[str], seeds: Sequence[int], rates: Any, *, redrawn: bool
    ) -> None:
        import jax
        import jax.numpy as jnp

        from erbp_jax.config import load_config
        from erbp_jax.config.build import build
        from erbp_jax.config.build_data import load_data
        from erbp_jax.training import engine, testing
        from erbp_jax.training.optimizer import make_optimizer

        config = load_config(setting.config, overrides, rule=setting.rule)
        self.data = load_data(config)
        experiment = build(config, self.data)
        if redrawn:
            experiment = replace(experiment, encoder=Redrawn(experiment.encoder))
        self.batch, self.batches = experiment.batch_size, len(self.data.train) // experiment.batch_size
        counting = [*config.optimizer.model_dump()["tricks"], {"kind": "count_writes"}]
        section = type(config.optimizer).model_validate({**config.optimizer.model_dump(), "tricks": counting})

        def optimizers(rate: jax.Array) -> Any:
            at_rate = section.model_copy(update={"learning_rate": rate})
            return make_optimizer(at_rate, self.batches, config.training.epochs)

        def train(rate, learner, samples, targets, epoch, first, last):
            return engine.train(experiment, optimizers(rate), learner, samples, targets, epoch, first, last)

        self.seeds, self.rates = jnp.asarray(seeds, jnp.uint32), jnp.asarray(rates, jnp.float32)
        self.learner = jax.jit(jax.vmap(lambda s, r: engine.init(experiment, optimizers(r), s)))(self.seeds, self.rates)
        self._train = jax.jit(jax.vmap(train, in_axes=(0, 0, None, None, None, None, None)))
        self._test = jax.jit(jax.vmap(partial(testing.test, experiment), in_axes=(0, 0, None, None, None)))
        self.shown, self.counts = 0, np.zeros((len(seeds), 4))

    def until(self, digits: int) -> None:
        """Learn until so many digits have been shown."""
        import jax.numpy as jnp

        from erbp_jax.learning.tricks import written

        train = self.data.train.x, self.data.train.y
        while self.shown < digits:
            epoch, first = divmod(self.shown // self.batch, self.batches)
            last = min(self.batches, first + (digits - self.shown) // self.batch)
            zero = self.learner.counters._replace(events=_zeros(self.learner.counters.events))
            self.learner = replace(self.learner, counters=zero)
            self.learner = self._train(
                self.rates, self.learner, *train, jnp.int32(epoch), jnp.int32(first), jnp.int32(last)
            )
            events = self.learner.counters.values().events.astype(float)  # [S, 2 P + 2]
            layers = (events.shape[1] - 2) // 2
            self.counts[:, 0] += events[:, :layers].sum(1)
            self.counts[:, 1] += events[:, layers:-2].sum(1)
            self.counts[:, 2] += events[:, -2:].sum(1)
            self.counts[:, 3] = written(self.learner.optimizer)
            self.shown += self.batch * (last - first)

    def error(self) -> np.ndarray:
        """Held-out error in percent, `[S]`; 100 where states are no numbers any more."""
        import jax
        import jax.numpy as jnp

        test = self.data.test.x, self.data.test.y
        result = jax.device_get(self._test(self.seeds, self.learner.weights, *test, jnp.int32(self.shown)))
        return 100.0 * np.where(result.finite, result.scores["error"], True).mean(1)


def _zeros(events: Any) -> Any:
    import jax
    import jax.numpy as jnp

    return jax.tree.map(jnp.zeros_like, events)


@dataclass(frozen=True)
class Redrawn:
    """An encoder with other draws: what jitter does to a code whose phases are random anyway."""

    inner: Any

    def init_state(self, sample: Any, key: Any) -> Any:
        return self.inner.init_state(sample, self._other(key))

    def __call__(self, state: Any, sample: Any, ticks: Any, key: Any) -> Any:
        return self.inner(state, sample, ticks, self._other(key))

    @staticmethod
    def _other(key: Any) -> Any:
        import jax.numpy as jnp

        from erbp_jax.random import fold_each

        return fold_each(key, jnp.uint32(17))


def measured(name: str, setting: Setting, seeds: int, epochs: int) -> dict[str, Any]:
    """The search of a row, and its runs."""
    row, redrawn = ROWS[name], name == "control: other draws"
    trials, best = search(name, setting, redrawn)
    print(f"{name}: best of {len(trials)} trials {best}", flush=True)
    overrides = [*row.of(setting, best["settings"]), f"training.epochs={epochs}"]
    learning = Learning(setting, overrides, range(seeds), [best["rate"]] * seeds, redrawn=redrawn)
    most = epochs * learning.batches * learning.batch
    grid = sorted({min(most, round(1000 * 2 ** (k / 2) / learning.batch) * learning.batch) for k in range(64)})
    errors, counts = [], []
    for n in grid:
        learning.until(n)
        errors.append(learning.error().tolist())
        counts.append(learning.counts.tolist())
        print(f"{name}: {n:7,} digits  {np.mean(errors[-1]):5.2f} %", flush=True)
    return {"trials": trials, "best": best, "digits": grid, "errors": errors, "counts": counts}


def search(name: str, setting: Setting, redrawn: bool) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """All trials of a row, and the best of the last eight."""
    row = ROWS[name]
    trials: list[dict[str, Any]] = []
    moved = stream = 0
    while True:
        scale = 10.0**moved
        low, high = row.between(setting)
        between = low * scale, high * scale
        last = tried(name, setting, between, row.search + 10 * stream, redrawn)
        trials += last
        best = min(last, key=lambda t: t["error"])
        lowest, *_, highest = sorted(t["rate"] for t in last)
        stream += 1
        if stream > MOVES or best["rate"] not in (lowest, highest):
            return trials, best
        moved += 1 if best["rate"] == highest else -1


def tried(
    name: str, setting: Setting, between: tuple[float, float], stream: int, redrawn: bool
) -> list[dict[str, Any]]:
    """Eight trials with rates of two decades."""
    row = ROWS[name]
    draws = np.random.default_rng([FIRST_TRIAL, stream]).random(TRIALS)
    low, high = map(math.log, between)
    rates, trials = np.exp(low + (high - low) * (np.arange(TRIALS) + draws) / TRIALS), []
    first = FIRST_TRIAL * (1 + stream)
    for place, settings in enumerate(row.knobs):
        mine = list(range(place, TRIALS, len(row.knobs)))
        chosen = [*row.of(setting, settings), "training.epochs=1"]
        learning = Learning(setting, chosen, [first + i for i in mine], rates[mine], redrawn=redrawn)
        learning.until(learning.batches * learning.batch)
        for i, error in zip(mine, learning.error(), strict=True):
            trials.append({"rate": float(rates[i]), "settings": list(settings), "error": float(error)})
            print(f"{name}: trial {settings} {rates[i]:.2e}  {error:.2f} %", flush=True)
    return trials


def table(found: dict[str, Any], goals: tuple[float, float, float]) -> str:
    """What was found, as Markdown: a row for each trick, the plain rule among them."""
    plain, spent = crossings(found["plain"], goals[0])
    ratios = {name: compared(plain, crossings(row, goals[0])[0]) for name, row in found.items()}
    corrected = holm({name: ratio[3] for name, ratio in ratios.items() if name != "plain" and ratio})
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
