"""A training run from its config to its run folder: epochs, checkpoints, metrics, summary."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from erbp_jax import data
from erbp_jax.analysis.alignment import Alignment
from erbp_jax.config import Config
from erbp_jax.config.build import Experiment, build
from erbp_jax.config.build_precision import learn_on_grid
from erbp_jax.counting import wide_value
from erbp_jax.data import Dataset
from erbp_jax.errors import NonFiniteError
from erbp_jax.learning.base import LocalRule
from erbp_jax.parallel import by_seed, everywhere
from erbp_jax.training import engine, run_folder
from erbp_jax.training.checkpoint import Checkpoints, Place
from erbp_jax.training.engine import Learner
from erbp_jax.training.optimizer import make_optimizer
from erbp_jax.training.progress import Stopwatch, busy, reporting

PROBE_TICKS = 4000
"""Samples times ticks on which updates are compared with gradients, at most 100 samples: the gradient's memory grows
with both."""

STRETCH_SECONDS = 2.0
"""How long the device works between two looks at the clock, the progress bar and Ctrl-C."""


class Session:
    """The compiled programs of one config, and the data they work on.

    All seeds of the config are one more `vmap` axis, in front of every leaf of the learner.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.data: Dataset = data.load(config.data.name, config.data.dir).subset(
            config.data.train_size, config.data.test_size, config.data.validation_size
        )
        self.experiment: Experiment = build(config, self.data)
        self.batches = len(self.data.train_labels) // config.training.batch_size
        blocks = (self.experiment.steps - self.experiment.rule.burn_in) // self.experiment.update_every
        optimizer = make_optimizer(config.optimizer, self.batches * blocks, config.training.epochs)
        optimizer = learn_on_grid(optimizer, config.precision, self.experiment.network)
        self.seeds = jnp.asarray(config.seed + np.arange(config.training.seeds), jnp.uint32)
        self.watch = Stopwatch()

        parts, mesh = (self.experiment, optimizer), self.experiment.mesh
        here = (0, None, None, None)
        self._init = _over_seeds(partial(engine.init, *parts), (0,), mesh)
        self._train_jit = _over_seeds(partial(engine.train, *parts), (*here, None, None), mesh)
        self._trace = _over_seeds(partial(engine.trace_finite, *parts), (*here, None), mesh)
        self._test_jit = _over_seeds(partial(engine.test, self.experiment), (0, 0, None, None, None), mesh)
        self._align_jit = _over_seeds(partial(engine.alignment, self.experiment), here, mesh)
        self._finite = jax.jit(lambda params: [jnp.isfinite(x).all() for x in jax.tree.leaves(params)])

    def start(self) -> Learner:
        """Learners that have seen nothing, one a seed."""
        return self._init(self.seeds)

    def compile(self, learner: Learner) -> None:
        """Put the data on the device and compile, with the time it takes kept apart."""
        with self.watch.measure("compile"):
            d = self.data
            place = None if self.experiment.mesh is None else everywhere(self.experiment.mesh)
            self._train_set = jax.device_put((d.train_images, d.train_labels), place)
            self._test_set = jax.device_put((d.test_images, d.test_labels), place)
            zero = jnp.int32(0)
            self._train = self._train_jit.lower(learner, *self._train_set, zero, zero, zero).compile()
            self._test = self._test_jit.lower(self.seeds, learner.params, *self._test_set, zero).compile()
            if self.config.training.alignment:
                probe = max(10, min(100, PROBE_TICKS // self.experiment.steps))
                self._probe = jax.tree.map(lambda x: x[:probe], self._train_set)
                self._align = self._align_jit.lower(learner, *self._probe, zero).compile()

    def train(self, learner: Learner, epoch: int, first: int, last: int) -> Learner:
        """The learner after the batches `first .. last - 1` of an epoch (from 0).

        Raises:
            NonFiniteError: weights became NaN or infinite; says in which tick and layer.
        """
        with self.watch.measure("train"):
            after = self._train(learner, *self._train_set, jnp.int32(epoch), jnp.int32(first), jnp.int32(last))
            finite = all(self._finite(after.params))
        if not finite:
            raise NonFiniteError(self._locate_non_finite(learner, epoch, first, last))
        return after

    def test(self, learner: Learner, epoch: int) -> engine.TestResult:
        """The test result of every seed, `[S, n]` each, with the random numbers that belong to an epoch."""
        with self.watch.measure("test"):
            return jax.device_get(self._test(self.seeds, learner.params, *self._test_set, jnp.int32(epoch)))

    def align(self, learner: Learner, epoch: int) -> Alignment | None:
        """The angles of every seed, `[S, ...]`; None if the config does not want them."""
        if not self.config.training.alignment:
            return None
        with self.watch.measure("alignment"):
            return jax.device_get(self._align(learner, *self._probe, jnp.int32(epoch)))

    def _locate_non_finite(self, learner: Learner, epoch: int, first: int, last: int) -> str:
        """Go through the stretch again, looking at the weights after every block."""
        for batch in range(first, last):
            learner, finite = self._trace(learner, *self._train_set, jnp.int32(epoch), jnp.int32(batch))
            bad = np.argwhere(~np.asarray(finite))  # (seed, block, layer)
            if len(bad):
                seed, block, layer = bad[np.lexsort((bad[:, 2], bad[:, 1]))][0]
                every = self.experiment.update_every
                tick = self.experiment.rule.burn_in + int(block) * every
                return (
                    f"the weights of layer {layer} (from 0) became NaN or infinite: seed {int(self.seeds[seed])}, "
                    f"epoch {epoch + 1}, batch {batch}, ticks {tick} to {tick + every - 1} of the presentation"
                )
        return f"weights became NaN or infinite in epoch {epoch + 1}, batches {first} to {last - 1}"


def _over_seeds(function: Callable[..., Any], in_axes: tuple[int | None, ...], mesh: Mesh | None) -> Any:
    """The compiled function with the axis of the seeds in front of the arguments that have it, and of all results."""
    if mesh is None:
        return jax.jit(jax.vmap(function, in_axes=in_axes))
    placed = tuple(everywhere(mesh) if axis is None else by_seed(mesh) for axis in in_axes)
    every = jax.vmap(function, in_axes=in_axes, spmd_axis_name="seeds")
    return jax.jit(every, in_shardings=placed, out_shardings=by_seed(mesh))


def fit(
    session: Session,
    folder: Path,
    *,
    resume: bool,
    label: str = "training",
    again: str | None = None,
    sink: Callable[[str], None] = print,
) -> tuple[dict[str, Any], Learner]:
    """Train to the end of the config, in a run folder that is locked and has its config.

    `label` stands beside the progress bar; `again` is the command that goes on after an interrupt.

    Returns:
        The summary, and the trained learner (every leaf with an axis for the seeds in front).

    Raises:
        NonFiniteError: training diverged; the last good checkpoint stands.
        KeyboardInterrupt: after saving where it stopped.
    """
    config, batches, size = session.config, session.batches, session.config.training.batch_size
    checkpoints = Checkpoints(folder / run_folder.CHECKPOINTS)
    learner = session.start()
    place = Place()
    if resume:
        learner, place = checkpoints.restore(learner)
        run_folder.keep_metrics(folder, place.epoch)
    else:
        checkpoints.save(0, learner, place)
    earlier = run_folder.read_metrics(folder)
    seconds_before = earlier[-1]["train_seconds"] if earlier else 0.0
    with busy("compiling"):
        session.compile(learner)

    interval = max(1, round(config.training.checkpoint_every * batches))
    position = place.epoch * batches + place.batch
    saved = position
    total = config.training.epochs * batches
    stretch = 1
    with reporting(label, total * size, position * size) as reporter:
        try:
            while position < total:
                epoch, batch = divmod(position, batches)
                last = min(batch + stretch, batches, batch + saved + interval - position)
                began = time.perf_counter()
                after = session.train(learner, epoch, batch, last)
                stretch = _next_stretch(last - batch, time.perf_counter() - began)
                reporter.advance((last - batch) * size, _note(after, epoch, config.training.epochs))
                if last == batches:
                    entry = measure(session, after, epoch + 1, seconds_before)
                    run_folder.append_metrics(folder, entry)
                    reporter.line(epoch_line(entry, config.training.epochs))
                    after = replace(after, tally=_fresh_tally(after))
                # Learner and position change together, and only now: an interrupt before this line goes back to the
                # stretch's beginning, and `keep_metrics` drops a line that was written too early.
                learner, position = after, position + last - batch
                if position - saved >= interval or position == total:
                    checkpoints.save(position, learner, Place(*divmod(position, batches)))
                    saved = position
        except NonFiniteError as error:
            raise NonFiniteError(f"{error}\nlast good checkpoint: {checkpoints.latest()}") from None
        except KeyboardInterrupt:
            if position > saved:
                checkpoints.save(position, learner, Place(*divmod(position, batches)))
            sink(f"interrupted; go on with: {again or f'erbp-jax resume {folder}'}")
            raise
        finally:
            checkpoints.close()
    save_weights(folder, learner)
    summary = summarise(session, run_folder.read_metrics(folder))
    run_folder.write_json(folder / run_folder.SUMMARY, summary)
    return summary, learner


def measure(session: Session, learner: Learner, epoch: int, seconds_before: float) -> dict[str, Any]:
    """The metrics of a finished epoch: means over the seeds, and each seed's errors."""
    result = session.test(learner, epoch)
    angles = session.align(learner, epoch)
    e = session.experiment
    tally = jax.device_get(learner.tally)
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


def training_cost(experiment: engine.Experiment, tally: engine.Tally, synops: float) -> dict[str, Any]:
    """What learning from a sample cost: counted while it happened for local rules, else from the `synops` at test."""
    rule, network = experiment.rule, experiment.network
    samples, error_spikes = np.asarray(tally.samples, np.float64), float((tally.error_spikes / tally.samples).mean())
    if not isinstance(rule, LocalRule):
        operations = rule.operations(network, experiment.steps, synops, error_spikes)
        return {"training_operations_per_sample": operations, "training_events_per_sample": None}
    counts = (wide_value(tally.events) / samples[:, None]).mean(0)
    layers = len(network.layers)
    events = {
        "synops": counts[:layers].tolist(),
        "plasticity": counts[layers:-1].tolist(),
        "label": float(counts[-1]),
        "error": error_spikes * rule.error_fan_out(network),
    }
    total = float(counts.sum()) + events["error"]
    return {"training_operations_per_sample": total, "training_events_per_sample": events}


def synops_per_sample(result: engine.TestResult) -> float:
    """Mean over seeds and test samples of the synapses that spikes addressed."""
    return float(result.synops.sum(-1, dtype=np.int64).mean())


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
        "train_size": len(session.data.train_labels),
        "test_size": len(session.data.test_labels),
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


def save_weights(folder: Path, learner: Learner) -> None:
    """The weights as `weights.npz`, `layer0_weight[S, I, O]` and so on: readable without JAX."""
    arrays = {
        f"layer{i}_{name}": np.asarray(value) for i, layer in enumerate(learner.params) for name, value in layer.items()
    }
    partial_path = folder / ".weights.partial.npz"
    np.savez(partial_path, **arrays)  # pyright: ignore[reportArgumentType]
    partial_path.replace(folder / "weights.npz")


def _fresh_tally(learner: Learner) -> engine.Tally:
    return jax.tree.map(jnp.zeros_like, learner.tally)


def _next_stretch(batches: int, seconds: float) -> int:
    """Batches for the next stretch; grows at most fourfold, so that a slow start does not end in a long wait."""
    return max(1, min(4 * batches, int(batches * STRETCH_SECONDS / max(seconds, 1e-3))))


def _note(learner: Learner, epoch: int, epochs: int) -> str:
    tally = jax.device_get(learner.tally)
    error = 100.0 * float(tally.wrong.sum()) / max(float(tally.samples.sum()), 1.0)
    return f"epoch {epoch + 1}/{epochs}  train error {error:.1f} %"
