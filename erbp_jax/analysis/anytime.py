"""When to stop and what to answer: error, SynOps and energy of early decisions, all from one recorded run.

A decision rule looks at output spikes `[T, n, K]` in the order in which they come and names, for every sample, the tick
after which it decides and the class. Spikes within a tick have no order: they count together. A sample for which the
rule has not fired after T ticks is decided by its spike counts at the end.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from erbp_jax.analysis.synops import Recording


class Decisions(NamedTuple):
    """Of n samples."""

    tick: np.ndarray  # [n] int, ticks that were looked at
    leaders: np.ndarray  # [n, K] bool, the classes with the most spikes (all of them for silence)
    fired: np.ndarray  # [n] bool, whether the rule decided before the end of the run

    @property
    def undecided(self) -> np.ndarray:
        """Ties and silence `[n]`."""
        return self.leaders.sum(-1) != 1

    def wrong(self, labels: np.ndarray) -> np.ndarray:
        """Wrong `[n]`, ties and silence included."""
        return self.undecided | (self.leaders.argmax(-1) != labels)

    def chance_wrong(self, labels: np.ndarray) -> np.ndarray:
        """Chance to be wrong `[n]` if a tie is broken by lot."""
        right = self.leaders[np.arange(len(labels)), labels]
        return 1.0 - right / self.leaders.sum(-1)


def spike_count(output: np.ndarray, ticks: int) -> Decisions:
    """The class with the most spikes in the first `ticks` ticks."""
    _whole("ticks", ticks)
    if ticks > output.shape[0]:
        raise ValueError(f"ticks: the run has {output.shape[0]}, got {ticks}")
    n = output.shape[1]
    return _decide(output, np.full(n, ticks), np.ones(n, bool))


def first_spike(output: np.ndarray) -> Decisions:
    """The class whose neuron fires first."""
    return majority(output, 1)


def majority(output: np.ndarray, n: int) -> Decisions:
    """The class with the most among the first n output spikes (and those of the tick of the n-th)."""
    _whole("n", n)
    return _when(output, np.cumsum(output.sum(-1, dtype=np.int64), 0) >= n)


def margin(output: np.ndarray, m: int) -> Decisions:
    """The leading class, as soon as it is m spikes ahead of the next one."""
    _whole("m", m)
    counts = np.sort(np.cumsum(output, 0, dtype=np.int64), -1)
    return _when(output, counts[..., -1] - counts[..., -2] >= m)


def _whole(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name}: must be at least 1, got {value}")


def _when(output: np.ndarray, reached: np.ndarray) -> Decisions:
    """Decide after the first tick at which `reached[T, n]`, or at the end."""
    fired = np.asarray(reached.any(0))
    return _decide(output, np.where(fired, reached.argmax(0) + 1, output.shape[0]), fired)


def _decide(output: np.ndarray, tick: np.ndarray, fired: np.ndarray) -> Decisions:
    counts = np.cumsum(output, 0, dtype=np.int64)[tick - 1, np.arange(output.shape[1])]
    return Decisions(tick, counts == counts.max(-1, keepdims=True), fired)


def cost(recording: Recording, tick: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SynOps of every sample in its first `tick[n]` ticks, the tick of the decision included: addressed, delivered."""
    sample = np.arange(len(tick))
    parts = (recording.addressed, recording.delivered)
    addressed, delivered = (np.cumsum(x.sum(-1, dtype=np.int64), 0)[tick - 1, sample] for x in parts)
    return addressed, delivered


def row(recording: Recording, decisions: Decisions) -> dict[str, float]:
    """A rule's figures over all samples: percent, ticks, SynOps a sample (mean, median, 95th percentile)."""
    addressed, delivered = cost(recording, decisions.tick)
    return {
        "error": 100.0 * float(decisions.wrong(recording.labels).mean()),
        "error_ties_by_lot": 100.0 * float(decisions.chance_wrong(recording.labels).mean()),
        "undecided": 100.0 * float(decisions.undecided.mean()),
        "not_fired": 100.0 * float((~decisions.fired).mean()),
        "ticks": float(decisions.tick.mean()),
        "synops": float(addressed.mean()),
        "synops_median": float(np.median(addressed)),
        "synops_p95": float(np.percentile(addressed, 95)),
        "delivered": float(delivered.mean()),
    }


def curves(
    recording: Recording, counts: Iterable[int] = range(1, 21), margins: Iterable[int] = range(1, 11)
) -> dict[str, list[dict[str, Any]]]:
    """Figures of every rule: by time, by the number of output spikes (1 is the first spike), by the margin."""
    ticks = range(1, recording.output.shape[0] + 1)
    rules: dict[str, tuple[str, Callable[..., Decisions], Iterable[int]]] = {
        "spike_count": ("ticks_given", spike_count, ticks),
        "majority": ("n", majority, counts),
        "margin": ("m", margin, margins),
    }
    return {
        name: [{key: value, **row(recording, rule(recording.output, value))} for value in values]
        for name, (key, rule, values) in rules.items()
    }


def cheapest(rows: Iterable[dict[str, Any]], error: float) -> dict[str, Any] | None:
    """The row with the fewest SynOps whose error is below `error` percent."""
    good = [r for r in rows if r["error"] < error]
    return min(good, key=lambda r: r["synops"], default=None)
