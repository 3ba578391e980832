"""Early decisions against a loop over ticks, and what they may not depend on."""

import time

import numpy as np
import pytest

from erbp_jax.evaluation import anytime
from erbp_jax.evaluation.synops import Recording

T, N, K = 9, 400, 4


@pytest.fixture(scope="module")
def recording():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, K, N)
    rate = rng.uniform(0, 0.5, N)[:, None] * np.where(np.arange(K) == labels[:, None], 1.0, 0.6)
    output = (rng.random((T, N, K)) < rate).astype(np.int8)
    addressed = rng.integers(0, 1000, (T, N, 3)).astype(np.int32)
    current = rng.integers(-9, 9, (T, N, K)).astype(np.float32) / 4  # sums are exact, and some are equal
    return Recording(output, addressed, addressed // 2, addressed // 10, current, labels)


def loop(output, stop):
    """Tick after which one sample `output[T, K]` is decided, its leading classes, and whether the rule stopped it."""
    counts = [0] * output.shape[1]
    for tick, spikes in enumerate(output, 1):
        counts = [c + float(s) for c, s in zip(counts, spikes, strict=True)]
        if stop(counts, tick):
            break
    return tick, [c == max(counts) for c in counts], stop(counts, tick)


def ahead(counts):
    first, second, *_ = sorted(counts, reverse=True)
    return first - second


RULES = [
    *((f"count {t}", lambda x, t=t: anytime.spike_count(x, t), lambda _, now, t=t: now >= t) for t in (1, 4, 9)),
    ("first spike", anytime.first_spike, lambda c, _: sum(c) >= 1),
    *((f"majority {n}", lambda x, n=n: anytime.majority(x, n), lambda c, _, n=n: sum(c) >= n) for n in (2, 5, 30)),
    *((f"margin {m}", lambda x, m=m: anytime.margin(x, m), lambda c, _, m=m: ahead(c) >= m) for m in (1, 2, 4)),
]
BY_CURRENT = [(m, lambda c, _, m=m: ahead(c) >= m) for m in (0.25, 1.5, 40.0)]


@pytest.mark.parametrize(("rule", "stop"), [r[1:] for r in RULES], ids=[r[0] for r in RULES])
def test_a_decision_is_what_a_loop_over_ticks_makes_it(recording, rule, stop):
    got = rule(recording.output)
    want = [loop(recording.output[:, i], stop) for i in range(N)]
    np.testing.assert_array_equal(got.tick, [w[0] for w in want])
    np.testing.assert_array_equal(got.leaders, [w[1] for w in want])
    np.testing.assert_array_equal(got.fired, [w[2] for w in want])
    wrong = [sum(w[1]) != 1 or not w[1][label] for w, label in zip(want, recording.labels, strict=True)]
    np.testing.assert_array_equal(got.wrong(recording.labels), wrong)
    lot = [1 - w[1][label] / sum(w[1]) for w, label in zip(want, recording.labels, strict=True)]
    np.testing.assert_allclose(got.chance_wrong(recording.labels), lot)
    paid = [int(recording.addressed[: w[0], i].sum()) for i, w in enumerate(want)]
    np.testing.assert_array_equal(anytime.cost(recording, got.tick)[0], paid)
    shown = anytime.row(recording, got)
    assert shown["error"] == pytest.approx(100 * np.mean(wrong))
    assert shown["synops"] == pytest.approx(np.mean(paid))


@pytest.mark.parametrize(("m", "stop"), BY_CURRENT, ids=[f"margin {m}" for m, _ in BY_CURRENT])
def test_a_decision_by_currents_is_what_a_loop_over_ticks_makes_it(recording, m, stop):
    got = anytime.current_margin(recording.current, m)
    want = [loop(recording.current[:, i], stop) for i in range(N)]
    np.testing.assert_array_equal(got.tick, [w[0] for w in want])
    np.testing.assert_array_equal(got.leaders, [w[1] for w in want])
    np.testing.assert_array_equal(got.fired, [w[2] for w in want])
    curves = anytime.curves(recording, current_margins=[m])
    assert curves["current_margin"] == [{"m": m, **anytime.row(recording, got)}]
    for tick in (1, T):
        leading = [loop(recording.current[:tick, i], lambda *_: False)[1] for i in range(N)]
        wrong = [sum(w) != 1 or not w[label] for w, label in zip(leading, recording.labels, strict=True)]
        assert curves["current"][tick - 1]["error"] == pytest.approx(100 * np.mean(wrong))


def test_curves_end_where_the_whole_run_ends(recording):
    curves = anytime.curves(recording, counts=(1, 1000), margins=(1, 1000))
    last = curves["spike_count"][-1]
    for rule in ("majority", "margin"):
        assert curves[rule][1]["not_fired"] == 100.0
        assert all(curves[rule][1][key] == last[key] for key in ("error", "synops", "ticks", "undecided"))
    assert [r["ticks_given"] for r in curves["spike_count"]] == list(range(1, T + 1))
    best = anytime.cheapest(curves["margin"] + curves["majority"], 101.0)
    assert best == curves["majority"][0]  # nothing decides before the first spike
    assert anytime.cheapest(curves["margin"], 0.0) is None


def by_sums(recording, counts, margins):
    """The curves by sums over all ticks at once, for each rule anew: as they were worked out before."""
    output, labels = recording.output, recording.labels
    total = np.cumsum(output, 0, dtype=np.int64)
    samples = np.arange(output.shape[1])
    ordered = np.sort(total, -1)

    def figures(tick, fired):
        leaders = total[tick - 1, samples] == total[tick - 1, samples].max(-1, keepdims=True)
        parts = (recording.addressed, recording.delivered)
        addressed, delivered = (np.cumsum(x.sum(-1, dtype=np.int64), 0)[tick - 1, samples] for x in parts)
        alone = leaders.sum(-1) == 1
        return {
            "error": 100.0 * float((~alone | (leaders.argmax(-1) != labels)).mean()),
            "error_ties_by_lot": 100.0 * float((1.0 - leaders[samples, labels] / leaders.sum(-1)).mean()),
            "undecided": 100.0 * float((~alone).mean()),
            "not_fired": 100.0 * float((~fired).mean()),
            "ticks": float(tick.mean()),
            "synops": float(addressed.mean()),
            "synops_median": float(np.median(addressed)),
            "synops_p95": float(np.percentile(addressed, 95)),
            "delivered": float(delivered.mean()),
        }

    def reached(at):
        fired = at.any(0)
        return figures(np.where(fired, at.argmax(0) + 1, len(output)), fired)

    every = np.ones(len(samples), bool)
    return {
        "spike_count": [
            {"ticks_given": t, **figures(np.full(len(samples), t), every)} for t in range(1, len(output) + 1)
        ],
        "majority": [{"n": n, **reached(total.sum(-1) >= n)} for n in counts],
        "margin": [{"m": m, **reached(ordered[..., -1] - ordered[..., -2] >= m)} for m in margins],
    }


def test_curves_are_what_they_were(recording):
    counts, margins = range(1, 21), range(1, 11)
    got, want = anytime.curves(recording, counts, margins), by_sums(recording, counts, margins)
    assert {name: got[name] for name in want} == want


def test_curves_are_linear_in_the_ticks():
    """100 samples and 2,000 ticks took two minutes. Processor time: other work on the machine does not count."""
    rng = np.random.default_rng(1)
    ticks, n, classes = 2000, 100, 10
    output = (rng.random((ticks, n, classes)) < 0.05).astype(np.int8)
    operations = rng.integers(0, 1000, (ticks, n, 3)).astype(np.int32)
    labels = rng.integers(0, classes, n)
    long = Recording(output, operations, operations // 2, operations, output.astype(np.float32), labels)
    began = time.process_time()
    curves = anytime.curves(long)
    assert time.process_time() - began < 2.0
    assert len(curves["spike_count"]) == ticks
    assert curves["spike_count"][-1]["synops"] == operations.sum((0, 2)).mean()


def test_what_cannot_be_decided_is_refused(recording):
    with pytest.raises(ValueError, match="m: must be at least 1, got 0"):
        anytime.curves(recording, margins=(2, 0))
    for rule in (anytime.spike_count, anytime.majority, anytime.margin):
        with pytest.raises(ValueError, match="at least 1"):
            rule(recording.output, 0)
    with pytest.raises(ValueError, match="m: must be above 0, got 0"):
        anytime.current_margin(recording.current, 0.0)
    with pytest.raises(ValueError, match="the run has 9"):
        anytime.spike_count(recording.output, 10)
