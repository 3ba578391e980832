"""The numbers of an epoch, and those of a run."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from erbp_jax.counting import wide_value
from erbp_jax.evaluation.alignment import aligned
from erbp_jax.learning.base import DenseWork
from erbp_jax.tasks import Task
from erbp_jax.tasks.base import number
from erbp_jax.training.counters import CounterValues
from erbp_jax.training.engine import Learner
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.programs import Programs
from erbp_jax.training.session import Session
from erbp_jax.training.testing import TestResult


class Before(NamedTuple):
    """What an earlier training, or the part of it before an interruption, has spent."""

    epoch: int = 0
    samples: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, metrics: Sequence[Mapping[str, Any]]) -> "Before":
        """As the last of its metrics says."""
        if not metrics:
            return cls()
        last = metrics[-1]
        return cls(last["epoch"], last["samples"], last["train_seconds"])


def measure(programs: Programs, learner: Learner, epoch: int, before: Before) -> dict[str, Any]:
    """The metrics of a finished epoch: means over the seeds, and each seed's of the task's first measure, by which a
    training is judged. `test_NAME` and `train_NAME` are the first measure's; the others are the test's."""
    result = programs.test(learner, epoch)
    angles = programs.align(learner, epoch)
    e = programs.experiment
    counters = learner.counters.values()
    per_tick = result.activity.astype(np.float64).mean((0, 1)) / (e.test_steps * np.asarray(e.network.sizes))
    synops, error_spikes = synops_per_sample(result), float((counters.error_spikes / counters.samples).mean())
    first, *others = e.task.measures
    test, train = first.scale * _mean(result.scores[first.name]), counters.means(e.task)[first.name]
    return {
        "epoch": epoch,
        "samples": before.samples + (epoch - before.epoch) * programs.batches * e.batch_size,
        f"test_{first.name}": float(test.mean()),
        f"train_{first.name}": float(train.mean()),
        **{m.name: float(m.scale * _mean(result.scores[m.name]).mean()) for m in others},
        "error_spikes_per_sample": error_spikes,
        "rates_hz": [round(float(r), 3) for r in per_tick * 1e3 / programs.dt],
        "synops_per_sample": synops,
        **training_cost(e, counters, synops * e.steps / e.test_steps),
        "alignment": None
        if angles is None
        else {
            "feedback": [float(a) for a in angles.feedback.mean(0)],
            "update": [float(a) for a in angles.update.mean(0)],
            "layers": aligned(e.network),
        },
        "per_seed": {
            "seed": [int(s) for s in programs.seeds],
            f"test_{first.name}": [float(e) for e in test],
            f"train_{first.name}": [float(e) for e in train],
        },
        "train_seconds": before.seconds + programs.watch.seconds["train"],
    }


def _mean(scores: Any) -> np.ndarray:
    """Over the samples of `scores[S, n]`, float64 `[S]`."""
    return np.asarray(scores).astype(np.float64).mean(1)


def training_cost(experiment: Experiment, counters: CounterValues, synops: float) -> dict[str, Any]:
    """What learning from a sample cost: counted while it happened, or, of dense work, worked out from the `synops` at
    test, for the forward pass goes by events."""
    rule, network = experiment.rule, experiment.network
    samples = np.asarray(counters.samples, np.float64)
    if isinstance(rule, DenseWork):
        operations = synops + experiment.steps * rule.operations(network)
        return {"training_operations_per_sample": operations, "training_events_per_sample": None}
    counts = (counters.events / samples[:, None]).mean(0)
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
    config, measure = session.config, session.experiment.task.measures[0]
    name = measure.name
    per_seed = np.asarray([entry["per_seed"][f"test_{name}"] for entry in metrics])
    last5 = per_seed[-5:].mean(0)
    seconds = metrics[-1]["train_seconds"]
    return {
        "rule": config.rule.kind,
        "dataset": session.data.name,
        "network": session.experiment.network.name,
        "seed": config.seed,
        "seeds": config.training.seeds,
        "epochs": config.training.epochs,
        "train_size": len(session.data.train),
        "test_size": len(session.data.test),
        "test_name": session.data.test_name,
        "measure": measure._asdict(),
        f"test_{name}": metrics[-1][f"test_{name}"],
        f"test_{name}_mean_last5": float(last5.mean()),
        f"test_{name}_mean_last5_std": float(last5.std(ddof=1)) if len(last5) > 1 else None,
        f"test_{name}_mean_last5_per_seed": [float(e) for e in last5],
        "train_seconds": seconds,
        "compile_seconds": session.watch.seconds.get("compile", 0.0),
        "samples_per_second": config.training.seeds * metrics[-1]["samples"] / max(seconds, 1e-9),
        "synops_per_sample": metrics[-1]["synops_per_sample"],
    }


def epoch_line(task: Task, entry: dict[str, Any], epochs: int, test_name: str) -> str:
    """The reported metrics of an epoch; `test_name` is that of the data set."""
    first, *others = task.measures
    names = {"test": test_name, "train": "train"}
    parts = [f"{name} {first.name} {number(entry[f'{when}_{first.name}'], first)}" for when, name in names.items()]
    parts += [f"{m.name} {number(entry[m.name], m)}" for m in others]
    events = entry["training_events_per_sample"]
    if events and (events["label"] or events["error"]):  # nothing on the way to them: the rule has no error neurons
        parts.append(f"{entry['error_spikes_per_sample']:.1f} error spikes per sample")
    return "  ".join((f"epoch {entry['epoch']}/{epochs}", *parts, f"after {entry['train_seconds']:.1f} s"))
