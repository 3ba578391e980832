"""What learning and a classification cost: SynOps, multiply-accumulates and joules, beside the talk's table.

Command:   python experiments/energy.py
           python experiments/energy.py --runs erbp=runs/mine bp=runs/other --anytime runs/anytime/summary.json
Hardware:  any; nothing is trained: it reads the metrics of finished runs (those in docs/results if not given).
Wall time: ten seconds.
Expected:  eRBP at a high rate, its weights averaged, reaches 3 % test error with 1.2 times the operations of rate BP
           (the talk: parity), and with 1.6 times as many if BP's weights are averaged, too (docs/cost.md).

Operations of a spiking rule are synaptic operations: of the forward pass, of plasticity, of error and label spikes.
Of a rule in rate form they are multiply-accumulates: of inputs that are not zero forward, of all weights backward.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.__main__ import guarded
from erbp_jax.viz.figure import MUTED, error_axis, lines, positive_scale, save, styled, subplots

RESULTS = Path(__file__).parents[1] / "docs" / "results"
RUNS = {
    "eRBP": RESULTS / "pi_mnist" / "784_200_200_10" / "erbp",
    "eRBP, sparse": RESULTS / "anytime" / "run",
    "eRBP, quick": RESULTS / "quick_784_200_200_10" / "erbp",
    "peRBP": RESULTS / "pi_mnist" / "784_200_200_10" / "perbp",
    "RBP (rate)": RESULTS / "pi_mnist" / "784_200_200_10" / "rbp",
    "BP (rate)": RESULTS / "pi_mnist" / "784_200_200_10" / "bp",
    "BP (rate), quick": RESULTS / "quick_784_200_200_10" / "bp",
}
GOALS = (5.0, 3.0, 2.5)
CHIPS = ("talk", "truenorth", "loihi", "spinnaker2", "cmos_45nm")
"""Energy models of the first row of our own; the others are priced as in the talk."""
RATIO_TO = "BP (rate)"
SYNOP, MAC = 0.9, 4.6
"""pJ at 45 nm, arithmetic alone: an accumulate, a multiply-accumulate (float32)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", nargs="+", metavar="NAME=FOLDER", help="instead of those in docs/results")
    parser.add_argument("--anytime", type=Path, default=RESULTS / "anytime" / "summary.json")
    parser.add_argument("--out", type=Path, default=Path("runs") / "energy")
    arguments = parser.parse_args()

    from erbp_jax.errors import UserError
    from erbp_jax.files import write_json, write_text
    from erbp_jax.training import run_folder

    runs = RUNS
    if arguments.runs:
        if wrong := [r for r in arguments.runs if not all(r.partition("="))]:
            parser.error(f"--runs: NAME=FOLDER, got {wrong[0]!r}")
        runs = {name: Path(folder) for name, _, folder in (r.partition("=") for r in arguments.runs)}
    if missing := [f"{name}: {folder}" for name, folder in runs.items() if not (folder / run_folder.METRICS).is_file()]:
        raise UserError("no metrics.jsonl in " + "; ".join(missing))
    learning = [_learning(name, folder) for name, folder in runs.items()]
    result: dict[str, Any] = {"learning": learning, "synop_pj": SYNOP, "mac_pj": MAC, "decisions": []}
    if arguments.anytime.is_file():
        result["decisions"] = run_folder.read_json(arguments.anytime)["decisions"]
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_json(arguments.out / "summary.json", result)
    text = "\n".join([*_learning_table(learning), "", *_inference_table(learning, result["decisions"])]) + "\n"
    write_text(arguments.out / "table.md", text)
    draw(learning, arguments.out / "training_cost.png")
    print(text)


def _learning(name: str, folder: Path) -> dict[str, Any]:
    """Error and cumulative operations after every epoch, and operations to each goal."""
    from erbp_jax.training import run_folder

    config = run_folder.open_config(folder)
    metrics = run_folder.read_metrics(folder)
    per_sample = [e.get("training_operations_per_sample") or _estimate(config, e) for e in metrics]
    samples = np.diff([e["samples"] for e in metrics], prepend=0)
    operations = np.cumsum(samples * np.asarray(per_sample))
    error = [e["test_error"] for e in metrics]
    rate = getattr(config.rule, "form", "spiking") == "rate"
    picojoules = MAC if rate else SYNOP
    return {
        "name": name,
        "unit": "MACs" if rate else "SynOps",
        "counted": bool(metrics[-1].get("training_events_per_sample")) or rate,
        "error": error,
        "operations": operations.tolist(),
        "operations_per_sample": float(per_sample[-1]),
        "inference": metrics[-1]["synops_per_sample"],
        "millijoules": (1e-9 * picojoules * operations).tolist(),
        "to_goal": {f"{goal:g}": _reached(error, operations, goal) for goal in GOALS},
    }


