"""Testing as a pure function of (weights, data, epoch): a whole test set in one `jit`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax import simulate
from erbp_jax.config.build import Experiment
from erbp_jax.connections.arrivals import addressed
from erbp_jax.counting import Wide, wide_stack, wide_sum
from erbp_jax.network import Params
from erbp_jax.parallel import along_batch
from erbp_jax.random import Stream, sample_keys
from erbp_jax.settings import settled
from erbp_jax.tasks.decisions import decide
from erbp_jax.training.engine import finite_samples


class TestResult(NamedTuple):
    """What every test sample gave: exact counts, so that sums over a test set of any size are for the host to make."""

    wrong: jax.Array  # [n] bool, decided wrongly, ties and silence included
    undecided: jax.Array  # [n] bool, a tie or silence
    activity: jax.Array  # [n, L + 1] float32, spikes per layer, the input first (in the rate form: sums of rates)
    synops: Wide  # [n, L] synapses addressed by the presynaptic spikes of each layer
    finite: jax.Array  # [n] bool, no state of a neuron was NaN or infinite at the end


@settled
def test(
    experiment: Experiment,
    seed: jax.Array,
    params: Params,
    images: jax.Array,
    labels: jax.Array,
    epoch: jax.Array,
) -> TestResult:
    """Decide every sample by its output spike counts, without learning; ties and silence count as wrong."""
    size, n = experiment.test_batch_size, images.shape[0]

    def one(_, first):
        # The last batch is filled up with copies, cut off below.
        index = jnp.minimum(first + jnp.arange(size, dtype=jnp.int32), n - 1)
        image, key = along_batch(experiment.mesh, (images[index], sample_keys(seed, Stream.TEST, epoch, index)))

        def measure(trace):
            layers = [trace[0].pre, *(layer.spikes for layer in trace)]
            activity = jnp.stack([spikes.sum((0, 2)) for spikes in layers], -1)
            pairs = zip(experiment.network.layers, trace, strict=True)
            synops = wide_sum(wide_stack([addressed(layer.connection, seen.pre) for layer, seen in pairs], -1))
            return jax.tree.map(lambda x: x[None], (trace[-1].spikes.sum(0), activity, synops))

        after, recorded = simulate.run(
            experiment.network,
            experiment.encoder,
            params,
            image,
            key,
            steps=experiment.test_steps,
            block=experiment.test_block,
            record=measure,
        )
        counts, activity, synops = recorded[0].sum(0), recorded[1].sum(0), wide_sum(recorded[2])
        choice, decided = decide(counts)
        finite = finite_samples(after.network).all(0)
        return None, TestResult((choice != labels[index]) | ~decided, ~decided, activity, synops, finite)

    _, results = jax.lax.scan(one, None, jnp.arange(0, n, size, dtype=jnp.int32))
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[:n], results)
