"""Tables of what a decision, learning and low precision cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from energy import RUNS
from erbp_jax.evaluation.energy import MODELS
from erbp_jax.wording import plural
from published import SYSTEMS
from tabulated import runs
from tabulated.markdown import number, table
from tabulated.networks import LOOKED
from tabulated.runs import RESULTS, value


@dataclass(frozen=True)
class Pair:
    """A run with weights of few bits, and the same in floats.

    Attributes:
        recipe: its name in the table.
        few, full: folders below `docs/results`.
        over: how many of the last epochs are averaged.
        notes: marks that the runs do not tell.
    """

    recipe: str
    few: str
    full: str
    over: int = 5
    notes: tuple[str, ...] = ()

    def cells(self) -> list[str]:
        few, full = runs.read(self.few), runs.read(self.full)
        seeds = len(few.errors(self.over))
        one, other = few.errors(self.over), full.errors(self.over)[:seeds]
        with_few, in_floats = sum(one) / seeds, sum(other) / seeds
        return [
            self.recipe,
            str(few.config["seed"]) if seeds == 1 else f"{seeds} seeds",
            str(few.config["precision"]["weight_bits"]),
            number(in_floats),
            number(with_few),
            number(with_few - in_floats, "+.2f"),
            str(few.summary["epochs"]),
            str(few.ticks),
            few.commit,
            "; ".join(["one seed", *self.notes] if seeds == 1 else self.notes),
            self.few,
        ]


def few_bits(pairs: Sequence[Pair]) -> str:
    """Weights of few bits while learning."""
    header = ("recipe", "seed", "bits", "float, %", "few bits, %", "cost", "epochs", "ticks", "commit", "notes", "run")
    return table(header, (pair.cells() for pair in pairs))


def rounded() -> str:
    """Weights rounded to nearest after learning."""
    rows = value("precision/summary.json", "after_learning")
    base = rows[0]["test_error"]
    header = (
        "bits",
        "test error, %",
        "cost, points",
        "undecided, %",
        "hidden Hz",
        "output Hz",
        "silent hidden, %",
        "notes",
    )
    return table(
        header,
        (
            [
                "float" if row["bits"] is None else str(row["bits"]),
                number(row["test_error"]),
                number(row["test_error"] - base, "+.2f"),
                number(row["undecided"]),
                number(row["rates_hz"][-2], ".0f"),
                number(row["rates_hz"][-1], ".0f"),
                number(row["silent_units"][0], ".0f"),
                "one seed",
            ]
            for row in rows
        ),
    )


LEADS = (4.0, 16.0, 64.0)
"""Margins between sums of currents that the table has, in units of the weights."""


def decisions() -> str:
    """One training of each network, read in several ways."""
    header = ("network", "decision", "error, %", "ties, %", "ticks", "SynOps", "seeds")
    lines = []
    dense = sorted((RESULTS / "currents").rglob("anytime.json"), key=lambda p: (len(str(p)), str(p)))
    for path in [*dense, RESULTS / "conv_mnist_local" / "learned_shifted" / "anytime.json"]:
        found = value(path.relative_to(RESULTS).as_posix())
        network = value(path.with_name("summary.json").relative_to(RESULTS).as_posix(), "network")
        chosen = [(f"most spikes of {row['ticks_given']} ticks", row) for row in found["spike_count"][9::10]]
        chosen += [(f"sum of currents, {row['ticks_given']} ticks", row) for row in found["current"][9::10]]
        margins = [row for row in found["current_margin"] if row["m"] in LEADS]
        chosen += [(f"sum of currents, margin of {row['m']:g}", row) for row in margins]
        for name, row in chosen:
            lines.append([
                *(network, name, number(row["error"]), number(row["undecided"]), number(row["ticks"])),
                *(number(row["synops"], ",.0f"), str(found["seeds"])),
            ])  # fmt: skip
    return table(header, lines)


def early() -> str:
    """Decisions before the end of a presentation."""
    header = (
        *("goal, held out", "decision", "tau_syn", "threshold", "held out, %", "test, %"),
        *("ticks", "SynOps", "uJ at 20 pJ", "notes"),
    )
    return table(header, (_decision(row) for row in value("anytime/summary.json", "decisions")))


def _decision(row: dict[str, Any]) -> list[str]:
    family, _, goal = row["goal"].partition(", held-out error ")
    return [
        f"{goal}, {family}",
        row["rule"],
        f"{row['readout']['tau_syn']:g}",
        f"{row['readout']['threshold']:g}",
        number(row["held_out_error"]),
        number(row["error"]),
        number(row["ticks"]),
        number(row["synops"], ",.0f"),
        number(row["microjoules"]),
        f"one seed; {LOOKED}",
    ]


def inference() -> str:
    """The talk's table of energy for a decision, with rows of our own."""
    header = ("system", "accuracy, %", "uJ per digit", "pJ each", "operations", "technology", "notes")
    rows = [
        [f"the talk: {s.name}", f"{s.accuracy:g}", f"{s.microjoules:g}", "", "", s.node.replace('"', ""), "printed"]
        for s in SYSTEMS
    ]
    last = value("anytime/summary.json", "curve", "as trained", "spike_count")[-1]
    decisions = {row["goal"]: row for row in value("anytime/summary.json", "decisions")}
    first = decisions["first spike, held-out error < 4.75 %"]
    for chip in ("talk", "loihi", "spinnaker2", "truenorth", "cmos_45nm"):
        rows.append(_priced("first spike", first, chip, f"one seed; {LOOKED}"))
    for name, goal in (("first spike, threshold 2", "first spike, held-out error < 4 %"),
                       ("margin of 2", "any rule, held-out error < 3 %")):  # fmt: skip
        rows.append(_priced(name, decisions[goal], "talk", f"one seed; {LOOKED}"))
        rows.append(_priced(name, decisions[goal], "cmos_45nm", f"one seed; {LOOKED}"))
    for chip in ("talk", "cmos_45nm"):
        rows.append(_priced("all 20 ticks", last, chip, "one seed"))
    for network, margins in (("784_200_200_10", LEADS[1:]), ("784_100_10", LEADS[:2])):
        found = value(f"currents/{network}/anytime.json")
        for row in found["current_margin"]:
            if row["m"] in margins:
                name = f"{found['network']}, margin of {row['m']:g} in currents"
                rows += [
                    _priced(name, row, chip, f"{plural(found['seeds'], 'seed')}; {LOOKED}")
                    for chip in ("talk", "cmos_45nm")
                ]
    for name in ("RBP (rate)", "BP (rate)", "BP (rate), quick"):
        row, model = _learned(name), MODELS["cmos_45nm"]
        uj, accuracy = model.macs(row["inference"]), 100 - row["error"][-1]
        figures = [number(accuracy), number(uj, ".3f"), f"{model.mac:g}", f"{row['inference']:,.0f} MACs"]
        rows.append([f"ours: {name}", *figures, model.node, f"{_seeds(name)} seeds; last epoch"])
    return table(header, rows)