def _estimate(config: Any, entry: dict[str, Any]) -> float:
    """For metrics from before learning was counted: all gates open."""
    from erbp_jax import data
    from erbp_jax.config.build import build
    from erbp_jax.learning.base import DenseWork

    e: Any = build(config, data.load(config.data.name, config.data.dir))
    forward = entry["synops_per_sample"] * e.steps / e.test_steps
    if isinstance(e.rule, DenseWork):
        return forward + e.steps * e.rule.operations(e.network)
    written = forward * (e.steps - e.burn_in) / e.steps
    return forward + written + entry["error_spikes_per_sample"] * e.rule.error_fan_out(e.network)[-1]


def _reached(error: list[float], operations: np.ndarray, goal: float) -> float | None:
    """Operations when the error first is at the goal; between epochs linear in the error's logarithm."""
    for i, e in enumerate(error):
        if e <= goal:
            if i == 0:
                return float(operations[0])
            part = np.log(error[i - 1] / goal) / np.log(error[i - 1] / e)
            return float(operations[i - 1] + part * (operations[i] - operations[i - 1]))
    return None


def _learning_table(learning: list[dict[str, Any]]) -> Iterator[str]:
    yield "| rule | unit | per digit | " + " | ".join(f"to {g:g} %" for g in GOALS) + f" | to 3 %, over {RATIO_TO} |"
    yield "|" + "---|" * (4 + len(GOALS))
    base = next((row["to_goal"]["3"] for row in learning if row["name"] == RATIO_TO), None)
    for row in learning:
        reached = [row["to_goal"][f"{goal:g}"] for goal in GOALS]
        figures = " | ".join("-" if x is None else f"{x:.2e}" for x in reached)
        at_three = row["to_goal"]["3"]
        ratio = "-" if base is None or at_three is None else f"{at_three / base:.2f}"
        unit = row["unit"] + ("" if row["counted"] else " (at most)")
        yield f"| {row['name']} | {unit} | {row['operations_per_sample']:,.0f} | {figures} | {ratio} |"


def _inference_table(learning: list[dict[str, Any]], decisions: list[dict[str, Any]]) -> Iterator[str]:
    from erbp_jax.evaluation.energy import MODELS
    from published import SYSTEMS

    yield "| system | accuracy % | uJ per digit | technology | assumption |"
    yield "|---|---|---|---|---|"
    for system in SYSTEMS:
        figures = f"{system.accuracy:g} | {system.microjoules:g} | {system.node} | {system.remark}"
        yield f"| the talk: {system.name} | {figures} |"
    for row in decisions:
        for name in CHIPS if row is decisions[0] else ("talk",):
            model = MODELS[name]
            remark = f"{row['synops']:,.0f} SynOps times {model.synop:g} pJ"
            accuracy = 100.0 - row["error"]
            uj = model.synops(row["synops"])
            yield f"| ours, {row['rule']}: {name} | {accuracy:.2f} | {uj:.3f} | {model.node} | {remark} |"
    for row in learning:
        if row["unit"] == "MACs":
            accuracy, model = 100.0 - row["error"][-1], MODELS["cmos_45nm"]
            remark = f"{row['inference']:,.0f} effective MACs times {model.mac} pJ, arithmetic alone"
            uj = model.macs(row["inference"])
            yield f"| ours, {row['name']} | {accuracy:.2f} | {uj:.3f} | {model.node} | {remark} |"


@styled
def draw(learning: list[dict[str, Any]], path: Path) -> Path:
    """Test error against operations so far, and against what their arithmetic takes."""

    figure, axes = subplots(1, 2, figsize=(8.6, 4.2), sharey=True)
    for row, line in zip(learning, lines(), strict=False):
        style = {**line, "linestyle": "--" if row["unit"] == "MACs" else "-", "markersize": 3}
        for axis, x in zip(axes, (row["operations"], row["millijoules"]), strict=True):
            axis.plot(x, row["error"], linewidth=1.3, label=f"{row['name']}, {row['unit']}", **style)
    axes[0].set(xlabel="operations so far (SynOps or MACs)", ylabel="test error (%)")
    axes[1].set(xlabel=f"energy of arithmetic alone, 45 nm (mJ; SynOp {SYNOP:g} pJ, MAC {MAC:g} pJ)")
    error_axis(axes[0], [e for row in learning for e in row["error"]])
    for axis, key in zip(axes, ("operations", "millijoules"), strict=True):
        positive_scale(axis, [x for row in learning for x in row[key]])
        axis.axhline(3.0, color=MUTED, linewidth=0.8, linestyle=":")
        axis.grid(axis="y", color=MUTED, alpha=0.25, linewidth=0.5, which="both")
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", frameon=False, fontsize=8, ncols=3, handlelength=3)
    return save(figure, path)


if __name__ == "__main__":
    guarded(main)
