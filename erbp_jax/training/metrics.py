"""The numbers of an epoch, and those of a run."""

from typing import Any

import numpy as np

from erbp_jax.counting import wide_value
from erbp_jax.learning.base import DenseWork
from erbp_jax.training import engine
from erbp_jax.training.engine import Learner
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.session import Session
from erbp_jax.training.testing import TestResult


def measure(session: Session, learner: Learner, epoch: int, seconds_before: float) -> dict[str, Any]:
    """The metrics of a finished epoch: means over the seeds, and each seed's errors."""
    result = session.test(learner, epoch)
    angles = session.align(learner, epoch)
    e = session.experiment
    tally = learner.tally.values()
    per_tick = result.activity.astype(np.float64).mean((0, 1)) / (e.test_steps * np.asarray(e.network.sizes))
    synops, error_spikes = synops_per_sample(result), float((tally.error_spikes / tally.samples).mean())
    test_error = 100.0 * result.wrong.mean(1)
    train_error = 100.0 * tally.wrong / tally.samples
    return {
        "epoch": epoch,
        "samples": epoch * session.batches * session.config.training.batch_size,
        "test_error": float(test_error.mean()),
        "train_error": float(train_error.mean()),
        "undecided": float(100.0 * result.undecided.mean()),
        "error_spikes_per_sample": error_spikes,
        "rates_hz": [round(float(r), 3) for r in per_tick * 1e3 / session.config.encoding.dt],
        "synops_per_sample": synops,
        **training_cost(e, tally, synops * e.steps / e.test_steps),
        "alignment": None
        if angles is None
        else {
            "feedback": [float(a) for a in angles.feedback.mean(0)],
            "update": [float(a) for a in angles.update.mean(0)],
        },
        "per_seed": {
            "seed": [int(s) for s in session.seeds],
            "test_error": [float(e) for e in test_error],
            "train_error": [float(e) for e in train_error],
        },
        "train_seconds": seconds_before + session.watch.seconds["train"],
    }


def training_cost(experiment: Experiment, tally: engine.TallyValues, synops: float) -> dict[str, Any]:
    """What learning from a sample cost: counted while it happened, or, of dense work, worked out from the `synops` at
    test, for the forward pass goes by events."""
    rule, network = experiment.rule, experiment.network
    samples = np.asarray(tally.samples, np.float64)
    if isinstance(rule, DenseWork):
        operations = synops + experiment.steps * rule.operations(network)
        return {"training_operations_per_sample": operations, "training_events_per_sample": None}
    counts = (tally.events / samples[:, None]).mean(0)
    layers = len(network.projections)
    events = {
        "synops": counts[:layers].tolist(),
        "plasticity": counts[layers:-2].tolist(),
        "label": float(counts[-2]),
        "error": float(counts[-1]),
    }
    return {"training_operations_per_sample": float(counts.sum()), "training_events_per_sample": events}


def synops_per_sample(result: TestResult) -> float:
    """Mean over seeds and test samples of the synapses that spikes addressed."""
    return float(wide_value(result.synops).sum(-1).mean())


def summarise(session: Session, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    """The final numbers of a run: the mean over the last five epochs is the talk's protocol."""
    config = session.config
    per_seed = np.asarray([entry["per_seed"]["test_error"] for entry in metrics])
    last5 = per_seed[-5:].mean(0)
    seconds = metrics[-1]["train_seconds"]
    return {
        "rule": config.rule.kind,
        "dataset": session.data.name,
        "network": session.experiment.network.name,
        "seed": config.seed,
        "seeds": config.training.seeds,
        "epochs": config.training.epochs,
        "train_size": len(session.data.train.y),
        "test_size": len(session.data.test.y),
        "test_error": metrics[-1]["test_error"],
        "test_error_mean_last5": float(last5.mean()),
        "test_error_mean_last5_std": float(last5.std(ddof=1)) if len(last5) > 1 else None,
        "test_error_mean_last5_per_seed": [float(e) for e in last5],
        "train_seconds": seconds,
        "compile_seconds": session.watch.seconds.get("compile", 0.0),
        "samples_per_second": config.training.seeds * metrics[-1]["samples"] / max(seconds, 1e-9),
        "synops_per_sample": metrics[-1]["synops_per_sample"],
    }


def epoch_line(entry: dict[str, Any], epochs: int) -> str:
    return (
        f"epoch {entry['epoch']}/{epochs}  test error {entry['test_error']:.2f} %  "
        f"train error {entry['train_error']:.2f} %  undecided {entry['undecided']:.2f} %  "
        f"{entry['error_spikes_per_sample']:.1f} error spikes a sample  {entry['train_seconds']:.1f} s"
    )
