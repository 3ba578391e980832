"""One pass over a data set: every sample is presented once, without learning.

`present` shows a batch, `over` goes through a data set within one compiled program, `batches` from the host, where what
is recorded of a data set would not fit on the device.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax import simulate
from erbp_jax.parallel import along_batch
from erbp_jax.params import Params
from erbp_jax.random import Stream, sample_keys
from erbp_jax.trace import Trace
from erbp_jax.training.experiment import Experiment


def present(
    experiment: Experiment,
    params: Params,
    samples: Any,
    index: jax.Array,
    *,
    seed: jax.Array,
    epoch: jax.Array,
    record: Callable[[Trace], Any],
    mesh: jax.sharding.Mesh | None = None,
) -> tuple[simulate.RunState, Any]:
    """Present the samples `index[B]` of a set, leaves `[n, ...]`, with the random numbers that a test has in an epoch.

    Args:
        record: what to keep of every block's trace, leaves `[k, B, ...]`, or `[1, B, ...]` for sums over the block.
        mesh: devices to spread the samples over.

    Returns:
        The state after the last tick, and what was recorded, leaves `[T, B, ...]` (T blocks where blocks are summed).
    """
    e = experiment
    sample, key = along_batch(mesh, _chosen(samples, index, seed, epoch))
    return simulate.run(
        e.network, e.encoder, params, sample, key, steps=e.test_steps, block=e.test_block, record=record
    )


def observe(
    experiment: Experiment,
    params: Params,
    samples: Any,
    index: jax.Array,
    *,
    first: jax.Array | None = None,
    seed: jax.Array,
    epoch: jax.Array,
    observe: Callable[[Any, Trace, jax.Array], Any],
    observed: Any,
    mesh: jax.sharding.Mesh | None = None,
) -> tuple[simulate.RunState, Any]:
    """As `present`, but carry along what is `observed`, block by block, instead of keeping a record of all ticks.
    `first` is the place in the whole set of the first of the samples."""
    e = experiment
    sample, key = along_batch(mesh, _chosen(samples, index, seed, epoch, first))
    return simulate.over_samples(
        e.network, e.encoder, params, sample, key,
        steps=e.test_steps, block=e.test_block, observe=observe, observed=observed,
    )  # fmt: skip


def _chosen(
    samples: Any, index: jax.Array, seed: jax.Array, epoch: jax.Array, first: jax.Array | None = None
) -> tuple[Any, jax.Array]:
    place = index if first is None else index + first
    return jax.tree.map(lambda x: x[index], samples), sample_keys(seed, Stream.TEST, epoch, place)


def over(n: int, size: int, one: Callable[[jax.Array], Any]) -> Any:
    """What `one` returns for n samples, leaves `[n, ...]`; it is called with the indices `[size]` of batches and
    returns leaves `[size, ...]`. The last batch is filled up with copies of the last sample, which are cut off."""

    def batch(_: None, first: jax.Array) -> tuple[None, Any]:
        return None, one(jnp.minimum(first + jnp.arange(size, dtype=jnp.int32), n - 1))

    _, results = jax.lax.scan(batch, None, jnp.arange(0, n, size, dtype=jnp.int32))
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[:n], results)


def batches(n: int, size: int) -> Iterator[tuple[jax.Array, int]]:
    """Indices `[size]` of every batch of n samples, int32, and how many of them are new: the last batch is filled up
    with copies of the last sample."""
    for first in range(0, n, size):
        yield jnp.asarray(np.minimum(np.arange(first, first + size, dtype=np.int32), n - 1)), min(size, n - first)
