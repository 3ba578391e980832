"""What a comparison comes to: a row a rule."""

from collections.abc import Sequence
from typing import Any

from erbp_jax.comparison.cells import Cell
from erbp_jax.errors import UserError
from erbp_jax.evaluation.cost import training_operations
from erbp_jax.training import run_folder

COLUMNS = {
    "rule": "rule",
    "test_error": "test error %",
    "seeds": "seeds",
    "epochs": "epochs",
    "samples_to": "digits until 5 %",
    "operations_to": "operations until 5 %",
    "synops": "SynOps or MACs a digit",
    "seconds": "training s",
    "compile": "compiling s",
}
GOAL = 5.0
"""Test error, in percent, that the cost of learning is measured to."""


def collect(cells: Sequence[Cell]) -> dict[str, Any]:
    """`table.json`: what the cells have in common, and a row of numbers for each."""
    rows = [_row(cell) for cell in cells]
    return {key: rows[0].pop(key) for key in ("dataset", "network")} | {
        "protocol": "mean over seeds of the mean test error of the last five epochs, +- standard deviation over seeds",
        "goal": GOAL,
        "rows": [{k: v for k, v in row.items() if k not in ("dataset", "network")} for row in rows],
    }


def markdown(table: dict[str, Any]) -> str:
    """`table.md`."""
    lines = [
        f"# {table['network']}, {table['dataset']}",
        "",
        f"{table['protocol'][0].upper()}{table['protocol'][1:]}.",
        "",
        "| " + " | ".join(COLUMNS.values()) + " |",
        "|" + "---|" * len(COLUMNS),
        *("| " + " | ".join(cells(row)) + " |" for row in table["rows"]),
    ]
    return "\n".join(lines) + "\n"


def cells(row: dict[str, Any]) -> list[str]:
    """A row as text, in the order of `COLUMNS`."""
    return [
        row["name"] + (f" ({row['form']})" if row["rule"] in ("bp", "rbp") and row["form"] not in row["name"] else ""),
        f"{row['test_error']:.2f}" + ("" if row["test_error_std"] is None else f" +- {row['test_error_std']:.2f}"),
        str(row["seeds"]),
        str(row["epochs"]),
        "-" if row["samples_to_goal"] is None else f"{row['samples_to_goal']:,}",
        "-" if row["operations_to_goal"] is None else f"{row['operations_to_goal']:.1e}",
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
    reached = next((i for i, entry in enumerate(metrics) if entry["test_error"] <= GOAL), None)
    return {
        "name": cell.name,
        "rule": summary["rule"],
        "form": form,
        "dataset": summary["dataset"],
        "network": summary["network"],
        "test_error": summary["test_error_mean_last5"],
        "test_error_std": summary["test_error_mean_last5_std"],
        "test_error_per_seed": summary["test_error_mean_last5_per_seed"],
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
