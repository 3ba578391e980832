"""Testing as a pure function of (weights, data, epoch): a whole test set in one `jit`."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.counting import Wide, wide_sum
from erbp_jax.evaluation.passes import over, present
from erbp_jax.learning.base import addressed
from erbp_jax.params import Params
from erbp_jax.settings import settled
from erbp_jax.tasks.decisions import decide
from erbp_jax.trace import Trace
from erbp_jax.training.engine import finite_samples
from erbp_jax.training.experiment import Experiment


class TestResult(NamedTuple):
    """What every test sample gave: exact counts, so that sums over a test set of any size are for the host to make."""

    wrong: jax.Array  # [n] bool, decided wrongly, ties and silence included
    undecided: jax.Array  # [n] bool, a tie or silence
    activity: jax.Array  # [n, inputs + N] float32, spikes per input and population (in the rate form: sums of rates)
    synops: Wide  # [n, P] synapses that spikes addressed, by projection
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
    e, network, n = experiment, experiment.network, images.shape[0]

    def measure(trace: Trace) -> Any:
        fired = [*trace.inputs, *(seen.spikes for seen in trace.populations)]
        activity = jnp.stack([spikes.sum((0, 2)) for spikes in fired], -1)
        kept = network.output_spikes(trace).sum(0), activity, wide_sum(addressed(network, params, trace))
        return jax.tree.map(lambda x: x[None], kept)

    def one(index: jax.Array) -> TestResult:
        after, recorded = present(
            e, params, images, index, seed=seed, epoch=epoch, record=measure, mesh=experiment.mesh
        )
        counts, activity, synops = recorded[0].sum(0), recorded[1].sum(0), wide_sum(recorded[2])
        choice, decided = decide(counts)
        finite = finite_samples(after.network).all(0)
        return TestResult((choice != labels[index]) | ~decided, ~decided, activity, synops, finite)

    return over(n, experiment.test_batch_size, one)
