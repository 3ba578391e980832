"""What an epoch counts while it goes on, exact in 64 bits, however long it is."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.counting import Wide, wide, wide_add, wide_sum, wide_value, wide_zeros
from erbp_jax.network import Network
from erbp_jax.tasks import Measure, Task


class Total(NamedTuple):
    """A sum of float32 and what rounding took from it, so that the errors of long sums do not add up.

    Source: Neumaier 1974, ZAMM 54:39.
    """

    total: jax.Array  # [] float32
    lost: jax.Array  # [] float32


class Counters(NamedTuple):
    """Counts since the epoch began."""

    samples: Wide  # []
    scores: tuple[Any, ...]  # a measure of the task each, summed over samples: `Wide` if it is counted, else `Total`
    error_spikes: Wide  # [] of the error neurons
    lost: Wide  # [N] samples after which states of a population's neurons were NaN or infinite
    events: Wide  # [2 P + 2] SynOps by projection, plasticity by projection, label, error

    def values(self) -> "CounterValues":
        """The same counts on the host."""
        return CounterValues(
            wide_value(self.samples),
            tuple(map(_value, self.scores)),
            wide_value(self.error_spikes),
            wide_value(self.lost),
            wide_value(self.events),
        )


class CounterValues(NamedTuple):
    """A `Counters` as int64 (totals as float64), with the learner's leading axes."""

    samples: np.ndarray
    scores: tuple[np.ndarray, ...]
    error_spikes: np.ndarray
    lost: np.ndarray
    events: np.ndarray

    def means(self, task: Task) -> dict[str, np.ndarray]:
        """Each reported measure of the epoch so far; 0 before the first sample."""
        shown = np.maximum(self.samples, 1)
        return {m.name: m.scale * total / shown for m, total in zip(task.measures, self.scores, strict=True)}


def new_counters(network: Network, task: Task) -> Counters:
    """Nothing counted yet."""
    scores = tuple(wide_zeros() if m.counted else Total(jnp.float32(0), jnp.float32(0)) for m in task.measures)
    events = wide_zeros(2 * len(network.projections) + 2)
    return Counters(wide_zeros(), scores, wide_zeros(), wide_zeros(len(network.populations)), events)


def counted(
    counters: Counters, measures: tuple[Measure, ...], scores: dict[str, jax.Array], errors: Wide, finite: jax.Array,
    events: Wide,
) -> Counters:  # fmt: skip
    """The counters after one more batch: its scores `[B]`, `finite[N, B]` and `events[k, B, 2 P + 2]`.

    Raises:
        ValueError: a measure that the task did not score, or not as it said.
    """
    _check(measures, scores)
    return Counters(
        wide_add(counters.samples, wide(jnp.int32(finite.shape[1]))),
        tuple(_added(total, scores[m.name]) for m, total in zip(measures, counters.scores, strict=True)),
        wide_add(counters.error_spikes, errors),
        wide_add(counters.lost, wide(jnp.sum(~finite, 1, dtype=jnp.int32))),
        wide_add(counters.events, wide_sum(wide_sum(events))),
    )


def _check(measures: tuple[Measure, ...], scores: dict[str, jax.Array]) -> None:
    if {m.name for m in measures} != set(scores):
        raise ValueError(f"the task measures {', '.join(m.name for m in measures)} and scored {', '.join(scores)}")
    for m in measures:
        if (scores[m.name].dtype == jnp.bool_) != m.counted:
            raise ValueError(
                f"the task's measure {m.name} is {'' if m.counted else 'not '}counted and was scored as "
                f"{scores[m.name].dtype}; what is counted is bool"
            )


def _added(sum_so_far: Any, score: jax.Array) -> Any:
    if isinstance(sum_so_far, Wide):
        return wide_add(sum_so_far, wide(jnp.sum(score, dtype=jnp.int32)))
    new, (total, lost) = score.sum(dtype=jnp.float32), sum_so_far
    after = total + new
    rest = jnp.where(jnp.abs(total) >= jnp.abs(new), (total - after) + new, (new - after) + total)
    return Total(after, lost + rest)


def _value(total: Any) -> np.ndarray:
    if isinstance(total, Wide):
        return wide_value(total)
    return np.asarray(total.total, np.float64) + np.asarray(total.lost, np.float64)
