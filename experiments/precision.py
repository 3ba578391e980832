"""How many bits eRBP needs: weights of 2 to 16 bits and states of 8 to 16 bits, while learning and after it.

Command:   python experiments/precision.py
           python experiments/precision.py --seeds 2 --only '8 bits,7 bits,6 bits'
Resumable: the same command goes on where it was stopped; finished trainings are not run again.
Hardware:  one CPU core or more.
Wall time: about 8 minutes a training and seed on a free core; eleven trainings of 784-200-10, 30 epochs of 40 ticks.
Expected:  learning with weights of 8 bits costs 0.3 points or less against its float twin; docs/cost.md has the least
           number of bits that costs 0.5 points or less.

All trainings have the same seeds, initial weights, order of digits and spikes: what differs is the grid. Why their
batches are large: configs/pi_mnist/few_bits_784_200_10.yaml.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.__main__ import guarded
from erbp_jax.viz.figure import ACCENT, INK, MUTED, error_axis, save, styled, subplots

CONFIG = Path(__file__).parents[1] / "configs" / "pi_mnist" / "few_bits_784_200_10.yaml"
VARIANTS: dict[str, list[str]] = {
    "float": [],
    "8 bits": ["precision.weight_bits=8"],
    "7 bits": ["precision.weight_bits=7"],
    "6 bits": ["precision.weight_bits=6"],
    "5 bits": ["precision.weight_bits=5"],
    "4 bits": ["precision.weight_bits=4"],
    "3 bits": ["precision.weight_bits=3"],
    "2 bits": ["precision.weight_bits=2"],
    "8 bits with states 16": ["precision.weight_bits=8", "precision.state_bits=16"],
    "8 bits with states 8": ["precision.weight_bits=8", "precision.state_bits=8"],
    "8 bits to nearest": ["precision.weight_bits=8", "precision.rounding=nearest"],
}
AFTER = (8, 6, 5, 4, 3, 2)
"""Bits that the float network is rounded to after learning."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--only", help=f"which, by comma; float is always there [{','.join(VARIANTS)}]")
    parser.add_argument("--out", type=Path, default=Path("runs") / "precision")
    arguments = parser.parse_args()
    chosen = list(VARIANTS) if arguments.only is None else ["float", *arguments.only.split(",")]
    if unknown := set(chosen) - set(VARIANTS):
        parser.error(f"--only: {', '.join(sorted(unknown))} not known; there are {', '.join(VARIANTS)}")

    from erbp_jax.files import write_json, write_text

    common = [f"training.seeds={arguments.seeds}", f"training.epochs={arguments.epochs}", "training.alignment=false"]
    runs = {name: _trained(name, [*common, *VARIANTS[name]], arguments.out) for name in dict.fromkeys(chosen)}
    result = {"while_learning": _rows(runs), "after_learning": _after(runs["float"], arguments.out)}
    write_json(arguments.out / "summary.json", result)
    write_text(arguments.out / "table.md", text := _markdown(result))
    draw(result, arguments.out / "precision.png")
    print(text)


def _trained(name: str, overrides: list[str], out: Path) -> Path:
    """The run folder of a variant, trained to its end."""
    from erbp_jax.cli import resume, train
    from erbp_jax.config import load_config
    from erbp_jax.errors import UserError
    from erbp_jax.training import run_folder

    folder = out / name.replace(" ", "_")
    if not (folder / run_folder.CONFIG).exists():
        print(f"== {name}")
        train(CONFIG, overrides, folder, None)
    elif run_folder.open_config(folder) != load_config(CONFIG, overrides):
        raise UserError(f"{folder}: holds a run with another config; choose another --out")
    else:
        resume(folder)  # says so, if it is finished
    return folder


