"""What a comparison comes to: a row a rule."""

from collections.abc import Sequence
from typing import Any

from erbp_jax.comparison.cells import Cell
from erbp_jax.errors import UserError
from erbp_jax.evaluation.cost import training_operations
from erbp_jax.tasks.base import ERROR, Measure, judged_by
from erbp_jax.training import run_folder

GOAL = 5.0
"""Test error, in percent, that the cost of learning is measured to."""


def columns(measure: Measure) -> dict[str, str]:
    """The heads of the columns, by key."""
    error = measure == ERROR
    return {
        "rule": "rule",
        "test": f"test {measure.name}{measure.unit}",
        "seeds": "seeds",
        "epochs": "epochs",
        **({"samples_to": "digits until 5 %", "operations_to": "operations until 5 %"} if error else {}),
        "synops": "SynOps or MACs a digit" if error else "SynOps or MACs a sample",
        "seconds": "training s",
        "compile": "compiling s",
    }


def collect(cells: Sequence[Cell]) -> dict[str, Any]:
    """`table.json`: what the cells have in common, and a row of numbers for each."""
    rows = [_row(cell) for cell in cells]
    measure = judged_by(rows[0])
    what = f"mean over seeds of the mean test {measure.name} of the last five epochs, +- standard deviation over seeds"
    common = ("dataset", "network", "measure")
    return {key: rows[0][key] for key in common} | {
        "protocol": what,
        "goal": GOAL if measure == ERROR else None,
        "rows": [{k: v for k, v in row.items() if k not in common} for row in rows],
    }


def markdown(table: dict[str, Any]) -> str:
    """`table.md`."""
    heads = columns(judged_by(table))
    lines = [
        f"# {table['network']}, {table['dataset']}",
        "",
        f"{table['protocol'][0].upper()}{table['protocol'][1:]}.",
        "",
        "| " + " | ".join(heads.values()) + " |",
        "|" + "---|" * len(heads),
        *("| " + " | ".join(cells(row, judged_by(table))) + " |" for row in table["rows"]),
    ]
    return "\n".join(lines) + "\n"


def cells(row: dict[str, Any], measure: Measure) -> list[str]:
    """A row as text, in the order of `columns`."""
    name, digits = f"test_{measure.name}", ".2f" if measure.counted else ".4g"
    spread = "" if row[f"{name}_std"] is None else f" +- {row[f'{name}_std']:{digits}}"
    until = [
        "-" if row["samples_to_goal"] is None else f"{row['samples_to_goal']:,}",
        "-" if row["operations_to_goal"] is None else f"{row['operations_to_goal']:.1e}",
    ]
    return [
        row["name"] + (f" ({row['form']})" if row["rule"] in ("bp", "rbp") and row["form"] not in row["name"] else ""),
        f"{row[name]:{digits}}{spread}",
        str(row["seeds"]),
        str(row["epochs"]),
        *(until if measure == ERROR else []),
        f"{row['synops_per_sample']:,.0f}",
        f"{row['train_seconds']:.0f}",
        f"{row['compile_seconds']:.0f}",
    ]


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
