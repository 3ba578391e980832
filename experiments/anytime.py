"""Early decisions: error at the first output spike, and at any later moment, against SynOps.

Command:   python experiments/anytime.py
           python experiments/anytime.py --run RUN          (a finished run of another eRBP config with held-out digits)
Resumable: training goes on where it was stopped; the rest takes two minutes.
Hardware:  one CPU core or more.
Wall time: about 6 minutes of training on a free core (12 epochs of 50,000 digits, 20 ticks each), 2 of reading.
Expected:  784-200-200-10, eRBP: error at the first output spike below 5 % at 30,000 SynOps or less, where the talk has
           100,000; docs/results/anytime has what was measured.

The output neurons may differ from those of training: they add up currents over `tau_syn` ticks and fire at `threshold`.
Higher thresholds wait longer. Which readout is used is chosen on held-out training digits; test digits are shown to
the chosen ones alone. A tie or silence is an error.
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from erbp_jax.__main__ import guarded

CONFIG = Path(__file__).parents[1] / "configs" / "pi_mnist" / "sparse_784_200_200_10.yaml"
TALK = (100_000, 5.0)
TAUS, THRESHOLDS = (0.5, 1.0, 2.0, 3.0), (1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.25, 2.5, 3.0)
WANTED = (4.75, 4.5, 4.0, 3.5, 3.0, 2.75, 2.5)
"""Held-out errors that a cheapest readout is sought for; a standard error of 10,000 digits is 0.2 points."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a finished run; if not given one is trained in OUT/run")
    parser.add_argument("--ticks", type=int, default=20, help="at most, a digit [20]")
    parser.add_argument("--out", type=Path, default=Path("runs") / "anytime")
    arguments = parser.parse_args()

    from erbp_jax.files import write_json, write_text
    from erbp_jax.viz.anytime import anytime_curves

    run = arguments.run or _trained(arguments.out / "run")
    held_out, _, _ = _record(run, arguments.ticks, held_out=True)
    chosen = _choose(held_out)
    recording, session, epoch = _record(run, arguments.ticks, held_out=False)
    curves = _curves(session, recording, chosen, epoch)
    result = {"epoch": epoch, "talk": TALK, **_apply(chosen, recording), "curve": curves}
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_json(arguments.out / "summary.json", result)
    write_text(arguments.out / "table.md", text := _markdown(result))
    anytime_curves(curves, arguments.out / "anytime.png", ("the talk", *TALK))
    print(text)


def _trained(folder: Path) -> Path:
    from erbp_jax.cli import resume, train
    from erbp_jax.training import run_folder

    if not (folder / run_folder.CONFIG).exists():
        train(CONFIG, [], folder)
    else:
        resume(folder)  # says so, if it is finished
    return folder


def _record(run: Path, ticks: int, *, held_out: bool):
    """One run over the held-out or the test digits, with output neurons that only collect."""
    from erbp_jax.config import load_config
    from erbp_jax.errors import UserError
    from erbp_jax.training import run_folder
    from erbp_jax.training.anytime import recorded
    from erbp_jax.training.evaluate import restore
    from erbp_jax.training.session import Session
    from readouts import RAW, with_readout

    if not run_folder.open_config(run).data.validation_size:
        raise UserError(f"{run}: was trained on all digits (data.validation_size); none is left to choose a readout on")
    overrides = [f"encoding.test_steps={ticks}"] + ([] if held_out else ["data.validation_size=0"])
    session = Session(load_config(run / run_folder.CONFIG, overrides))
    learner, place = restore(session, run)
    plain = session.experiment
    session.experiment = with_readout(plain, RAW)
    recording = recorded(session, learner.weights, place.epoch)
    session.experiment = plain
    return recording, session, place.epoch


