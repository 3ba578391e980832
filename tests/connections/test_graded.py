"""Spikes of any value: currents and updates against loops over synapses, in every transmission and path."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.connections import BlankOut, Conv2d, Dense, Params, Reliable, SharedBlankOut
from tests.connections.calls import current as current_of
from tests.connections.calls import updated
from tests.connections.test_conv import drawn, synapses

ROWS, INPUTS, OUTPUTS = 7, 40, 35
KINDS = {
    "reliable": Reliable(),
    "by events": Reliable(by_events=True),
    "blank-out": BlankOut(0.65),
    "blank-out, by events": BlankOut(0.65, by_events=True),
    "certain": BlankOut(1.0),
    "certain, by events": BlankOut(1.0, by_events=True),
    "never": BlankOut(0.0),
    "shared": SharedBlankOut(0.5),
}
VALUES = (1.0, 0.1, 2.0, -1.0, 1e6, 1e-6)


def graded(key, units):
    """Rows of ones, of 0.1, of 2, ... and one of all of them, a third of the units silent."""
    a, b = jax.random.split(key)
    mixed = jnp.asarray(VALUES)[jax.random.randint(a, (1, units), 0, len(VALUES))]
    rows = jnp.concatenate([jnp.broadcast_to(jnp.asarray(VALUES)[:, None], (len(VALUES), units)), mixed])
    return jnp.where(jax.random.uniform(b, rows.shape) < 0.33, 0.0, rows)


def dense_masks(transmission, keys):
    """xi of every row and synapse `[R, I, O]`, as the transmission itself draws it."""
    units = jnp.arange(INPUTS)
    if isinstance(transmission, Reliable):
        return np.ones((ROWS, INPUTS, OUTPUTS))
    if isinstance(transmission, SharedBlankOut):
        one = BlankOut(transmission.p).mask(keys[0], units, OUTPUTS)
        return np.asarray(jnp.broadcast_to(one, (ROWS, INPUTS, OUTPUTS)), np.float64)
    return np.asarray(transmission.mask(keys[:, None], units[None], OUTPUTS), np.float64)


def near(got, want, size):
    """Equal up to the rounding of float32 sums of terms whose sizes add up to `size`."""
    assert (np.abs(np.asarray(got, np.float64) - want) <= 1e-5 * size + 1e-30).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_dense_layer_takes_spikes_of_any_value(key, kind):
    transmission = KINDS[kind]
    a, b, c, d = jax.random.split(key, 4)
    dense = Dense(INPUTS, OUTPUTS, transmission=transmission)
    spikes, post = graded(a, INPUTS), jax.random.normal(b, (ROWS, OUTPUTS))
    params, keys = dense.init(c), jax.random.split(d, ROWS)
    xi = dense_masks(transmission, keys)
    s, w, q = (np.asarray(x, np.float64) for x in (spikes, params.trained["weight"], post))
    want = np.zeros((2, ROWS, OUTPUTS)), np.zeros((2, INPUTS, OUTPUTS)), np.zeros((2, INPUTS, OUTPUTS))
    for r in range(ROWS):
        for i in range(INPUTS):
            for terms, at, term in zip(want, (r, i, i), (xi[r, i] * w[i], xi[r, i] * q[r], q[r]), strict=True):
                terms[:, at] += s[r, i] * term, abs(s[r, i] * term)

    @jax.jit
    def run(params, spikes, keys, post):
        _, back = jax.vjp(lambda w, s: current_of(dense, Params(w), s, keys), params.trained, spikes)
        gated, free = updated(dense, params, spikes, post, keys), updated(dense, params, spikes, post)
        return current_of(dense, params, spikes, keys), gated, free, back(post)

    current, gated, free, (of_weights, of_spikes) = run(params, spikes, keys, post)
    near(current, *want[0])
    near(gated, *want[1])
    near(of_weights["weight"], *want[1])
    near(free, *want[2])
    near(of_spikes, transmission.mean * q @ w.T, 10.0)


@pytest.mark.parametrize("kind", ["reliable", "blank-out", "certain", "never", "shared"])
def test_a_convolution_takes_spikes_of_any_value(key, kind):
    conv = Conv2d((6, 7, 2), 3, 3, 2, transmission=KINDS[kind])
    a, b, c, d = jax.random.split(key, 4)
    spikes, post = graded(a, conv.inputs), jax.random.normal(b, (ROWS, conv.outputs))
    params, keys = conv.init(c), jax.random.split(d, ROWS)
    xi = np.asarray(drawn(conv, keys), np.float64)
    s, w, q = (np.asarray(x, np.float64) for x in (spikes, params.trained["weight"], post))
    want = np.zeros((2, *q.shape)), np.zeros((2, *w.shape)), np.zeros((2, *w.shape))
    for i, o, (y, x, channel, out) in synapses(conv):
        entry, at = (y, x, channel, out), (slice(None), o)
        through = xi[:, o // 3, (y * 3 + x) * 2 + channel, out]
        for terms, place, term in (
            (want[0], at, through * s[:, i] * w[entry]),
            (want[1], entry, through * s[:, i] * q[:, o]),
            (want[2], entry, s[:, i] * q[:, o]),
        ):
            terms[0][place] += term if place is at else term.sum()
            terms[1][place] += np.abs(term) if place is at else np.abs(term).sum()

    @jax.jit
    def run(params, spikes, keys, post):
        _, back = jax.vjp(lambda w: current_of(conv, Params(w), spikes, keys), params.trained)
        gated, free = updated(conv, params, spikes, post, keys), updated(conv, params, spikes, post)
        return current_of(conv, params, spikes, keys), gated, free, back(post)[0]

    current, gated, free, of_weights = run(params, spikes, keys, post)
    near(current, *want[0])
    near(gated, *want[1])
    near(of_weights["weight"], *want[1])
    near(free, *want[2])


@pytest.mark.parametrize("kind", ["reliable", "by events", "blank-out", "shared"])
def test_what_is_no_number_spreads_as_in_the_equation(key, kind):
    transmission = KINDS[kind]
    dense, maps = (Dense(12, 5, transmission=transmission), Conv2d((4, 4, 1), 2, 3, transmission=transmission))
    keys = jax.random.split(key, 3)

    @jax.jit
    def run(bad):
        spikes = jnp.zeros((3, 12)).at[2, 5].set(bad)
        params = dense.init(key)
        seen = current_of(maps, maps.init(key), jnp.zeros((1, 16)).at[0, 0].set(bad), keys[:1])
        update = updated(dense, params, spikes, jnp.ones((3, 5)), keys)
        return current_of(dense, params, spikes, keys), update, seen.reshape(4, 4, 2)

    for bad in (np.nan, np.inf, -np.inf):
        current, update, seen = (np.isfinite(x) for x in run(bad))
        assert not current[2].any()
        assert current[:2].all()
        assert not update[5].any()
        assert np.delete(update, 5, 0).all()
        assert not seen[:2, :2].any()
        assert seen[3].all()
