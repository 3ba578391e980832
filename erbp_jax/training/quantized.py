"""What fewer bits do to a trained run: its error and its firing before and after."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax import simulate
from erbp_jax.config.build_precision import quantize_states
from erbp_jax.evaluation.precision import best_grids, quantize
from erbp_jax.grid import Grid
from erbp_jax.params import Params
from erbp_jax.random import Stream
from erbp_jax.training.engine import decide, sample_keys
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.session import Session


def with_weight_bits(params: Params, bits: int) -> tuple[Params, list[list[float | None]]]:
    """Every seed's weights in `bits` bits, each layer on its own best grid; and the steps of the grids `[S][L]`, None
    for layers without weights."""
    seeds = jax.tree.leaves(params.trained)[0].shape[0]
    own = [jax.tree.map(lambda x, s=s: x[s], params.trained) for s in range(seeds)]
    grids = [best_grids(p, bits) for p in own]
    rounded = [quantize(p, g) for p, g in zip(own, grids, strict=True)]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *rounded)
    return params._replace(trained=stacked), [[g and g.step for g in layers] for layers in grids]


def with_state_bits(session: Session, bits: int) -> Experiment:
    """The session's experiment with neurons that store their states in `bits` bits."""
    network = quantize_states(session.experiment.network, Grid.reaching(session.config.precision.state_range, bits))
    return replace(session.experiment, network=network)


def firing_report(session: Session, experiment: Experiment, params: Params, epoch: int) -> dict[str, Any]:
    """Error, rates and the share of units that never fire on the test set, layer by layer; means over seeds."""
    images, labels = jnp.asarray(session.data.test_images), session.data.test_labels
    e, n, size = experiment, len(labels), experiment.test_batch_size

    @jax.jit
    def batch(seed, own, first):
        index = jnp.minimum(first + jnp.arange(size, dtype=jnp.int32), n - 1)
        key = sample_keys(seed, Stream.TEST, jnp.int32(epoch), index)
        fresh = (first + jnp.arange(size, dtype=jnp.int32) < n).astype(jnp.float32)[None, :, None]

        def keep(trace):
            units = [(seen.spikes * fresh).sum((0, 1))[None] for seen in trace.populations]
            return e.network.output_spikes(trace), units

        _, (output, units) = simulate.run(
            e.network, e.encoder, own, images[index], key, steps=e.test_steps, block=e.test_block, record=keep
        )
        return decide(output.sum(0)), [u.sum(0) for u in units]

    wrong, undecided, rates, silent = [], [], [], []
    for number, seed in enumerate(session.seeds):
        own = jax.tree.map(lambda x, number=number: x[number], params)
        parts = [jax.device_get(batch(seed, own, jnp.int32(first))) for first in range(0, n, size)]
        choice = np.concatenate([part[0][0] for part in parts])[:n]
        decided = np.concatenate([part[0][1] for part in parts])[:n]
        units = [
            np.sum([part[1][layer] for part in parts], 0, dtype=np.float64)
            for layer in range(len(e.network.populations))
        ]
        wrong.append(float(np.mean((choice != labels) | ~decided)))
        undecided.append(float(np.mean(~decided)))
        rates.append([u.mean() / (n * experiment.test_steps) for u in units])
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
