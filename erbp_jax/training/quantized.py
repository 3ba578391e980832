"""What fewer bits do to a trained run: its error and its firing before and after."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.config.build_precision import quantize_states
from erbp_jax.evaluation.passes import batches, present
from erbp_jax.evaluation.precision import best_grids, quantize
from erbp_jax.grid import Grid
from erbp_jax.params import Params
from erbp_jax.tasks.classification import check_by_sum
from erbp_jax.tasks.decisions import decide
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.session import Session


def with_weight_bits(params: Params, bits: int) -> tuple[Params, list[list[float | None]]]:
    """Every seed's weights in `bits` bits, each layer on its own best grid; and the steps of the grids `[S][L]`, None
    for layers without weights."""
    seeds = jax.tree.leaves(params.trained)[0].shape[0]
    per_seed = [jax.tree.map(lambda x, s=s: x[s], params.trained) for s in range(seeds)]
    grids = [best_grids(p, bits) for p in per_seed]
    rounded = [quantize(p, g) for p, g in zip(per_seed, grids, strict=True)]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *rounded)
    return params._replace(trained=stacked), [[g and g.step for g in layers] for layers in grids]


def with_state_bits(session: Session, bits: int) -> Experiment:
    """The session's experiment with neurons that store their states in `bits` bits."""
    network = quantize_states(session.experiment.network, Grid.reaching(session.config.precision.state_range, bits))
    return replace(session.experiment, network=network)


def firing_report(session: Session, experiment: Experiment, params: Params, epoch: int) -> dict[str, Any]:
    """Error, rates and the share of units that never fire on the test set, layer by layer; means over seeds."""
    check_by_sum(experiment.task, "--weight-bits and --state-bits")
    e, images, labels = experiment, jnp.asarray(session.data.test.x), session.data.test.y
    n = len(labels)

    def keep(trace):
        ticks, rows = trace.populations[-1].spikes.shape[:2]
        sums = e.task.observe(e.network, e.task.init_state(e.network, rows), trace, None, jnp.arange(ticks))
        return [*(seen.spikes.sum(0)[None] for seen in trace.populations), sums[None]]

    @jax.jit
    def batch(seed, weights, index):
        counts = present(e, weights, images, index, seed=seed, epoch=jnp.int32(epoch), record=keep)[1]
        return [x.sum(0) for x in counts]

    wrong, undecided, rates, silent = [], [], [], []
    for number, seed in enumerate(session.seeds):
        weights = jax.tree.map(lambda x, number=number: x[number], params)
        units, output = [np.zeros(())] * len(e.network.populations), []
        for index, new in batches(n, e.test_batch_size):
            *counts, sums = [np.asarray(x)[:new] for x in batch(seed, weights, index)]
            units = [total + x.sum(0, dtype=np.float64) for total, x in zip(units, counts, strict=True)]
            output.append(sums)
        choice, decided = decide(np.concatenate(output))
        wrong.append(float(np.mean((choice != labels) | ~decided)))
        undecided.append(float(np.mean(~decided)))
        rates.append([u.mean() / (n * e.test_steps) for u in units])
        silent.append([float(np.mean(u == 0)) for u in units])
    per_second = 1e3 / session.config.encoding.dt
    return {
        "test_error": 100.0 * float(np.mean(wrong)),
        "test_error_per_seed": [100.0 * w for w in wrong],
        "undecided": 100.0 * float(np.mean(undecided)),
        "rates_hz": (per_second * np.mean(rates, 0)).round(3).tolist(),
        "silent_units": (100.0 * np.mean(silent, 0)).round(3).tolist(),
    }


def table(report: dict[str, Any]) -> str:
    """What the command line prints: before and after, layer by layer."""
    lines = [f"{'':8s} {'error %':>8s} {'undecided %':>12s}   firing rates (Hz), share of silent units (%)"]
    for when in ("before", "after"):
        row = report[when]
        layers = ", ".join(f"{r:.1f} ({s:.0f} %)" for r, s in zip(row["rates_hz"], row["silent_units"], strict=True))
        lines.append(f"{when:8s} {row['test_error']:8.2f} {row['undecided']:12.2f}   {layers}")
    return "\n".join(lines)
