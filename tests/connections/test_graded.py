"""Spikes of any value: currents and updates against loops over synapses, in every transmission and path."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.connections import BlankOut, Conv2d, Dense, GaussianBlankOut, Reliable, SharedBlankOut
from erbp_jax.learning.three_factor import ThreeFactor, pair_stdp
from erbp_jax.network import Layer, Network
from erbp_jax.neurons import LIF
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
VALUES = {"dim": [0.1], "two": [2.0], "negative": [-1.0], "mixed": [0.1, 2.0, -1.0, 1.0, 0.5, 1e6, 1e-6]}


def graded(key, shape, values):
    """A third of them 0, the others any of the values; the first row is ones and zeros."""
    a, b = jax.random.split(key)
    chosen = jnp.asarray(values)[jax.random.randint(a, shape, 0, len(values))]
    chosen = chosen.at[0].set(1.0)
    return jnp.where(jax.random.uniform(b, shape) < 0.33, 0.0, chosen).astype(jnp.float32)


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
    """Equal up to the rounding of float32 sums of terms of this size."""
    np.testing.assert_allclose(got, want, atol=1e-5 * float(size), rtol=1e-5)


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_dense_layer_takes_spikes_of_any_value(key, kind, values):
    transmission = KINDS[kind]
    a, b, c, d = jax.random.split(key, 4)
    dense = Dense(INPUTS, OUTPUTS, transmission=transmission)
    spikes, post = graded(a, (ROWS, INPUTS), VALUES[values]), jax.random.normal(b, (ROWS, OUTPUTS))
    params, keys = dense.init(c), jax.random.split(d, ROWS)
    xi = dense_masks(transmission, keys)
    s, w, q = (np.asarray(x, np.float64) for x in (spikes, params["weight"], post))
    current, update, free = np.zeros((ROWS, OUTPUTS)), np.zeros((INPUTS, OUTPUTS)), np.zeros((INPUTS, OUTPUTS))
    for r in range(ROWS):
        for i in range(INPUTS):
            current[r] += xi[r, i] * s[r, i] * w[i]
            update[i] += xi[r, i] * s[r, i] * q[r]
            free[i] += s[r, i] * q[r]
    size = max(1.0, np.abs(s).max())
    near(jax.jit(lambda p, s, k: dense(p, s, key=k))(params, spikes, keys), current, size)
    near(jax.jit(dense.plasticity)(spikes, post, key=keys)["weight"], update, size)
    near(jax.jit(dense.plasticity)(spikes, post)["weight"], free, size)
    _, back = jax.vjp(lambda p, s: dense(p, s, key=keys), params, spikes)
    of_weights, of_spikes = back(post)
    near(of_weights["weight"], update, size)
    near(of_spikes, transmission.mean * q @ w.T, 1.0)


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("kind", ["reliable", "blank-out", "certain", "never", "shared"])
def test_a_convolution_takes_spikes_of_any_value(key, kind, values):
    transmission = KINDS[kind]
    conv = Conv2d((6, 7, 2), 3, 3, 2, transmission=transmission)
    a, b, c, d = jax.random.split(key, 4)
    spikes, post = graded(a, (ROWS, conv.inputs), VALUES[values]), jax.random.normal(b, (ROWS, conv.outputs))
    params, keys = conv.init(c), jax.random.split(d, ROWS)
    xi = np.asarray(drawn(conv, keys), np.float64)
    s, w, q = (np.asarray(x, np.float64) for x in (spikes, params["weight"], post))
    current, update, free = np.zeros_like(q), np.zeros_like(w), np.zeros_like(w)
    for i, o, (y, x, channel, out) in synapses(conv):
        through = xi[:, o // 3, (y * 3 + x) * 2 + channel, out]
        current[:, o] += through * s[:, i] * w[y, x, channel, out]
        update[y, x, channel, out] += (through * s[:, i]) @ q[:, o]
        free[y, x, channel, out] += s[:, i] @ q[:, o]
    size = 3 * max(1.0, np.abs(s).max())
    near(jax.jit(lambda p, s, k: conv(p, s, key=k))(params, spikes, keys), current, size)
    near(jax.jit(conv.plasticity)(spikes, post, key=keys)["weight"], update, size)
    near(jax.jit(conv.plasticity)(spikes, post)["weight"], free, size)
    _, back = jax.vjp(lambda p: conv(p, spikes, key=keys), params)
    near(back(post)[0]["weight"], update, size)


@pytest.mark.parametrize("value", [0.1, -1.0, 1e25, 1e-25])
@pytest.mark.parametrize("make", [
    lambda t: Dense(9, 4, transmission=t), lambda t: Conv2d((3, 3, 1), 1, 2, transmission=t),
])  # fmt: skip
def test_the_gaussian_stand_in_has_the_variance_of_graded_spikes(key, make, value):
    exact, stand_in = make(BlankOut(0.3)), make(GaussianBlankOut(0.3))
    params, spikes = exact.init(key), value * jnp.asarray([[0, 1, 2, 0.5, 1, -1, 1, 0.25, -2]])
    moments = []
    for connection in (exact, stand_in):
        call = jax.jit(jax.vmap(lambda k, c=connection: c(params, spikes, key=k[None])[0]))
        draws = np.asarray(call(jax.random.split(key, 20_000)), np.float64) / value
        moments.append((draws.mean(0), draws.std(0)))
    (mean, deviation), (other_mean, other_deviation) = moments
    np.testing.assert_allclose(other_mean, mean, atol=0.06 * deviation.max())
    np.testing.assert_allclose(other_deviation, deviation, rtol=0.06)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [*KINDS, "gaussian"])
def test_what_is_no_number_spreads_as_in_the_equation(key, kind, bad):
    transmission = {**KINDS, "gaussian": GaussianBlankOut(0.5)}[kind]
    spikes, keys = jnp.zeros((ROWS, INPUTS)).at[2, 5].set(bad), jax.random.split(key, ROWS)
    dense = Dense(INPUTS, OUTPUTS, transmission=transmission)
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(dense(dense.init(key), spikes, key=keys))
        assert not finite[2].any()
        assert finite[np.arange(ROWS) != 2].all()
        if transmission.has_masks:
            updated = np.isfinite(dense.plasticity(spikes, jnp.ones((ROWS, OUTPUTS)), key=keys)["weight"])
            assert not updated[5].any()
            assert updated[np.arange(INPUTS) != 5].all()
        maps = Conv2d((4, 4, 1), 2, 3, transmission=transmission)
        seen = np.isfinite(maps(maps.init(key), jnp.zeros((1, 16)).at[0, 0].set(bad), key=keys[:1])).reshape(4, 4, 2)
        assert not seen[:2, :2].any()
        assert seen[3].all()


def test_traces_in_the_place_of_spikes_are_written_as_they_are(key):
    """A rule's presynaptic factor by events, and through synapses that are all sure to transmit, as by a product."""
    spikes = (jax.random.uniform(key, (6, 2, 12)) < 0.4).astype(jnp.float32)
    rule, updates = ThreeFactor((pair_stdp(),)), []
    for transmission in (Reliable(), Reliable(by_events=True), BlankOut(1.0, by_events=True)):
        network = Network((Layer(Dense(12, 5, 6.0, transmission), LIF(2.0, 2.0)),))
        result = rule.block(
            network, network.init(key), rule.init(network, key), network.init_state(2), rule.init_state(network, 2),
            spikes, jnp.zeros(2, jnp.int32), ticks=jnp.arange(6), key=jax.random.split(key, (6, 2)),
        )  # fmt: skip
        updates.append(np.asarray(result.update[0]["weight"]))
    assert np.abs(updates[0]).sum() > 0.1
    for update in updates[1:]:
        np.testing.assert_allclose(update, updates[0], atol=1e-5)
