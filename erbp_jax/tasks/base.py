"""What every task is: it watches the output of a presentation and scores it against the target."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from erbp_jax.network import Network
from erbp_jax.trace import Trace


class Measure(NamedTuple):
    """One number that a task judges samples by.

    Example:
        >>> import erbp_jax as ej
        >>> error = ej.Measure("error", counted=True)
        >>> error.unit, error.scale
        (' %', 100.0)
    """

    name: str
    """What it is called in metrics, tables and pictures: `test_NAME`, `train_NAME`."""
    counted: bool = False
    """True if the measure is boolean per sample, reported as a percentage of samples; otherwise reported as a mean."""
    high_is_good: bool = False

    @property
    def unit(self) -> str:
        """As text after a number: ` %` or nothing."""
        return " %" if self.counted else ""

    @property
    def scale(self) -> float:
        """Convert a mean over samples to the reported value."""
        return 100.0 if self.counted else 1.0


ERROR = Measure("error", counted=True)
"""Of classification."""


def judged_by(summary: Mapping[str, Any]) -> Measure:
    """The measure that a finished run was judged by, from its summary; those of before there were tasks had errors."""
    given = summary.get("measure")
    return ERROR if given is None else Measure(**given)


def number(value: float, measure: Measure) -> str:
    """The reported value of a measure."""
    return f"{value:.2f} %" if measure.counted else f"{value:.4g}"


class Task(Protocol):
    """A task. Frozen, hashable.

    The trainer shows a batch, calls `observe` after every block of ticks and `score` at the end. Its first measure is
    the one that a training is judged by.

    A custom task, the mean number of output spikes per sample:

    >>> from dataclasses import dataclass
    >>> import jax.numpy as jnp
    >>> from erbp_jax.tasks import Measure
    >>> @dataclass(frozen=True)
    ... class Spikes:
    ...     measures = (Measure("spikes", counted=False),)
    ...     def init_state(self, network, batch):
    ...         return jnp.zeros(batch)
    ...     def observe(self, network, state, trace, target, ticks):
    ...         return state + network.output_spikes(trace).sum((0, 2))
    ...     def score(self, state, target):
    ...         return {"spikes": state}
    ...     def answer(self, state):
    ...         return state
    """

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The numbers of `score`, by name; the first one is what training is judged by."""
        ...

    def init_state(self, network: Network, batch: int) -> Any:
        """What was observed before the first tick; leaves `[B, ...]`.

        Raises:
            ValueError: a network whose output the task cannot read.
        """
        ...

    def observe(self, network: Network, state: Any, trace: Trace, target: Any, ticks: jax.Array) -> Any:
        """What was observed after one more block: its `trace`, with leaves `[k, B, ...]`, and `ticks[k]`, int32."""
        ...

    def score(self, state: Any, target: Any) -> dict[str, jax.Array]:
        """Each measure of every sample at the end, `[B]`: bool where it is counted, else float32."""
        ...

    def answer(self, state: Any) -> Any:
        """What the network said, leaves `[B, ...]`: a class, a curve."""
        ...


def answer_to(task: Task, network: Network, trace: Trace, target: Any) -> Any:
    """What a task answers to a whole presentation at once: a trace `[T, B, ...]` and the targets of its B samples."""
    ticks, batch = trace.populations[0].spikes.shape[:2]
    seen = task.init_state(network, batch)
    return task.answer(task.observe(network, seen, trace, target, jnp.arange(ticks, dtype=jnp.int32)))
