"""Pair-based and forward-table STDP against sums over pairs of spikes, written from the definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.chain import sequential
from erbp_jax.connections import Delayed, Dense
from erbp_jax.kernels import Exponential, Staircase
from erbp_jax.learning.base import Given
from erbp_jax.learning.three_factor import ForwardTableSTDP, ThreeFactor, pair_stdp
from erbp_jax.neurons import LIF
from tests.learning.traces import trace_of

T, N = 320, 6
STAIRCASE = Staircase()
SHARP = Staircase(window=24, causal_edges=(4, 9), acausal_edges=(-6, -11), causal_shift=(0, 0, 0), exponential=True,
                  acausal_shift=(-1, -1, -1), causal_slope=(3,) * 3, acausal_slope=(2,) * 3)  # fmt: skip
KERNELS = {"staircase": STAIRCASE, "halving": SHARP, "exponential": Exponential(20.0, 30.0, 1.0, -0.5, 40, 2.0**-12)}


def staircase(dt):
    """The vectors of the machine: segments to 15, 35, 63 with 2, 1, 1/2."""
    size = next((k for edge, k in ((16, 2.0), (36, 1.0), (64, 0.5)) if abs(dt) < edge), 0.0)
    return float(np.sign(dt)) * size


def halving(dt):
    if dt == 0 or abs(dt) >= 24:
        return 0.0
    return 2.0 ** -(dt // 8) if dt > 0 else -(2.0 ** (-1 - (-dt // 4)))


def exponential(dt):
    if dt == 0 or abs(dt) >= 40:
        return 0.0
    exact = np.exp(-dt / 20.0) if dt > 0 else -0.5 * np.exp(dt / 30.0)
    return round(exact * 4096) / 4096


ORACLES = {"staircase": staircase, "halving": halving, "exponential": exponential}


def trains(seed, least, replicas=N, most=60):
    """Spike trains `[T, replicas]` whose intervals are at least `least`; all pairs end within T."""
    rng = np.random.default_rng(seed)
    spikes = np.zeros((T, replicas))
    for replica in range(replicas):
        times = rng.integers(0, least + 3) + np.cumsum(rng.integers(least, least + most, T))
        spikes[times[times < T - 70], replica] = 1
    return spikes


def learn(rule, pre, post, block=40):
    """Total change `[I, O]` for spikes `[T, I]` and `[T, O]`, in blocks of ticks."""
    network, key = sequential(Dense(pre.shape[1], post.shape[1]), LIF()), jax.random.key(0)
    params, rule_params, state = network.init(key), rule.init(network, key), rule.rest(network, 1)
    keys = jax.random.split(key, (block, 1))

    @jax.jit
    def step(state, trace, ticks):
        given = Given(trace.inputs[0], jnp.zeros(1, jnp.int32), ticks, keys)
        return rule.step(network, params, rule_params, state, trace, given)

    total = np.zeros((pre.shape[1], post.shape[1]))
    for first in range(0, len(pre), block):
        x, y = (jnp.asarray(s[first : first + block, None], jnp.float32) for s in (pre, post))
        state, (update,), *_ = step(state, trace_of(x, y), first + jnp.arange(block))
        total -= np.asarray(update["weight"], np.float64)
    return total


def over_pairs(pre, post, K, pairing):
    total = np.zeros((pre.shape[1], post.shape[1]))
    for i in range(pre.shape[1]):
        for j in range(post.shape[1]):
            a, b = np.nonzero(pre[:, i])[0], np.nonzero(post[:, j])[0]
            if pairing == "all":
                total[i, j] = sum(K(u - t) for t in a for u in b)
            else:
                total[i, j] = sum(K(u - a[a < u].max()) for u in b if (a < u).any())
                total[i, j] += sum(K(b[b < t].max() - t) for t in a if (b < t).any())
    return total


def one_deep(pre, post, K, expiry):
    """The forward table, tick by tick and synapse by synapse."""
    total = np.zeros((pre.shape[1], post.shape[1]))
    for i in range(pre.shape[1]):
        for j in range(post.shape[1]):
            last_pre = last_post = None
            for t in range(T):
                due = last_pre is not None and (t - last_pre == expiry or (pre[t, i] and t - last_pre < expiry))
                if due and last_post is not None and last_post > last_pre:
                    total[i, j] += K(last_post - last_pre)
                if pre[t, i]:
                    if last_post is not None:
                        total[i, j] += K(last_post - t)
                    last_pre = t
                if post[t, j]:
                    last_post = t
    return total


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_is_its_definition(name):
    dt = np.arange(-80, 81)
    np.testing.assert_allclose(
        KERNELS[name](jnp.asarray(dt, jnp.int32)), [ORACLES[name](int(d)) for d in dt], rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("pairing", ["all", "nearest"])
def test_pair_stdp_is_the_sum_over_its_pairs(name, pairing):
    pre, post = trains(1, 1, most=20), trains(2, 1, 5, most=20)
    got = learn(ThreeFactor((pair_stdp(KERNELS[name], pairing),)), pre, post)
    want = over_pairs(pre, post, ORACLES[name], pairing)
    assert (want != 0).mean() > 0.9
    np.testing.assert_array_equal(got, want)  # all values are multiples of 2^-12


@pytest.mark.parametrize(("name", "block"), [("staircase", 40), ("halving", 40), ("exponential", 40), ("halving", 1)])
def test_the_forward_table_equals_its_loop_and_does_not_depend_on_blocks(name, block):
    pre, post = trains(3, 2, 4), trains(4, 2, 3)
    got = learn(ForwardTableSTDP(KERNELS[name], expiry=64), pre, post, block)
    np.testing.assert_array_equal(got, one_deep(pre, post, ORACLES[name], 64))


@pytest.mark.parametrize("name", KERNELS)
def test_with_refractory_periods_of_the_window_it_is_exact_and_with_shorter_ones_it_is_not(name):
    kernel, K = KERNELS[name], ORACLES[name]
    pre, post = trains(5, kernel.window, 12), trains(6, kernel.window, 12)
    post[pre.any(1)] = 0  # a spike in the very tick of the next presynaptic one is lost to the causal pair
    exact = over_pairs(pre, post, K, "all")
    np.testing.assert_array_equal(learn(ForwardTableSTDP(kernel), pre, post), exact)
    np.testing.assert_array_equal(learn(ThreeFactor((pair_stdp(kernel, "nearest"),)), pre, post), exact)
    pre, post = trains(5, 2, 12, most=12), trains(6, 2, 12, most=12)
    assert (learn(ForwardTableSTDP(kernel), pre, post) != over_pairs(pre, post, K, "all")).mean() > 0.5


def replicas(pairs, last=T - 1):
    """The change, as under a modulator of 4, that each `(pre times, post times)` has made after the tick `last`."""
    pre, post = np.zeros((T, len(pairs))), np.zeros((T, len(pairs)))
    for replica, (a, b) in enumerate(pairs):
        pre[a, replica], post[b, replica] = 1, 1
    pre[last + 1 :], post[last + 1 :] = 0, 0
    return 4 * np.diagonal(learn(ForwardTableSTDP(STAIRCASE), pre[: last + 1], post[: last + 1], block=last + 1))


def test_the_vectors_of_the_reference_machine():
    pairs = [([150, 180], [155, 162]), ([150, 160], [165]), ([150], [130, 140]), ([150, 160], [160]), ([150], [160])]
    assert replicas(pairs).tolist() == [4, 8, -8, 0, 8]


def test_a_lone_pair_is_written_when_the_timer_expires():
    assert replicas([([150], [160])], 213).tolist() == [0]
    assert replicas([([150], [160])], 214).tolist() == [8]


def test_bad_kernels_are_refused():
    with pytest.raises(ValueError, match="window"):
        Staircase(window=0)
    with pytest.raises(ValueError, match="tau_causal"):
        Exponential(tau_causal=0.0)
    with pytest.raises(ValueError, match="expiry 10 lies below the window 64"):
        ForwardTableSTDP(STAIRCASE, expiry=10)


def test_a_window_of_one_tick_has_no_pairs():
    rule = ThreeFactor((pair_stdp(Exponential(window=1)),))
    np.testing.assert_array_equal(learn(rule, np.ones((8, 3)), np.ones((8, 2)), block=4), 0)


@pytest.mark.parametrize("pairing", ["all", "nearest"])
def test_edges_beyond_the_window_reach_no_further_than_it(pairing):
    """Neurons that never fired were taken to have fired a window ago, where K was not 0."""
    kernel = Staircase(window=20)  # its second segment ends at 36
    dt = jnp.arange(-70, 71)
    near = np.abs(dt) < 20
    np.testing.assert_array_equal(kernel(dt), np.where(near, STAIRCASE(dt), 0.0))
    post = np.zeros((30, N))
    post[10] = 1
    assert not learn(ThreeFactor((pair_stdp(kernel, pairing),)), np.zeros((30, N)), post, 30).any()


def test_the_forward_table_refuses_synapses_of_several_delays(key):
    network = sequential(Delayed(Dense(4, 2, 1.0), (0, 3)), LIF())
    with pytest.raises(ValueError, match=r"walks the rows of a weight matrix, and the projection .* has none"):
        ForwardTableSTDP(STAIRCASE).init(network, key)