def _rows(runs: dict[str, Path]) -> list[dict[str, Any]]:
    """Mean errors of the last five epochs, and the paired differences to the float twin over seeds."""
    from erbp_jax.training.run_folder import read_metrics

    errors = {
        name: np.asarray([entry["per_seed"]["test_error"] for entry in read_metrics(folder)])[-5:].mean(0)
        for name, folder in runs.items()
    }
    rows = []
    for name, folder in runs.items():
        last = read_metrics(folder)[-1]
        cost = errors[name] - errors["float"]
        rows.append(
            {
                "name": name,
                "test_error": float(errors[name].mean()),
                "cost": float(cost.mean()),
                "cost_per_seed": cost.tolist(),
                "undecided": last["undecided"],
                "rates_hz": last["rates_hz"],
                "synops_per_sample": last["synops_per_sample"],
            }
        )
    return rows


def _after(folder: Path, out: Path) -> list[dict[str, Any]]:
    """The float network, rounded to few bits without learning again."""
    import jax

    from erbp_jax.files import write_json
    from erbp_jax.training import quantized, run_folder
    from erbp_jax.training.evaluate import restore
    from erbp_jax.training.session import Session

    path = out / "after_learning.json"
    session = Session(run_folder.open_config(folder))
    learner, place = restore(session, folder)
    if path.exists():
        done = run_folder.read_json(path)
        if done.get("epoch") == place.epoch and done.get("bits") == list(AFTER):
            return done["rows"]
    rows = []
    for bits in (None, *AFTER):
        params = learner.weights if bits is None else quantized.with_weight_bits(learner.weights, bits)[0]
        report = quantized.firing_report(session, session.experiment, params, place.epoch)
        rows.append({"bits": bits, **report})
        print(f"after learning, {bits or 32} bits: {report['test_error']:.2f} %", flush=True)
        jax.clear_caches()
    write_json(path, {"epoch": place.epoch, "bits": list(AFTER), "rows": rows})
    return rows


def _markdown(result: dict[str, Any]) -> str:
    lines = [
        "| weights while learning | test error % | cost, points | by seed | undecided % | rates, Hz |",
        "|---|---|---|---|---|---|",
    ]
    for row in result["while_learning"]:
        seeds = ", ".join(f"{c:+.2f}" for c in row["cost_per_seed"])
        rates = ", ".join(f"{r:.0f}" for r in row["rates_hz"][1:])
        figures = f"{row['test_error']:.2f} | {row['cost']:+.2f} | {seeds} | {row['undecided']:.2f}"
        lines.append(f"| {row['name']} | {figures} | {rates} |")
    lines += [
        "",
        "| rounded after learning | test error % | undecided % | rates, Hz | silent units, % |",
        "|---|---|---|---|---|",
    ]
    for row in result["after_learning"]:
        rates, silent = (", ".join(f"{x:.0f}" for x in row[key]) for key in ("rates_hz", "silent_units"))
        name = "float" if row["bits"] is None else f"{row['bits']} bits"
        lines.append(f"| {name} | {row['test_error']:.2f} | {row['undecided']:.2f} | {rates} | {silent} |")
    return "\n".join(lines) + "\n"


@styled
def draw(result: dict[str, Any], path: Path) -> Path:
    """Error by bits, learned with so few or rounded to them afterwards."""

    figure, axis = subplots(figsize=(5.4, 3.4))
    plain = {r["name"]: r for r in result["while_learning"]}
    learned = sorted((int(n.split()[0]), r["test_error"]) for n, r in plain.items() if n.endswith(" bits"))
    after = sorted((r["bits"], r["test_error"]) for r in result["after_learning"] if r["bits"])
    if learned:
        axis.plot(*zip(*learned, strict=True), "o-", color=ACCENT, ms=4, label="while learning (stochastic rounding)")
    axis.plot(*zip(*after, strict=True), "s--", color=INK, ms=4, label="after learning (best step, nearest)")
    axis.axhline(plain["float"]["test_error"], color=MUTED, linestyle=":", label="32-bit float")
    axis.set(xlabel="bits per weight", ylabel="test error (%)")
    error_axis(axis, [plain["float"]["test_error"], *(e for _, e in learned), *(e for _, e in after)])
    axis.legend(frameon=False)
    return save(figure, path)


if __name__ == "__main__":
    guarded(main)
