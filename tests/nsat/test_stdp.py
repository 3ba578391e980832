"""Spike-timing plasticity: the vectors of the reference, and against all pairs of spikes."""

import numpy as np

from erbp_jax.nsat.plasticity import Compatibility
from erbp_jax.nsat.program import NO_ROUTES, Program, core
from erbp_jax.nsat.replay import simulate

TICKS = 420
START = 20


def pairs_program(pre, post, expiry=64, modulator=4, **rule):
    """An axon and a neuron for each pair of trains: the axon's synapse is plastic, another axon makes the neuron fire.

    The plastic synapse ends on state 2, which nothing reads. State 1 modulates and rests at `modulator`.
    """
    n = len(pre)
    events = [(t, i) for i, times in enumerate(pre) for t in times]
    events += [(t - 1, n + i) for i, times in enumerate(post) for t in times]  # a synapse takes a tick
    synapses = [(i, 1, i, 2, i) for i in range(n)] + [(n + i, 1, i, 0, n) for i in range(n)]
    one = core(
        inputs=2 * n,
        learning=True,
        expiry=expiry,
        limited=False,
        coupling=[[[0, -16, -16], [-16, -16, -16], [-16, -16, 0]]],
        coupling_sign=[[[-1, 0, 0], [0, 0, 0], [0, 0, -1]]],
        threshold=[100],
        modulator=[1],
        plastic=[1, 0],
        learning_group=[[1, 1, 0]],
        group=[0] * n,
        initial=[[0, modulator, 0]] * n,
        synapses=synapses,
        weights=[START] * n + [100],
        events=sorted(events),
        **{"stdp": [1, 1], **rule},
    )
    return Program((one,), NO_ROUTES)


def changes(program, compat: Compatibility = "documented", ticks=(TICKS - 1,)):
    (outcome,) = simulate(program, TICKS, weight_ticks=[list(ticks)], compat=compat)
    return outcome.weights[:, :-1] - START, outcome.spikes


def test_vectors_of_single_pairs():
    intervals = list(range(-70, 71))
    causal = {i: 8 if i <= 15 else 4 if i <= 35 else 2 if i <= 63 else 0 for i in range(1, 71)}
    wanted = [causal[i] if i > 0 else -causal.get(-i, 0) for i in intervals]
    program = pairs_program([[150]] * len(intervals), [[150 + i] for i in intervals])
    changed, spikes = changes(program)
    assert spikes[:, 0].tolist() == sorted(150 + i for i in intervals)
    assert changed[0].tolist() == wanted


def test_vectors_of_sequences():
    sequences = [
        ([150, 180], [155, 162], 4),  # causal with the last spike alone: +8; then acausal: -4
        ([150, 160], [165], 8),
        ([150], [130, 140], -8),
        ([150], [160], 8),
        ([150, 160], [160], 0),  # a spike in the tick of the next event is lost to the causal pair
    ]
    pre, post, wanted = zip(*sequences, strict=True)
    assert changes(pairs_program(pre, post))[0][0].tolist() == list(wanted)


def test_a_lone_pair_is_written_when_it_expires():
    changed, _ = changes(pairs_program([[150]], [[160]]), ticks=(213, 214))
    assert changed.tolist() == [[0], [8]]


def staircase(compat):
    rule = {"exponential": [1, 0], "causal_slope": [[3] * 3] * 2, "acausal_slope": [[3] * 3] * 2}
    rule |= {"causal_shift": [[0] * 3] * 2, "acausal_shift": [[0] * 3] * 2}
    intervals = [-24, -16, -15, -9, -8, -7, -1, 1, 7, 8, 15, 16, 23, 24, 31]
    program = pairs_program([[150]] * len(intervals), [[150 + i] for i in intervals], modulator=64, **rule)
    return dict(zip(intervals, changes(program, compat)[0][0].tolist(), strict=True))


def test_the_exponential_kernel_is_a_staircase_of_halvings():
    causal = {1: 64, 7: 64, 8: 32, 15: 32, 16: 16, 23: 16, 24: 8, 31: 8}
    assert staircase("documented") == {
        **causal, -1: -64, -7: -64, -8: -32, -9: -32, -15: -32, -16: -16, -24: -8,
    }  # fmt: skip
    assert staircase("reference") == {
        **causal, -1: -128, -7: -128, -8: -128, -9: -256, -15: -256, -16: -256, -24: -512,
    }  # fmt: skip


def all_pairs(pre, post, modulator, window=64):
    """Every pair of spikes, whatever lies between."""
    total = 0
    for t in pre:
        for u in post:
            step = np.searchsorted([16, 36, window], abs(u - t), side="right")
            if u != t and step < 3:
                total += np.sign(u - t) * [2 * modulator, modulator, modulator // 2][step]
    return int(total)


def train(rng, least):
    """A random spike train with intervals of at least `least` ticks; every pair is written before the end."""
    return [t for t in (10 + np.cumsum(rng.integers(least, least + 60, 40))).tolist() if t < TICKS - 70]


def test_with_long_refractory_periods_it_is_exact_and_with_short_ones_it_is_not():
    # Intervals of at least the window leave a spike at most one partner on either side.
    rng = np.random.default_rng(1)
    leasts = np.repeat([64, 90, 5], 40)
    pre, post = ([train(rng, least) for least in leasts] for _ in range(2))
    for a, b in zip(pre, post, strict=True):  # ties are lost to the causal pair
        b[:] = [u for u in b if u not in a]
    wanted = np.array([all_pairs(a, b, 4) for a, b in zip(pre, post, strict=True)])
    got = changes(pairs_program(pre, post))[0][0]
    long = leasts >= 64
    assert len(set(wanted[long].tolist())) > 10
    np.testing.assert_array_equal(got[long], wanted[long])
    assert (got[~long] != wanted[~long]).mean() > 0.5
