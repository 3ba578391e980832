"""When to stop and what to answer: error, SynOps and energy of early decisions, all from one recorded run.

A decision rule looks at what the output neurons do, `[T, n, K]`, in the order in which it comes, and names, for every
sample, the tick after which it decides and the class. It reads either spikes, which it counts, or synaptic currents,
which it sums. What happens within a tick has no order: it counts together. A sample for which the rule has not fired
after T ticks is decided by its counts or sums at the end.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from erbp_jax.evaluation.synops import Recording
from erbp_jax.tasks.decisions import alone, leaders


class Decisions(NamedTuple):
    """Of n samples."""

    tick: np.ndarray  # [n] int, ticks that were looked at
    leaders: np.ndarray  # [n, K] bool, the classes with the highest count or sum (all of them for silence)
    fired: np.ndarray  # [n] bool, whether the rule decided before the end of the run

    @property
    def undecided(self) -> np.ndarray:
        """Ties and silence `[n]`."""
        return ~alone(self.leaders)

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
    return Decisions(np.full(n, ticks), leaders(output[:ticks].sum(0, dtype=np.int64)), np.ones(n, bool))


def first_spike(output: np.ndarray) -> Decisions:
    """The class whose neuron fires first."""
    return majority(output, 1)


def majority(output: np.ndarray, n: int) -> Decisions:
    """The class with the most among the first n output spikes (and those of the tick of the n-th)."""
    return _alone(output, _Thresholds("n", (n,), output.shape[1:]), _total)


def margin(output: np.ndarray, m: int) -> Decisions:
    """The leading class, as soon as it is m spikes ahead of the next one."""
    return _alone(output, _Thresholds("m", (m,), output.shape[1:]), _lead)


def current_margin(current: np.ndarray, m: float) -> Decisions:
    """The class with the largest sum of synaptic currents, as soon as it is m ahead of the next; `current[T, n, K]`."""
    return _alone(current, _Thresholds("m", (m,), current.shape[1:], _above_zero), _lead, np.float64)


def _whole(name: str, value: float) -> None:
    if value < 1:
        raise ValueError(f"{name}: must be at least 1, got {value}")


def _above_zero(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name}: must be above 0, got {value}")


def _total(counts: np.ndarray) -> np.ndarray:
    return counts.sum(-1)


def _lead(counts: np.ndarray) -> np.ndarray:
    ordered = np.sort(counts, -1)
    return ordered[..., -1] - ordered[..., -2]


class _Now(NamedTuple):
    """What has come in by the end of a tick."""

    tick: int  # from 1
    counts: np.ndarray  # [n, K] output spikes, int64, or sums of currents, float64
    paid: np.ndarray  # [2, n] int64, SynOps addressed and delivered


def _ticks(output: np.ndarray, *costs: np.ndarray, kind: type = np.int64) -> Iterator[_Now]:
    """Tick by tick what has come in, the costs `[T, n, L]` included. The arrays are the same ones in every tick."""
    counts = np.zeros(output.shape[1:], kind)
    paid = np.zeros((2, output.shape[1]), np.int64)
    for t, spikes in enumerate(output):
        counts += spikes
        for total, cost in zip(paid, costs, strict=False):
            total += cost[t].sum(-1, dtype=np.int64)
        yield _Now(t + 1, counts, paid)


class _Thresholds:
    """Decisions after the first tick in which a score reaches a threshold, for V thresholds at once."""

    def __init__(
        self,
        name: str,
        values: Iterable[float],
        shape: tuple[int, ...],
        check: Callable[[str, float], None] = _whole,
    ) -> None:
        self.values = tuple(values)
        for value in self.values:
            check(name, value)
        v, n = len(self.values), shape[0]
        self._last: _Now | None = None
        self.tick, self.fired = np.zeros((v, n), np.int64), np.zeros((v, n), bool)
        self.leaders, self.paid = np.zeros((v, *shape), bool), np.zeros((2, v, n), np.int64)

    def look(self, now: _Now, score: np.ndarray) -> None:
        """After a tick with the score `[n]`."""
        self._last = now
        reached = ~self.fired & (score >= np.asarray(self.values)[:, None])
        if reached.any():
            self._note(reached, now)
            self.fired |= reached

    def end(self) -> None:
        """After the last tick: who has not been decided is now."""
        if self._last is None:
            raise ValueError("a run of no ticks makes no decision")
        self._note(~self.fired, self._last)

    def _note(self, which: np.ndarray, now: _Now) -> None:
        self.tick[which] = now.tick
        value, sample = np.nonzero(which)
        self.leaders[value, sample] = leaders(now.counts)[sample]
        self.paid[:, value, sample] = now.paid[:, sample]

    def decisions(self, index: int) -> Decisions:
        """Of one of the thresholds."""
        return Decisions(self.tick[index], self.leaders[index], self.fired[index])


def _alone(
    output: np.ndarray, stop: _Thresholds, score: Callable[[np.ndarray], np.ndarray], kind: type = np.int64
) -> Decisions:
    for now in _ticks(output, kind=kind):
        stop.look(now, score(now.counts))
    stop.end()
    return stop.decisions(0)


def cost(recording: Recording, tick: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SynOps of every sample in its first `tick[n]` ticks, the tick of the decision included: addressed, delivered."""
    sample = np.arange(len(tick))
    parts = (recording.addressed, recording.delivered)
    addressed, delivered = (np.cumsum(x.sum(-1, dtype=np.int64), 0)[tick - 1, sample] for x in parts)
    return addressed, delivered