def _priced(name: str, decision: dict[str, Any], chip: str, note: str) -> list[str]:
    model, synops = MODELS[chip], decision["synops"]
    figures = [number(100 - decision["error"]), number(model.synops(synops), ".3f"), f"{model.synop:g}"]
    node = "none given" if chip == "talk" else f"{model.node} ({chip})"
    return [f"ours: {name}", *figures, f"{synops:,.0f} SynOps", node, note]


def _learned(name: str) -> dict[str, Any]:
    return next(row for row in value("energy/summary.json", "learning") if row["name"] == name)


def _seeds(name: str) -> int:
    return runs.read(RUNS[name].relative_to(runs.RESULTS).as_posix()).seeds


def learning() -> str:
    """Operations until the test error first is at a goal."""
    header = (
        "rule",
        "unit",
        "counted",
        "per digit",
        "to 5 %",
        "to 3 %",
        "over BP",
        "over quick BP",
        "mJ to 3 %",
        "seeds",
        "notes",
    )
    base, quick = _learned("BP (rate)")["to_goal"]["3"], _learned("BP (rate), quick")["to_goal"]["3"]
    pj = {"SynOps": value("energy/summary.json", "synop_pj"), "MACs": value("energy/summary.json", "mac_pj")}
    lines = []
    for row in value("energy/summary.json", "learning"):
        three = row["to_goal"]["3"]
        lines.append([
            row["name"],
            row["unit"],
            "yes" if row["counted"] else "upper bound",
            number(row["operations_per_sample"], ",.0f"),
            number(row["to_goal"]["5"], ".2e"),
            number(three, ".2e"),
            number(three / base),
            number(three / quick),
            number(1e-9 * pj[row["unit"]] * three, ".0f"),
            str(_seeds(row["name"])),
            {"eRBP, sparse": "one seed; held out 10,000", "peRBP": "one seed"}.get(row["name"], ""),
        ])  # fmt: skip
    return table(header, lines)
