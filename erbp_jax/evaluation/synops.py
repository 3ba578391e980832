"""What a presentation costs: synaptic operations by sample, tick and layer, exactly."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.config.build import Experiment
from erbp_jax.connections.arrivals import addressed, delivered, synapses
from erbp_jax.counting import Wide, wide_stack, wide_value
from erbp_jax.evaluation.passes import batches, present
from erbp_jax.network import Network, Params, Trace


class Counts(NamedTuple):
    """Events of a block of k ticks, exact."""

    addressed: Wide  # [k, B, L] synapses that presynaptic spikes addressed
    delivered: Wide  # [k, B, L] of these, the ones that transmitted
    spikes: jax.Array  # [k, B, L] int32, spikes that the neurons of a layer fired


class Recording(NamedTuple):
    """One run over many samples, on the host: all that the cost and the moment of a decision are worked out from."""

    output: np.ndarray  # [T, n, K] int8, output spikes
    addressed: np.ndarray  # [T, n, L] int32, or int64 where a tick can address more synapses
    delivered: np.ndarray  # [T, n, L] the same
    spikes: np.ndarray  # [T, n, L] int32
    current: np.ndarray  # [T, n, K] float32, synaptic current of the output neurons
    labels: np.ndarray  # [n] int32


def count(network: Network, trace: Trace) -> Counts:
    """The events of a trace.

    Raises:
        ValueError: a transmission that draws no masks.
    """
    pairs = list(zip(network.layers, trace, strict=True))
    return Counts(
        wide_stack([addressed(layer.connection, seen.pre) for layer, seen in pairs], -1),
        wide_stack([delivered(layer.connection, seen.pre, seen.key) for layer, seen in pairs], -1),
        jnp.stack([(seen.spikes != 0).sum(-1, dtype=jnp.int32) for seen in trace], -1),
    )


def record(
    experiment: Experiment, seed: jax.Array, params: Params, images: jax.Array, labels: jax.Array, epoch: jax.Array
) -> Recording:
    """Present every sample once, without learning, with the random numbers that a test has in an epoch.

    Counts are per sample: they do not depend on the size of the batches or on the order of the samples.
    """
    e, n = experiment, images.shape[0]
    size = min(e.test_batch_size, n)
    narrow = max(synapses(layer.connection) for layer in e.network.layers) < 2**31

    def keep(trace: Trace) -> Any:
        *counts, spikes = count(e.network, trace)
        counts = [x.low.astype(jnp.int32) for x in counts] if narrow else counts
        return (trace[-1].spikes != 0).astype(jnp.int8), *counts, spikes, trace[-1].current

    @jax.jit
    def batch(index):
        return present(e, params, images, index, seed=seed, epoch=epoch, record=keep)[1]

    parts = [[x[:, :new] for x in _on_host(batch(index))] for index, new in batches(n, size)]
    arrays = [np.concatenate(part, 1) for part in zip(*parts, strict=True)]
    return Recording(*arrays, labels=np.asarray(labels))


def _on_host(recorded: Sequence[jax.Array | Wide]) -> list[np.ndarray]:
    return [wide_value(x) if isinstance(x, Wide) else x for x in jax.device_get(recorded)]


def membrane_updates(network: Network, ticks: int) -> np.ndarray:
    """Neurons that are stepped in a presentation, int64 `[L]`: all of them in every tick."""
    return np.asarray(network.sizes[1:], np.int64) * ticks