def row(recording: Recording, decisions: Decisions) -> dict[str, float]:
    """A rule's figures over all samples: percent, ticks, SynOps per sample (mean, median, 95th percentile)."""
    return _row(recording.labels, decisions, *cost(recording, decisions.tick))


def _row(labels: np.ndarray, decisions: Decisions, addressed: np.ndarray, delivered: np.ndarray) -> dict[str, float]:
    return {
        "error": 100.0 * float(decisions.wrong(labels).mean()),
        "error_ties_by_lot": 100.0 * float(decisions.chance_wrong(labels).mean()),
        "undecided": 100.0 * float(decisions.undecided.mean()),
        "not_fired": 100.0 * float((~decisions.fired).mean()),
        "ticks": float(decisions.tick.mean()),
        "synops": float(addressed.mean()),
        "synops_median": float(np.median(addressed)),
        "synops_p95": float(np.percentile(addressed, 95)),
        "delivered": float(delivered.mean()),
    }


CURRENT_MARGINS = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0)
"""In units of the weights, as a threshold is."""


def curves(
    recording: Recording,
    counts: Iterable[int] = range(1, 21),
    margins: Iterable[int] = range(1, 11),
    current_margins: Iterable[float] = CURRENT_MARGINS,
) -> dict[str, list[dict[str, Any]]]:
    """Figures of every rule: by time, by the number of output spikes (1 is the first spike), by the margin; and by sums
    of synaptic currents at a time, and by their margin.

    One pass over the ticks for each of spikes and currents, with the counts of one tick in memory: linear in the ticks
    and in the samples.
    """
    shape = recording.output.shape[1:]
    by_spikes = {
        "majority": ("n", _Thresholds("n", counts, shape), _total),
        "margin": ("m", _Thresholds("m", margins, shape), _lead),
    }
    by_current = {"current_margin": ("m", _Thresholds("m", current_margins, shape, _above_zero), _lead)}
    rows = {
        "spike_count": _followed(recording, recording.output, by_spikes, np.int64),
        "current": _followed(recording, recording.current, by_current, np.float64),
    }
    for name, (key, stop, _) in {**by_spikes, **by_current}.items():
        stop.end()
        rows[name] = [
            {key: value, **_row(recording.labels, stop.decisions(i), *stop.paid[:, i])}
            for i, value in enumerate(stop.values)
        ]
    return rows


def _followed(recording: Recording, evidence: np.ndarray, stops: dict[str, Any], kind: type) -> list[dict[str, Any]]:
    """The figures of a decision after each tick; `stops` look on."""
    n, by_time = evidence.shape[1], []
    for now in _ticks(evidence, recording.addressed, recording.delivered, kind=kind):
        decisions = Decisions(np.full(n, now.tick), leaders(now.counts), np.ones(n, bool))
        by_time.append({"ticks_given": now.tick, **_row(recording.labels, decisions, *now.paid)})
        for _, stop, score in stops.values():
            stop.look(now, score(now.counts))
    return by_time


def cheapest(rows: Iterable[dict[str, Any]], error: float) -> dict[str, Any] | None:
    """The row with the fewest SynOps whose error is below `error` percent."""
    good = [r for r in rows if r["error"] < error]
    return min(good, key=lambda r: r["synops"], default=None)
