"""Delays of synapses against loops over synapses and ticks in float64: a matrix, a list, a user's connection."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erbp_jax.connections import (
    BlankOut,
    Conv2d,
    Delayed,
    Delays,
    Dense,
    LinearConnection,
    Params,
    Pool2d,
    Reliable,
    SharedBlankOut,
    Sparse,
    SynapseList,
)
from erbp_jax.counting import wide_value
from tests.connections.test_sparse import masks, uneven

T, B, I, O = 12, 2, 9, 7
PAIRS = uneven(np.random.default_rng(4), I, O, 0.3)
GRID = np.stack(np.meshgrid(np.arange(I), np.arange(O), indexing="ij"), -1).reshape(-1, 2)


@dataclass(frozen=True)
class Edges(LinearConnection):
    """A user's own list of synapses."""

    pairs: SynapseList = PAIRS
    inputs: int = I
    outputs: int = O

    def init(self, key):
        return Params({"weight": jax.random.normal(key, (len(self.pairs),))})

    def current(self, params, spikes, keys):
        del keys
        each = spikes[:, self.pairs.pre] * params.trained["weight"][None]
        return jnp.zeros((len(spikes), self.outputs)).at[:, self.pairs.post].add(each)


def make(kind, transmission):
    if kind == "dense":
        return Dense(I, O, transmission=transmission), GRID
    if kind == "sparse":
        return Sparse(I, O, transmission=transmission, pairs=PAIRS), np.stack([PAIRS.pre, PAIRS.post], 1)
    return Edges(), np.stack([PAIRS.pre, PAIRS.post], 1)


CASES = {
    "dense": ("dense", Reliable(), (1, 4)),
    "dense, blank-out": ("dense", BlankOut(0.65), (0, 3)),
    "sparse": ("sparse", Reliable(), (0, 5)),
    "sparse, blank-out": ("sparse", BlankOut(0.65), (2, 4)),
    "sparse, given": ("sparse", Reliable(by_events=True), Delays(np.arange(len(PAIRS)) % 3 * 4)),
    "a user's": ("edges", Reliable(), (0, 2)),
}


