"""Testing as a pure function of (weights, data, epoch): a whole test set in one `jit`."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.counting import Wide, wide_add, wide_sum, wide_zeros
from erbp_jax.evaluation.passes import observe, over
from erbp_jax.learning.local import addressed
from erbp_jax.params import Params
from erbp_jax.settings import settled
from erbp_jax.trace import Trace
from erbp_jax.training.engine import finite_samples
from erbp_jax.training.experiment import Experiment


class TestResult(NamedTuple):
    """What every test sample gave: exact counts, so that sums over a test set of any size are for the host to make."""

    scores: dict[str, jax.Array]  # each of the task's measures [n]
    answer: Any  # what the network said, leaves [n, ...]
    activity: jax.Array  # [n, inputs + N] float32, spikes per input and population (in the rate form: sums of rates)
    synops: Wide  # [n, P] synapses that spikes addressed, by projection
    finite: jax.Array  # [n] bool, no state of a neuron was NaN or infinite at the end


@settled
def test(
    experiment: Experiment,
    seed: jax.Array,
    params: Params,
    samples: Any,
    targets: Any,
    epoch: jax.Array,
    first: jax.Array | None = None,  # noqa: PT028 (this is no test)
) -> TestResult:
    """Show every sample without learning, and score it by the task.

    `first` is the place in the whole set of the first sample, where they are a piece of it.
    """
    e, network, task = experiment, experiment.network, experiment.task
    n, size = len(jax.tree.leaves(targets)[0]), experiment.test_batch_size
    places = len(network.inputs) + len(network.populations)

    def one(index: jax.Array) -> TestResult:
        target = jax.tree.map(lambda y: y[index], targets)

        def step(observed: Any, trace: Trace, ticks: jax.Array) -> Any:
            seen, activity, synops = observed
            fired = [*trace.inputs, *(seen.spikes for seen in trace.populations)]
            activity = activity + jnp.stack([spikes.sum((0, 2)) for spikes in fired], -1)
            synops = wide_add(synops, wide_sum(addressed(network, params, trace)))
            return task.observe(network, seen, trace, target, ticks), activity, synops

        begin = (
            task.init_state(network, size),
            jnp.zeros((size, places), jnp.float32),
            wide_zeros(size, len(network.projections)),
        )
        after, (seen, activity, synops) = observe(
            e,
            params,
            samples,
            index,
            first=first,
            seed=seed,
            epoch=epoch,
            observe=step,
            observed=begin,
            mesh=experiment.mesh,
        )
        finite = finite_samples(after.network).all(0)
        return TestResult(task.score(seen, target), task.answer(seen), activity, synops, finite)

    return over(n, size, one)
