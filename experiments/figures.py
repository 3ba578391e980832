"""Pictures of the docs, drawn again from the runs that are kept in docs/results.

Command:   python experiments/figures.py [--out docs]
Wall time: 10 s on one core.
Expected:  figures/comparison.png, results/pi_mnist/784_500_500_10/alignment.png, results/anytime/anytime.png,
           results/energy/training_cost.png and results/precision/twenty_ticks/precision.png in the folder.
"""

import argparse
import re
from pathlib import Path
from typing import Any

from erbp_jax.__main__ import guarded
from erbp_jax.viz.names import rule_name

DOCS = Path(__file__).parents[1] / "docs"
RESULTS = DOCS / "results"
RULES = {rule: rule_name(rule, "rate") for rule in ("erbp", "perbp", "rbp", "bp")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=DOCS)
    out = parser.parse_args().out

    from energy import draw as draw_cost
    from erbp_jax.training.run_folder import read_json
    from erbp_jax.viz.anytime import anytime_curves
    from precision import draw as draw_precision

    print(comparison(out / "figures" / "comparison.png"))
    print(alignment(out / "results" / "pi_mnist" / "784_500_500_10" / "alignment.png"))
    early = read_json(RESULTS / "anytime" / "summary.json")
    print(anytime_curves(early["curve"], out / "results" / "anytime" / "anytime.png", ("the talk", *early["talk"])))
    cost = read_json(RESULTS / "energy" / "summary.json")["learning"]
    print(draw_cost(cost, out / "results" / "energy" / "training_cost.png"))
    table = (RESULTS / "precision" / "twenty_ticks" / "table.md").read_text()
    print(draw_precision(precisions(table), out / "results" / "precision" / "twenty_ticks" / "precision.png"))


def comparison(path: Path) -> Path:
    """Learning curves of 784-200-10 by three rules, with the talk's errors."""
    from erbp_jax.training.run_folder import read_metrics
    from erbp_jax.viz.comparison import learning_curves
    from published import ERRORS

    shown = ("erbp", "rbp", "bp")
    metrics = {RULES[rule]: read_metrics(RESULTS / "pi_mnist" / "784_200_10" / rule) for rule in shown}
    talk = {f"the talk: {RULES[rule]}": ERRORS["784-200-10"][rule] for rule in shown}
    return learning_curves(metrics, path, published=talk)


def alignment(path: Path) -> Path | None:
    """Angles while 784-500-500-10 learns."""
    from erbp_jax.training.run_folder import read_metrics
    from erbp_jax.viz.comparison import alignment_curves

    folder = RESULTS / "pi_mnist" / "784_500_500_10"
    return alignment_curves({name: read_metrics(folder / rule) for rule, name in RULES.items()}, path)


def precisions(table: str) -> dict[str, Any]:
    """Errors by bits, of the two tables that `precision.py` wrote: while learning, and rounded after it."""
    learned, after = (part for part in table.split("\n\n") if part.startswith("|"))
    rows = re.compile(r"^\| (float|\d+ bits) \| ([\d.]+) \|", re.MULTILINE)
    return {
        "while_learning": [{"name": n, "test_error": float(e)} for n, e in rows.findall(learned)],
        "after_learning": [
            {"bits": None if n == "float" else int(n.split()[0]), "test_error": float(e)}
            for n, e in rows.findall(after)
        ],
    }


if __name__ == "__main__":
    guarded(main)
