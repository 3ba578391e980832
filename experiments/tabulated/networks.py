"""Tables of test errors, one per network: a row for every recipe, and below it the commands that train them."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from erbp_jax.viz.names import NAMES
from published import ERRORS
from tabulated import runs
from tabulated.markdown import number, table
from tabulated.runs import Run

HEADER = (
    *("", "rule", "recipe", "error, %", "+-", "seeds", "last epoch, %", "talk, %"),
    *("epochs", "ticks", "test ticks", "kSynOps", "notes"),
)
LOOKED = "test digits seen"
"""The mark of a figure whose settings were chosen with a look at test digits."""


@dataclass(frozen=True)
class Row:
    """A line of a table.

    Attributes:
        rule: its name in the table.
        recipe: what tells it from other rows of the same rule.
        folders: a pattern of folders below `docs/results`; several of them are seeds of one recipe.
        notes: marks that the runs themselves do not tell.
        over: how many of the last epochs are averaged.
        talk: the talk's figure in percent.
    """

    rule: str
    recipe: str
    folders: str
    notes: tuple[str, ...] = ()
    over: int = 5
    talk: float | None = None

    @property
    def found(self) -> list[Run]:
        return [runs.read(folder) for folder in runs.matching(self.folders)]

    @property
    def errors(self) -> list[float]:
        """One error a seed, in percent."""
        return [error for run in self.found for error in run.errors(self.over)]

    @property
    def mean(self) -> float:
        return sum(self.errors) / len(self.errors)

    def marks(self) -> list[str]:
        """What a reader has to know about the figure."""
        first = self.found[0]
        epochs, tested = int(first.summary["epochs"]), int(first.summary["test_size"])
        trained = int(first.summary["train_size"])
        marks = []
        if len(self.errors) == 1:
            marks.append("one seed")
        if self.over == 1:
            marks.append("last epoch")
        elif epochs <= self.over:
            marks.append(f"all {epochs} epochs")
        elif self.over != 5:
            marks.append(f"last {self.over} epochs")
        if (first.config.get("task") or {}).get("by") == "current":
            marks.append("sum of currents")
        if "learned" in first.config["rule"].get("errors", ()):
            marks.append("learned feedback")
        if first.config["data"].get("validation_size"):
            marks.append(f"held out {tested:,} of {tested + trained:,}")
        elif first.summary["dataset"] == "mnist":
            marks += [f"{tested:,} tested"] if tested != 10_000 else []
            marks += [f"learns from {trained:,}"] if trained != 60_000 else []
        return marks + list(self.notes)

    def cells(self, place: int) -> list[str]:
        first, last = self.found[0], [e for run in self.found for e in run.errors(1)]
        return [
            str(place),
            self.rule,
            self.recipe,
            number(self.mean),
            number(runs.spread(self.errors)),
            str(len(self.errors)),
            number(sum(last) / len(last)),
            number(self.talk),
            str(first.summary["epochs"]),
            str(first.ticks),
            str(first.test_ticks),
            f"{sum(run.summary['synops_per_sample'] for run in self.found) / len(self.found) / 1000:,.0f}",
            "; ".join(self.marks()),
        ]


def errors(rows: Sequence[Row]) -> str:
    """The table of these rows, and the commands behind it."""
    lines = [table(HEADER, [row.cells(i) for i, row in enumerate(rows, 1)]), "", "```bash"]
    for i, row in enumerate(rows, 1):
        for run in row.found:
            seconds = run.summary["train_seconds"]
            command = " \\\n    ".join(wrap(run.command, 112, break_long_words=False, break_on_hyphens=False))
            lines += [f"# {i}: docs/results/{run.folder}, {seconds:,.0f} s, commit {run.commit}", command]
    return "\n".join([*lines, "```"])


def with_the_rest(network: str, dataset: str, rows: Sequence[Row], elsewhere: frozenset[str]) -> list[Row]:
    """`rows`, and a row for every other kept run of this network that no table declares.

    Args:
        elsewhere: folders that a table declares.
    """
    found = list(rows)
    for folder in runs.kept():
        if folder in elsewhere:
            continue
        run = runs.read(folder)
        if (run.summary["network"], run.summary["dataset"]) == (network, dataset):
            found.append(Row(rule_name(run), folder, folder))
    return found


def rule_name(run: Run) -> str:
    """The rule's name in tables; BP and RBP say their form."""
    name = NAMES.get(run.summary["rule"]) or str(run.summary["rule"])
    form = run.config["rule"].get("form")
    return f"{name} ({form})" if form else name


def talk(network: str, rule: str) -> float | None:
    """The talk's figure in percent, by network and rule (`erbp`, `perbp`, `rbp`, `bp`)."""
    return ERRORS[network].get(rule)
