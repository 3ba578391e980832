"""What a comparison comes to: a row per rule."""

from collections.abc import Mapping, Sequence
from typing import Any

from erbp_jax.comparison.cells import Cell
from erbp_jax.errors import UserError
from erbp_jax.evaluation.cost import training_operations
from erbp_jax.tasks.base import ERROR, Measure, judged_by
from erbp_jax.training import run_folder
from erbp_jax.viz.names import entry_name

GOAL = 5.0
"""Test error, in percent, that the cost of learning is measured to."""


def columns(measure: Measure, test_name: str) -> dict[str, str]:
    """The heads of the columns, by key."""
    error = measure == ERROR
    return {
        "rule": "rule",
        "test": f"{test_name} {measure.name}" + (" (%)" if measure.counted else ""),
        "seeds": "seeds",
        "epochs": "epochs",
        **({"samples_to": "digits until 5 %", "operations_to": "operations until 5 %"} if error else {}),
        "synops": "SynOps or MACs per digit" if error else "SynOps or MACs per sample",
        "seconds": "training (s)",
        "compile": "compiling (s)",
    }


def test_name_of(kept: Mapping[str, Any]) -> str:
    """What the test samples of a table or summary are called; older ones do not say."""
    return kept.get("test_name", "test")


def columns_of(table: dict[str, Any]) -> dict[str, str]:
    """Those of the columns that say something of a rule at least: no column of dashes."""
    heads = columns(judged_by(table), test_name_of(table))
    hollow = {"samples_to": "samples_to_goal", "operations_to": "operations_to_goal"}
    return {k: v for k, v in heads.items() if k not in hollow or any(r[hollow[k]] is not None for r in table["rows"])}


def collect(cells: Sequence[Cell]) -> dict[str, Any]:
    """`table.json`: what the cells have in common, and a row of numbers for each."""
    rows = [_row(cell) for cell in cells]
    measure = judged_by(rows[0])
    name = f"{test_name_of(rows[0])} {measure.name}"
    last = "last five epochs" + (", or all if fewer" if min(row["epochs"] for row in rows) < 5 else "")
    what = f"mean over seeds of the mean {name} of the {last}, +- standard deviation over seeds"
    common = ("dataset", "network", "measure", "test_name")
    return {key: rows[0][key] for key in common} | {
        "protocol": what,
        "goal": GOAL if measure == ERROR else None,
        "rows": [{k: v for k, v in row.items() if k not in common} for row in rows],
    }


def markdown(table: dict[str, Any]) -> str:
    """`table.md`."""
    heads = columns_of(table)
    lines = [
        f"# {table['network']}, {table['dataset']}",
        "",
        f"{table['protocol'][0].upper()}{table['protocol'][1:]}.",
        "",
        "| " + " | ".join(heads.values()) + " |",
        "|" + "---|" * len(heads),
        *("| " + " | ".join(texts[key] for key in heads) + " |" for texts in cells(table)),
    ]
    return "\n".join(lines) + "\n"


def cells(table: dict[str, Any]) -> list[dict[str, str]]:
    """The rows as text, by the keys of `columns`."""
    return [_texts(row, judged_by(table)) for row in table["rows"]]


def _texts(row: dict[str, Any], measure: Measure) -> dict[str, str]:
    name, digits = f"test_{measure.name}", ".2f" if measure.counted else ".4g"
    spread = "" if row[f"{name}_std"] is None else f" +- {row[f'{name}_std']:{digits}}"
    samples, operations = row["samples_to_goal"], row["operations_to_goal"]
    return {
        "rule": entry_name(row["name"], row["rule"], row["form"]),
        "test": f"{row[name]:{digits}}{spread}",
        "seeds": str(row["seeds"]),
        "epochs": str(row["epochs"]),
        "samples_to": "-" if samples is None else f"{samples:,}",
        "operations_to": "-" if operations is None else f"{operations:.1e}",
        "synops": f"{row['synops_per_sample']:,.0f}",
        "seconds": f"{row['train_seconds']:.0f}",
        "compile": f"{row['compile_seconds']:.0f}",
    }


def _row(cell: Cell) -> dict[str, Any]:
    summary = run_folder.read_json(cell.folder / run_folder.SUMMARY)
    metrics = run_folder.read_metrics(cell.folder)
    if len(metrics) != summary.get("epochs"):
        raise UserError(f"{cell.folder / run_folder.METRICS}: has {len(metrics)} epochs of {summary.get('epochs')}")
    form = getattr(cell.config.rule, "form", "spiking")
    measure = judged_by(summary)
    name = f"test_{measure.name}"
    reached = next((i for i, entry in enumerate(metrics) if measure == ERROR and entry[name] <= GOAL), None)
    return {
        "name": cell.name,
        "rule": summary["rule"],
        "form": form,
        "dataset": summary["dataset"],
        "network": summary["network"],
        "measure": measure._asdict(),
        "test_name": test_name_of(summary),
        name: summary[f"{name}_mean_last5"],
        f"{name}_std": summary[f"{name}_mean_last5_std"],
        f"{name}_per_seed": summary[f"{name}_mean_last5_per_seed"],
        "seed": summary["seed"],
        "seeds": summary["seeds"],
        "epochs": summary["epochs"],
        "train_size": summary["train_size"],
        "test_size": summary["test_size"],
        "samples_to_goal": None if reached is None else metrics[reached]["samples"],
        "operations_to_goal": None if reached is None else float(training_operations(metrics)[reached]),
        "synops_per_sample": summary["synops_per_sample"],
        "train_seconds": summary["train_seconds"],
        "compile_seconds": summary["compile_seconds"],
        "samples_per_second": summary["samples_per_second"],
    }
