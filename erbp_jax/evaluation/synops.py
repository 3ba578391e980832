"""What a presentation costs: synaptic operations by sample, tick and layer, exactly."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.counting import Wide, wide_stack, wide_value
from erbp_jax.evaluation.passes import batches, present
from erbp_jax.learning.local import addressed
from erbp_jax.learning.synapse import synaptic_current
from erbp_jax.network import Network
from erbp_jax.params import Params
from erbp_jax.trace import Trace
from erbp_jax.training.experiment import Experiment


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


def count(network: Network, params: Params, trace: Trace) -> Counts:
    """The events of a trace."""
    crossed = [
        p.connection.delivered(network.of_projection(params, j), arrived)
        for j, (p, arrived) in enumerate(zip(network.projections, trace.arrived, strict=True))
    ]
    return Counts(
        addressed(network, params, trace),
        wide_stack(crossed, -1),
        jnp.stack([(seen.spikes != 0).sum(-1, dtype=jnp.int32) for seen in trace.populations], -1),
    )


def record(
    experiment: Experiment, seed: jax.Array, params: Params, images: jax.Array, labels: jax.Array, epoch: jax.Array
) -> Recording:
    """Present every sample once, without learning, with the random numbers that a test has in an epoch.

    Counts are per sample: they do not depend on the size of the batches or on the order of the samples.
    """
    e, n = experiment, images.shape[0]
    size = min(e.test_batch_size, n)
    narrow = max(p.connection.synapses for p in e.network.projections) < 2**31

    def keep(trace: Trace) -> Any:
        *counts, spikes = count(e.network, params, trace)
        counts = [x.low.astype(jnp.int32) for x in counts] if narrow else counts
        output = trace.populations[e.network.index(e.network.output)]
        current = synaptic_current(e.network.output, output.state)
        return (output.spikes != 0).astype(jnp.int8), *counts, spikes, current

    @jax.jit
    def batch(index):
        return present(e, params, images, index, seed=seed, epoch=epoch, record=keep)[1]

    parts = [[x[:, :new] for x in _on_host(batch(index))] for index, new in batches(n, size)]
    arrays = [np.concatenate(part, 1) for part in zip(*parts, strict=True)]
    return Recording(*arrays, labels=np.asarray(labels))


def joined(parts: Sequence[Recording]) -> Recording:
    """Recordings of several seeds as one, one after the other along the samples."""
    *arrays, labels = zip(*parts, strict=True)
    return Recording(*(np.concatenate(x, 1) for x in arrays), labels=np.concatenate(labels))


def _on_host(recorded: Sequence[jax.Array | Wide]) -> list[np.ndarray]:
    return [wide_value(x) if isinstance(x, Wide) else x for x in jax.device_get(recorded)]


def membrane_updates(network: Network, ticks: int) -> np.ndarray:
    """Neurons that are stepped in a presentation, int64 `[L]`: all of them in every tick."""
    return np.asarray([p.size for p in network.populations], np.int64) * ticks