def _choose(recording) -> dict[str, dict[str, Any]]:
    """Of all readouts and rules the cheapest ones that reach the wanted errors."""
    from erbp_jax.evaluation import anytime
    from readouts import Readout, readings

    rows = []
    for readout, seen in readings(recording, [Readout(t, v) for t in TAUS for v in THRESHOLDS]):
        rules = {"first spike": anytime.first_spike(seen.output)}
        rules |= {f"margin {m}": anytime.margin(seen.output, m) for m in (1, 2, 3)}
        rules |= {f"majority {n}": anytime.majority(seen.output, n) for n in (3, 5)}
        rows += [
            {"rule": name, "readout": asdict(readout), **anytime.row(seen, decisions)}
            for name, decisions in rules.items()
        ]
    chosen = {}
    for goal in WANTED:
        for kind in ("first spike", ""):
            good = [r for r in rows if r["error"] < goal and r["rule"].startswith(kind)]
            if good:
                best = min(good, key=lambda r: r["synops"])
                chosen[f"{kind or 'any rule'}, held-out error < {goal:g} %"] = best
    return chosen


def _apply(chosen: dict[str, dict[str, Any]], recording) -> dict[str, Any]:
    """The chosen readouts and rules on the test digits."""
    from erbp_jax.evaluation import anytime
    from readouts import Readout, readings

    rows = []
    for goal, row in chosen.items():
        ((readout, seen),) = readings(recording, [Readout(**row["readout"])])
        kind, _, number = row["rule"].partition(" ")
        n = 1 if kind == "first" else int(number)
        decisions = (anytime.margin if kind == "margin" else anytime.majority)(seen.output, n)
        figures = anytime.row(seen, decisions)
        rows.append(
            {
                "goal": goal,
                "rule": row["rule"],
                "readout": asdict(readout),
                "held_out_error": row["error"],
                "microjoules": 2e-5 * figures["synops"],
                **figures,
            }
        )
    return {"decisions": rows, "synops_per_tick": recording.addressed.mean((0, 1)).tolist()}


def _curves(session, recording, chosen: dict[str, dict[str, Any]], epoch: int) -> dict[str, dict[str, Any]]:
    """All curves with the output neurons of training, and with those chosen for an early first spike."""
    from erbp_jax.evaluation.energy import MODELS
    from erbp_jax.training.anytime import summary
    from published import first_spike_synops
    from readouts import Readout, readings

    network = session.experiment.network
    last = network.population(network.output).neuron
    wanted = {"as trained": Readout(last.tau_syn, last.threshold)}
    early = [row for goal, row in chosen.items() if goal.startswith("first spike")]
    if early:
        wanted["waiting readout"] = Readout(**early[0]["readout"])
    seen = zip(wanted, readings(recording, wanted.values()), strict=True)
    paper = network.sizes == (784, 200, 200, 10)
    return {
        name: summary(session, own, epoch, MODELS["talk"])
        | {"first_spike_published": first_spike_synops(own) if paper else None}
        for name, (_, own) in seen
    }


def _markdown(result: dict[str, Any]) -> str:
    lines = [
        "| chosen for | rule | readout tau, threshold | held-out % | test error % | ties by lot % | ticks | SynOps | "
        "median, 95 % | uJ at 20 pJ |",
        "|" + "---|" * 10,
    ]
    for row in result["decisions"]:
        readout = f"{row['readout']['tau_syn']:g}, {row['readout']['threshold']:g}"
        lines.append(
            f"| {row['goal']} | {row['rule']} | {readout} | {row['held_out_error']:.2f} | **{row['error']:.2f}** | "
            f"{row['error_ties_by_lot']:.2f} | {row['ticks']:.2f} | **{row['synops']:,.0f}** | "
            f"{row['synops_median']:,.0f}, {row['synops_p95']:,.0f} | {row['microjoules']:.2f} |"
        )
    last = result["curve"]["as trained"]["spike_count"][-1]
    lines += ["", f"All {last['ticks_given']} ticks: {last['error']:.2f} % at {last['synops']:,.0f} SynOps."]
    per_tick = ", ".join(f"{x:,.0f}" for x in result["synops_per_tick"])
    lines += [f"SynOps per tick by layer: {per_tick}."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    guarded(main)