@pytest.mark.parametrize("case", CASES)
def test_delays_equal_the_loop_over_ticks_and_synapses(key, case):
    """Currents, updates, gradients, random back-propagation and counts; all of a block at once, and tick by tick."""
    kind, transmission, delays = CASES[case]
    inner, pairs = make(kind, transmission)
    delayed = Delayed(inner, delays)
    a, b, c, d, e, f = jax.random.split(key, 6)
    params, other = delayed.init(a), delayed.init(b).trained
    params = Params({"weight": jnp.round(8 * params.trained["weight"]) / 8}, params.fixed)  # sums without rounding
    spikes = jnp.asarray([0.0, 0.0, 1.0, 0.5])[jax.random.randint(c, (T, B, I), 0, 4)]
    post, keys = jnp.round(4 * jax.random.normal(d, (T, B, O))) / 4, jax.random.split(e, (T, B))
    factor = jax.random.normal(f, (T, B, delayed.signals))

    ticks, different = np.asarray(delayed.ticks(params)).reshape(-1), list(delayed.different)
    w, u, s, q, x = (
        np.asarray(x, np.float64) for x in (params.trained["weight"], other["weight"], spikes, post, factor)
    )
    w, u, xi, is_open = w.reshape(-1), u.reshape(-1), masks(transmission, keys, I, O), q > 0
    current, of_spikes, back = np.zeros((T, B, O)), np.zeros((T, B, I)), np.zeros((T, B, I))
    free, gated, filtered = np.zeros((3, len(w)))
    addressed, delivered, writes, gated_writes = np.zeros((4, T, B), int)
    for n, (i, o) in enumerate(pairs):
        line = different.index(ticks[n]) * I + i
        for t in range(T):
            back[t, :, i] += w[n] * q[t, :, o]
            filtered[n] += x[t, :, line] @ q[t, :, o]
            if t < ticks[n]:
                continue
            came, crossed = s[t - ticks[n], :, i], xi[t, :, i, o]
            current[t, :, o] += w[n] * crossed * came
            of_spikes[t - ticks[n], :, i] += transmission.mean * u[n] * q[t, :, o]
            free[n] += came @ q[t, :, o]
            gated[n] += (crossed * came) @ q[t, :, o]
            addressed[t] += came != 0
            delivered[t] += (came != 0) & (crossed > 0)
            writes[t] += (came != 0) & is_open[t, :, o]
            gated_writes[t] += (came != 0) & (crossed > 0) & is_open[t, :, o]

    @jax.jit
    def whole(params, spikes):
        state, got, arrived = delayed(params, delayed.init_state(B), spikes, key=keys)
        _, pull = jax.vjp(
            lambda w, s: delayed(Params(w, params.fixed), delayed.init_state(B), s, key=keys, backward=other)[1],
            params.trained,
            spikes,
        )
        updates = (
            delayed.plasticity(params, arrived, post),
            delayed.plasticity(params, arrived, post, gated=True),
            delayed.plasticity(params, arrived, post, factor=factor),
        )
        counts = (
            delayed.addressed(params, arrived),
            delayed.delivered(params, arrived),
            delayed.writes(params, arrived, post > 0),
            delayed.writes(params, arrived, post > 0, gated=True),
        )
        return state, got, delayed.signal(arrived), pull(post), updates, counts, delayed.transpose(params, post)

    state, got, signal, (of_weights, through_other), updates, counts, way_back = whole(params, spikes)
    np.testing.assert_array_equal(got, current)
    np.testing.assert_allclose(of_weights["weight"].reshape(-1), gated, atol=1e-5)
    np.testing.assert_allclose(through_other, of_spikes, atol=1e-5)
    np.testing.assert_allclose(way_back, back, atol=1e-5)
    for update, want in zip(updates, (free, gated, filtered), strict=True):
        np.testing.assert_allclose(update["weight"].reshape(-1), want, atol=1e-5)
    for count, want in zip(counts, (addressed, delivered, writes, gated_writes), strict=True):
        np.testing.assert_array_equal(wide_value(count), want)
    late = np.zeros((T, B, len(different), I))
    for n, d in enumerate(different):
        late[d:, :, n] = s[: T - d]
    np.testing.assert_array_equal(signal, late.reshape(T, B, -1))

    by_tick = jax.jit(lambda state, spikes, key: delayed(params, state, spikes[None], key=key[None]))
    one_state = delayed.init_state(B)
    for t in range(T):
        one_state, one, _ = by_tick(one_state, spikes[t], keys[t])
        np.testing.assert_array_equal(one[0], got[t])
    np.testing.assert_array_equal(one_state, state)
    assert state.shape == (different[-1], B, I)
    assert delayed.synapses == delayed.multiplications == len(pairs)


def test_eligibility_of_every_sample_and_delayed_synapse(key):
    for inner in (Dense(I, O), Sparse(I, O, pairs=PAIRS)):
        delayed = Delayed(inner, (0, 2))
        a, b, c = jax.random.split(key, 3)
        params, spikes = delayed.init(a), (jax.random.uniform(b, (4, B, I)) < 0.5).astype(jnp.float32)
        post = jax.random.normal(c, (4, B, O))
        _, _, arrived = delayed(params, delayed.init_state(B), spikes)
        each = jax.jit(jax.vmap(lambda a, q, d=delayed, p=params: d.plasticity(p, a, q), in_axes=1))(arrived, post)
        line = [delayed.different.index(d) for d in np.asarray(delayed.ticks(params)).reshape(-1)]
        pairs = GRID if isinstance(inner, Dense) else np.stack([PAIRS.pre, PAIRS.post], 1)
        x, q = (np.asarray(v, np.float64) for v in (delayed.signal(arrived), post))
        want = np.stack([(x[..., n * I + i] * q[..., o]).sum(0) for n, (i, o) in zip(line, pairs, strict=True)], 1)
        np.testing.assert_allclose(each["weight"].reshape(B, -1), want, atol=1e-5)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 2**31 - 1))
