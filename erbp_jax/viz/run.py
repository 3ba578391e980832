"""The pictures of a run folder."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax import simulate
from erbp_jax.random import Stream
from erbp_jax.training import run_folder
from erbp_jax.training.engine import Learner, sample_keys
from erbp_jax.training.session import Session, summarise
from erbp_jax.viz.comparison import alignment_curves
from erbp_jax.viz.curves import learning_curve
from erbp_jax.viz.raster import raster
from erbp_jax.viz.weights import first_layer


def draw_run(session: Session, learner: Learner, folder: Path, sample: int = 0) -> list[Path]:
    """Learning curve, first-layer weights and raster of one test digit of the first seed, angles; returns the files."""
    metrics = run_folder.read_metrics(folder)
    summary = summarise(session, metrics)
    first = jax.tree.map(lambda x: x[0], learner)
    title = f"{summary['network']}, {summary['rule']}, {summary['dataset']}"
    label = int(session.data.test_labels[sample])
    image = session.data.test_images[sample].reshape(session.data.image_shape)
    dt = session.config.encoding.dt
    pictures = [
        learning_curve(metrics, title, folder / "learning_curve.png"),
        first_layer(np.asarray(first.params[0]["weight"]), session.data.image_shape, folder / "weights.png"),
    ]
    if session.experiment.test_steps > 1:  # the rate form has no spikes to show
        spikes = record(session, first, sample)
        pictures.append(raster(image, spikes, label, dt, folder / "raster.png", f"{title}: "))
    if alignment := alignment_curves({summary["rule"]: metrics}, folder / "alignment.png"):
        pictures.append(alignment)
    return pictures


def record(session: Session, learner: Learner, sample: int) -> list[np.ndarray]:
    """Spikes `[T, N]` of every layer, input first, for one test sample and one seed's learner."""
    e = session.experiment
    index = jnp.asarray([sample])
    key = sample_keys(learner.seed, Stream.TEST, jnp.int32(session.config.training.epochs), index)

    def every_layer(trace):
        return [trace[0].pre, *(layer.spikes for layer in trace)]

    image = jnp.asarray(session.data.test_images)[index]
    _, spikes = simulate.run(
        e.network,
        e.encoder,
        learner.params,
        image,
        key,
        steps=e.test_steps,
        block=e.test_block,
        record=every_layer,
    )
    return [np.asarray(s[:, 0]) for s in spikes]
