"""Early decisions of a trained run: one pass over its test set, every rule and every moment."""

from dataclasses import asdict
from typing import Any

import jax
import jax.numpy as jnp

from erbp_jax.errors import UserError
from erbp_jax.evaluation import anytime, synops
from erbp_jax.evaluation.energy import EnergyModel
from erbp_jax.params import Params
from erbp_jax.tasks import Classification
from erbp_jax.training.session import Session


def recorded(session: Session, params: Params, epoch: int) -> synops.Recording:
    """The test set presented once by every seed's network; the seeds one after the other along the samples.

    Raises:
        UserError: a network without spikes, or synapses whose deliveries cannot be counted.
    """
    e, d = session.experiment, session.data
    if not isinstance(e.task, Classification):
        raise UserError(f"--anytime: needs a classification, and the run's task is {e.task}")
    if e.test_steps == 1:
        raise UserError("--anytime: a network in the rate form has no spikes, so it decides at once")
    images, labels = jnp.asarray(d.test.x), jnp.asarray(d.test.y)
    parts = []
    for number, seed in enumerate(session.seeds):
        weights = jax.tree.map(lambda x, number=number: x[number], params)
        try:
            parts.append(synops.record(e, seed, weights, images, labels, jnp.int32(epoch)))
        except ValueError as error:
            raise UserError(str(error)) from None
    return synops.joined(parts)


def summary(session: Session, recording: synops.Recording, epoch: int, model: EnergyModel) -> dict[str, Any]:
    """`anytime.json`: the curves with microjoules, and the settings that they depend on."""
    curves = anytime.curves(recording)
    for rows in curves.values():
        for row in rows:
            row["microjoules"] = model.synops(row["synops"])
            row["ms"] = row["ticks"] * session.config.encoding.dt
    ticks, n = recording.output.shape[:2]
    return {
        "network": session.experiment.network.name,
        "dataset": session.data.name,
        "test_name": session.data.test_name,
        "rule": session.config.rule.kind,
        "epoch": epoch,
        "seeds": len(session.seeds),
        "decisions": n,
        "ticks": ticks,
        "dt": session.config.encoding.dt,
        "energy": asdict(model),
        "synops_per_tick": recording.addressed.mean((0, 1)).tolist(),
        "delivered_per_tick": recording.delivered.mean((0, 1)).tolist(),
        "spikes_per_tick": recording.spikes.mean((0, 1)).tolist(),
        "membrane_updates": synops.membrane_updates(session.experiment.network, ticks).tolist(),
        **curves,
    }


def table(result: dict[str, Any]) -> str:
    """What the command line prints."""
    count, majority, margin = result["spike_count"], result["majority"], result["margin"]
    chosen = [("first output spike", majority[0])]
    chosen += [(f"majority of the first {majority[i]['n']}", majority[i]) for i in (1, 4, 9)]
    chosen += [(f"margin of {row['m']}", row) for row in margin[:3]]
    chosen += [(f"spike count, {row['ticks_given']} ticks", row) for row in (count[len(count) // 4], count[-1])]
    chosen += [
        (f"currents, margin of {row['m']:g}", row) for row in result["current_margin"] if row["m"] in (1, 4, 16, 64)
    ]
    sums = result["current"]
    chosen += [(f"sum of currents, {row['ticks_given']} ticks", row) for row in (sums[len(sums) // 4], sums[-1])]
    head = f"{'decision':26s} {'error %':>8s} {'ties by lot':>11s} {'ticks':>6s} {'SynOps':>10s} {'uJ':>8s}"
    lines = [head]
    for name, row in chosen:
        lines.append(
            f"{name:26s} {row['error']:8.2f} {row['error_ties_by_lot']:11.2f} {row['ticks']:6.2f} "
            f"{row['synops']:10,.0f} {row['microjoules']:8.3f}"
        )
    lines.append(f"energy: {result['energy']['synop']:g} pJ per SynOp ({result['energy']['name']})")
    return "\n".join(lines)