def test_drawn_delays_are_in_their_range_and_given_ones_are_kept(low, more, seed):
    key = jax.random.key(seed, impl="threefry2x32")
    given = np.random.default_rng(seed).integers(low, low + more + 1, len(PAIRS))
    sparse = Sparse(I, O, pairs=PAIRS)
    drawn, kept = Delayed(sparse, (low, low + more)), Delayed(sparse, Delays(given))
    ticks = np.asarray(drawn.ticks(drawn.init(key)))
    assert low <= ticks.min() <= ticks.max() <= low + more
    assert drawn.different == tuple(range(low, low + more + 1))
    np.testing.assert_array_equal(kept.ticks(kept.init(key)), given)
    assert kept.different == tuple(sorted(set(given.tolist())))
    assert kept == Delayed(sparse, Delays(given.copy()))
    assert hash(kept) == hash(Delayed(sparse, Delays(given.copy())))


def test_delays_are_uniform_and_leave_the_rest_as_it_is(key):
    dense = Dense(60, 50, 2.0)
    delayed = Delayed(dense, (1, 4))
    ticks = np.asarray(delayed.ticks(delayed.init(key)))
    counts = np.bincount(ticks.reshape(-1), minlength=5)
    np.testing.assert_allclose(counts[1:], 750, atol=4.5 * np.sqrt(3000 * 0.25 * 0.75))
    assert counts[0] == 0
    assert (delayed.label, delayed.output_shape, delayed.signals) == ("50d4", (50,), 240)
    assert delayed.reliable() == delayed
    unsure = Delayed(Dense(4, 3, transmission=BlankOut(0.5)), (0, 1))
    assert unsure.reliable() == Delayed(Dense(4, 3), (0, 1))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Delayed(Conv2d((4, 4, 1), 2, 3), (0, 1)), "those of Conv2d are shared"),
        (lambda: Delayed(Pool2d((4, 4, 1), 2), (0, 1)), "with weights is needed, got Pool2d"),
        (lambda: Delayed(Delayed(Dense(3, 2), (0, 1)), (0, 1)), "without a state .* got Delayed"),
        (lambda: Delayed(Dense(3, 2), (2, 1)), r"0 <= low <= high, got \(2, 1\)"),
        (lambda: Delayed(Dense(3, 2), (-1, 1)), r"got \(-1, 1\)"),
        (lambda: Delayed(Dense(3, 2), (0, 1.5)), r"whole ticks .* got \(0, 1.5\)"),
        (lambda: Delayed(Dense(3, 2), np.ones((3, 2))), r"Delays\(array\) or whole ticks"),
        (lambda: Delayed(Dense(3, 2), Delays([[0, 1]])), r"the shape of the weights, \[3, 2\], got \[1, 2\]"),
        (lambda: Delayed(Sparse(2**20, 2, 2), (0, 2**12)), "inputs times delays must be fewer than 2.31"),
    ],
)
def test_bad_values_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_one_mask_for_all_rows_is_that_of_the_connection(key):
    """The stand-in draws by the first row's key, whatever the delay."""
    shared = SharedBlankOut(0.5)
    delayed = Delayed(Dense(I, O, transmission=shared), (0, 1))
    params, keys = delayed.init(key), jax.random.split(key, (2, 1))
    spikes = jnp.ones((2, 1, I))
    _, current, _ = delayed(params, delayed.init_state(1), spikes, key=keys)
    xi = np.asarray(BlankOut(0.5).mask(keys[0, 0], jnp.arange(I), O))
    weight, ticks = np.asarray(params.trained["weight"]), np.asarray(delayed.ticks(params))
    np.testing.assert_allclose(current[0, 0], (xi * weight * (ticks == 0)).sum(0), atol=1e-5)
    np.testing.assert_allclose(current[1, 0], (xi * weight).sum(0), atol=1e-5)
