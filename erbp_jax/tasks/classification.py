"""One class per sample, read from the output population."""

from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp

from erbp_jax.errors import UserError
from erbp_jax.network import Network
from erbp_jax.registry import register
from erbp_jax.tasks.base import ERROR, Measure
from erbp_jax.tasks.decisions import alone, decide
from erbp_jax.trace import Trace, member

NEVER = 2**31 - 1
"""The tick of a first spike that has not come."""
STATES = {"membrane": ("drive", "membrane"), "current": ("synaptic",)}
"""The field of the output's state that is read, by criterion: the first that there is."""


@register("task", "classification")
@dataclass(frozen=True)
class Classification:
    r"""The class decided for is the output neuron with the most spikes of the presentation, the first spike, the
    highest membrane potential or the largest sum of synaptic currents. Where two are equal, the sample is undecided,
    and that is an error.

    .. math:: \hat y = \arg\max_k \sum_t s_k[t], \qquad \arg\min_k \min \{t: s_k[t] = 1\}, \qquad
        \arg\max_k \max_t (V_k[t] - \theta_k), \qquad \arg\max_k \sum_t I_k[t]

    `by`: `count`, `first`, `membrane` (V before the reset of its tick, from the threshold on: the state's `drive`, or
    its `membrane` if a neuron of one's own has no `drive`) or `current` (the state's `synaptic`, summed over the ticks;
    neither a reset nor a refractory period changes it). A count of T ticks has T + 1 values and often ties; sums of
    currents tie in silence only, and decide with fewer ticks. They cost an addition for each output neuron and tick.
    The target is a class `[B]`, a whole number.

    Example:
        >>> import jax.numpy as jnp, erbp_jax as ej
        >>> task, counts = ej.Classification(), jnp.array([[3.0, 1.0], [2.0, 2.0]])  # the second is a tie
        >>> task.answer(counts).tolist()
        [0, -1]
        >>> {name: score.tolist() for name, score in task.score(counts, jnp.array([0, 0])).items()}
        {'error': [False, True], 'undecided': [False, True]}

    Raises:
        ValueError: another `by`; an output whose state has no `membrane` or `synaptic`.
    """

    by: Literal["count", "first", "membrane", "current"] = "count"
    """Criterion of the decision: most output spikes, first output spike, highest membrane potential, or largest sum of
    synaptic currents."""

    def __post_init__(self) -> None:
        if self.by not in ("count", "first", *STATES):
            raise ValueError(f"Classification: by must be count, first, {' or '.join(STATES)}, got {self.by!r}")

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (ERROR, Measure("undecided", counted=True))

    def init_state(self, network: Network, batch: int) -> jax.Array:
        """Of every class `[B, K]`: spikes so far, minus the tick of the first one, the highest potential, or the sum
        of currents."""
        if self.by in STATES:
            neuron = network.population(network.output).neuron
            state = jax.eval_shape(lambda: neuron.init_state((1, 1)))
            if all(member(state, name) is None for name in STATES[self.by]):
                raise ValueError(
                    f"Classification by {self.by}: the state of the output {network.output!r}, "
                    f"{type(state).__name__}, has no field `{STATES[self.by][-1]}`"
                )
        first = {"first": -float(NEVER), "membrane": -jnp.inf}.get(self.by, 0.0)
        return jnp.full((batch, network.classes), first, jnp.float32)

    def observe(self, network: Network, state: jax.Array, trace: Trace, target: Any, ticks: jax.Array) -> jax.Array:
        del target
        spikes = network.output_spikes(trace)
        if self.by == "count":
            return state + spikes.sum(0)
        if self.by == "first":
            when = jnp.where(spikes != 0, -ticks.astype(jnp.float32)[:, None, None], -jnp.float32(NEVER))
            return jnp.maximum(state, when.max(0))
        seen: Any = trace.populations[network.index(network.output)].state
        found = next(value for name in STATES[self.by] if (value := member(seen, name)) is not None)
        value = found.astype(state.dtype)
        return jnp.maximum(state, value.max(0)) if self.by == "membrane" else state + value.sum(0)

    def score(self, state: jax.Array, target: Any) -> dict[str, jax.Array]:
        choice, decided = self._decide(state)
        return {"error": (choice != target) | ~decided, "undecided": ~decided}

    def answer(self, state: jax.Array) -> jax.Array:
        """The class decided for, int32 `[B]`; -1 where undecided."""
        choice, decided = self._decide(state)
        return jnp.where(decided, choice, -1)

    def _decide(self, state: jax.Array) -> tuple[jax.Array, jax.Array]:
        choice, decided = decide(state)
        if self.by == "first":  # nothing fired: not even the first one is alone
            decided = alone((state == state.max(-1, keepdims=True)) & (state > -jnp.float32(NEVER)))
        return choice, decided


def check_by_sum(task: Any, what: str) -> None:
    """Refuse a task that does not decide between classes by sums over ticks; `what` is what only these have.

    Raises:
        UserError: says which task it is.
    """
    if not isinstance(task, Classification) or task.by not in ("count", "current"):
        hint = "; add task.by=count" if isinstance(task, Classification) else ""
        raise UserError(
            f"{what}: needs a classification by spike count or by currents, and the run's task is {task}{hint}"
        )
