"""The pictures of a run folder."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.evaluation.passes import present
from erbp_jax.tasks import Classification, Regression
from erbp_jax.tasks.base import answer_to
from erbp_jax.training import run_folder
from erbp_jax.training.engine import Learner
from erbp_jax.training.metrics import summarise
from erbp_jax.training.session import Session
from erbp_jax.viz.comparison import alignment_curves
from erbp_jax.viz.curves import learning_curve
from erbp_jax.viz.figure import save
from erbp_jax.viz.followed import followed_figure
from erbp_jax.viz.maps import by_map, feature_maps, kernels
from erbp_jax.viz.names import rule_name
from erbp_jax.viz.raster import raster
from erbp_jax.viz.recording import raster_figure
from erbp_jax.viz.weights import first_layer


def draw_run(session: Session, learner: Learner, folder: Path, sample: int = 0) -> list[Path]:
    """Learning curve, first-layer weights (or all kernels), raster of one test sample and its feature maps or its
    curves to follow, for the first seed, angles; returns the files."""
    metrics = run_folder.read_metrics(folder)
    summary = summarise(session, metrics)
    first = jax.tree.map(lambda x: x[0], learner)
    rule = rule_name(summary["rule"], getattr(session.config.rule, "form", None))
    title = f"{summary['network']}, {rule}, {summary['dataset']}"
    dt, data = session.config.encoding.dt, session.data
    task = session.experiment.task
    measure = task.measures[0]
    pictures = [learning_curve(metrics, title, folder / "learning_curve.png", measure, data.test_name)]
    if weights := weights_picture(first, session, folder / "weights.png"):
        pictures.append(weights)
    if getattr(session.config.rule, "form", None) != "rate":  # the rate form has no spikes to show
        spikes, answer = presented(session, first, sample)
        network = session.experiment.network
        if data.labels is None or data.ticks is not None:  # no class, or no image, to stand beside the spikes
            names = [*network.inputs, *network.names]
            fired = dict(zip(names, spikes, strict=True))
            called = "" if data.labels is None else f": label {data.labels[int(data.test.y[sample])]}"
            pictures.append(save(raster_figure(Fired(fired, dt), title=f"{title}{called}"), folder / "raster.png"))
            if isinstance(task, Regression):
                shown = followed_figure(fired[network.output], data.test.y[sample], dt=dt, tau=task.tau, title=title)
                pictures.append(save(shown, folder / "curves.png"))
            return [*pictures, *_angles(rule, metrics, folder)]
        label = int(data.test.y[sample])
        image = data.test.x[sample].reshape(data.image_shape)
        shapes = [(n,) for n in network.inputs.values()] + [network.shape(name) for name in network.names]
        placed = [s.reshape(-1, *shape) for s, shape in zip(spikes, shapes, strict=True)]
        ordered = [by_map(s) if s.ndim == 4 else s for s in placed]
        path = folder / "raster.png"
        decision = int(answer[0]) if isinstance(task, Classification) else None
        pictures.append(raster(image, ordered, label, dt, path, f"{title}: ", data.labels.tolist(), decision))
        if maps := [s for s in placed if s.ndim == 4]:
            caption = f"{title}: label {data.labels[label]}"
            pictures.append(feature_maps(image, maps, dt, folder / "feature_maps.png", caption))
    return [*pictures, *_angles(rule, metrics, folder)]


class Fired(NamedTuple):
    """Spikes `[T, N]` by name."""

    spikes: dict[str, np.ndarray]
    dt: float  # ms


def _angles(rule: str, metrics: list[dict[str, Any]], folder: Path) -> list[Path]:
    drawn = alignment_curves({rule: metrics}, folder / "alignment.png")
    return [] if drawn is None else [drawn]


def weights_picture(learner: Learner, session: Session, path: Path) -> Path | None:
    """The kernels if there are any, else the weights onto the first layer that has some: as images of what they come
    from, the pixels or the map that pooling made of them, or as a matrix. None if no layer has weights that are no list
    of synapses."""
    layers = learner.weights.trained.projections
    weights = [np.asarray(layer["weight"]) if "weight" in layer else None for layer in layers]
    if shared := [weight for weight in weights if weight is not None and weight.ndim == 4]:
        return kernels(shared, path)
    below: list[tuple[int, ...]] = [session.data.image_shape]
    below += [session.experiment.network.shape(name) for name in session.experiment.network.names]
    for weight, shape in zip(weights, below, strict=False):
        if weight is not None and weight.ndim > 1:
            return first_layer(weight, shape, path)
    return None


def presented(session: Session, learner: Learner, sample: int) -> tuple[list[np.ndarray], Any]:
    """Spikes `[T, N]` of every layer, input first, for one test sample and one seed's learner; and what it answers."""
    e = session.experiment
    images, epoch = jnp.asarray(session.data.test.x), jnp.int32(session.config.training.epochs)
    index = jnp.asarray([sample])
    _, trace = present(e, learner.weights, images, index, seed=learner.seed, epoch=epoch, record=lambda trace: trace)
    target = jax.tree.map(lambda y: jnp.asarray(y)[index], session.data.test.y)
    answer = answer_to(e.task, e.network, trace, target)
    fired = [*trace.inputs, *(seen.spikes for seen in trace.populations)]
    return [np.asarray(s[:, 0]) for s in fired], answer
