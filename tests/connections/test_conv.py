"""Maps: independent loops over positions, kernel entries and channels; and the same layer as a dense one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.connections import Arrived, BlankOut, Conv2d, Params, Pool2d, SharedBlankOut
from erbp_jax.connections.windows import TILE
from tests.connections.calls import current, updated

GEOMETRIES = {
    "same, stride 2, two channels": Conv2d((7, 9, 2), 3, 3, 2),
    "valid, stride 2": Conv2d((7, 10, 2), 3, 3, 2, "valid"),
    "same, even kernel": Conv2d((6, 5, 1), 2, 4, 1),
    "windows that miss inputs": Conv2d((7, 7, 1), 2, 2, 3),
    "more columns than a tile": Conv2d((4, 2 * TILE + 3, 1), 2, 3, 1, "valid"),
    "one to one": Conv2d((3, 4, 2), 2, 1),
}


def synapses(conv):
    """Every synapse `(input unit, output unit, kernel entry)` of a layer of maps, from its definition."""
    height, width, channels = conv.input_shape
    k, s = conv.kernel, conv.stride
    if conv.padding == "same":
        down, across = -(-height // s), -(-width // s)
        top, left = (max((n - 1) * s + k - size, 0) // 2 for n, size in ((down, height), (across, width)))
    else:
        down, across, top, left = (height - k) // s + 1, (width - k) // s + 1, 0, 0
    for y in range(down):
        for x in range(across):
            for i in range(k):
                for j in range(k):
                    row, column = s * y + i - top, s * x + j - left
                    if 0 <= row < height and 0 <= column < width:
                        for c in range(channels):
                            unit = (row * width + column) * channels + c
                            for o in range(conv.channels):
                                yield unit, (y * across + x) * conv.channels + o, (i, j, c, o)


def problem(conv, key, rows=3, rate=0.4):
    a, b, c, d = jax.random.split(key, 4)
    spikes = (jax.random.uniform(a, (rows, conv.inputs)) < rate).astype(jnp.float32)
    weight = jax.random.normal(b, (conv.kernel, conv.kernel, conv.input_shape[2], conv.channels))
    return spikes, Params({"weight": weight}), jax.random.normal(c, (rows, conv.outputs)), jax.random.split(d, rows)


def float64(*arrays):
    return [np.asarray(x, np.float64) for x in arrays]


@pytest.mark.parametrize("name", GEOMETRIES)
def test_a_convolution_equals_the_loop_over_its_synapses(key, name):
    conv = GEOMETRIES[name]
    spikes, params, post, _ = problem(conv, key)
    s, w, q = float64(spikes, params.trained["weight"], post)
    total, update, back, fan_out = np.zeros_like(q), np.zeros_like(w), np.zeros_like(s), np.zeros(conv.inputs, int)
    for i, o, entry in synapses(conv):
        total[:, o] += s[:, i] * w[entry]
        update[entry] += s[:, i] @ q[:, o]
        back[:, i] += q[:, o] * w[entry]
        fan_out[i] += 1
    np.testing.assert_allclose(current(conv, params, spikes), total, atol=1e-5)
    np.testing.assert_allclose(updated(conv, params, spikes, post), update, atol=1e-4)
    np.testing.assert_allclose(conv.transpose(params, post), back, atol=1e-4)
    np.testing.assert_array_equal(conv.fan_out(), fan_out)
    assert conv.multiplications == fan_out.sum()


@pytest.mark.parametrize("mode", ["average", "sum"])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_pooling_equals_the_loop_over_its_synapses(key, mode, padding):
    pool = Pool2d((7, 6, 3), 3, 2, padding, mode, 1.5)
    weight = 1.5 / 9 if mode == "average" else 1.5
    spikes = jax.random.uniform(key, (2, 2, pool.inputs))
    post = jax.random.normal(key, (2, 2, pool.outputs))
    s, q = float64(spikes, post)
    total, back, fan_out = np.zeros_like(q), np.zeros_like(s), np.zeros(pool.inputs, int)
    for i, o, _ in synapses(Conv2d(pool.input_shape, 3, 3, 2, padding)):
        if i % 3 == o % 3:  # a map onto itself
            total[..., o] += weight * s[..., i]
            back[..., i] += weight * q[..., o]
            fan_out[i] += 1
    np.testing.assert_allclose(current(pool, Params({}), spikes), total, atol=1e-5)
    np.testing.assert_allclose(pool.transpose(Params({}), post), back, atol=1e-5)
    np.testing.assert_array_equal(pool.fan_out(), fan_out)
    assert pool.multiplications == fan_out.sum()
    assert pool.init(key).trained == pool.plasticity(Params({}), Arrived(spikes), post) == {}


def drawn(conv, keys):
    """What the synapses of a layer with blank-out draw for all rows, `[R, positions, kernel entries, O]`: read off, one
    kernel entry at a time, from the currents of inputs that all spike."""
    entries = conv.kernel**2 * conv.input_shape[2]
    ones = jnp.ones((len(keys), conv.inputs))

    def of(entry):
        weight = jnp.zeros((entries, conv.channels)).at[entry].set(1.0)
        params = Params({"weight": weight.reshape(conv.kernel, conv.kernel, -1, conv.channels)})
        return current(conv, params, ones, keys)

    masks = jax.jit(lambda e: jax.lax.map(of, e))(jnp.arange(entries))
    return masks.reshape(entries, len(keys), -1, conv.channels).transpose(1, 2, 0, 3)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_blank_out_equals_the_loop_over_the_synapses_that_transmit(key, padding):
    conv = Conv2d((6, 7, 2), 3, 3, 2, padding, transmission=BlankOut(0.65))
    spikes, params, post, keys = problem(conv, key)
    masks = np.asarray(drawn(conv, keys), np.float64)
    s, w, q = float64(spikes, params.trained["weight"], post)
    total, update = np.zeros_like(q), np.zeros_like(w)
    for i, o, (y, x, c, out) in synapses(conv):
        xi = masks[:, o // 3, (y * 3 + x) * 2 + c, out]
        total[:, o] += xi * s[:, i] * w[y, x, c, out]
        update[y, x, c, out] += (xi * s[:, i]) @ q[:, o]
    np.testing.assert_allclose(jax.jit(current, static_argnums=0)(conv, params, spikes, keys), total, atol=1e-5)
    np.testing.assert_allclose(jax.jit(updated, static_argnums=0)(conv, params, spikes, post, keys), update, atol=1e-4)


def test_shared_weights_draw_for_every_position_anew(key):
    conv = Conv2d((6, 6, 2), 5, 3, 1, "valid", transmission=BlankOut(0.75))
    xi = np.asarray(drawn(conv, jax.random.split(key, 200)), np.float64)  # [R, positions, entries, O]
    assert set(np.unique(xi)) == {0.0, 1.0}
    assert xi.mean() == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / xi.size))
    centred = (xi - 0.75) / np.sqrt(0.75 * 0.25)
    for axis in range(4):  # rows, positions, kernel entries, maps
        a, b = np.split(
            np.moveaxis(centred, axis, 0)[: xi.shape[axis] // 2 * 2].reshape(-1, 2, *np.delete(xi.shape, axis)), 2, 1
        )
        assert abs((a * b).mean()) < 4 / np.sqrt(a.size)
    currents = xi.sum(2)  # of weights of one: binomial in every position, the positions apart
    assert currents.var() == pytest.approx(18 * 0.75 * 0.25, rel=0.05)
    assert currents.mean(1).var() == pytest.approx(18 * 0.75 * 0.25 / 16, rel=0.2)


def test_the_stand_in_keeps_mean_and_variance(key):
    conv = Conv2d((5, 5, 1), 2, 3, 2, transmission=SharedBlankOut(0.5))
    spikes, params, _, _ = problem(conv, key, rows=1, rate=0.7)
    draw = jax.jit(jax.vmap(lambda k: current(conv, params, spikes, k[None])[0]))
    draws = np.asarray(draw(jax.random.split(key, 3000)), np.float64)
    mean, variance = np.zeros(conv.outputs), np.zeros(conv.outputs)
    for i, o, entry in synapses(conv):
        mean[o] += 0.5 * float(spikes[0, i]) * float(params.trained["weight"][entry])
        variance[o] += 0.25 * float(spikes[0, i]) * float(params.trained["weight"][entry]) ** 2
    assert np.all(np.abs(draws.mean(0) - mean) < 5 * np.sqrt(variance / 3000) + 1e-6)
    np.testing.assert_allclose(draws.var(0), variance, rtol=0.2, atol=1e-6)


def test_initial_weights(key):
    bound = (7 / (5 * 5 * 4 + 5 * 5 * 50 / 4)) ** 0.5
    weight = Conv2d((8, 8, 4), 50, 5, 2).init(key).trained["weight"]
    assert weight.shape == (5, 5, 4, 50)
    assert 0.98 * bound < float(jnp.abs(weight).max()) <= bound
    chosen = Conv2d((8, 8, 4), 50, 5, 2, initial=(-0.25, 0.75)).init(key).trained["weight"]
    np.testing.assert_allclose([chosen.min(), chosen.max()], [-0.25, 0.75], atol=0.01)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Conv2d((4, 4, 1), 0, 3), "at least one channel"),
        (lambda: Conv2d((4, 4, 1), 2, 5, padding="valid"), "a window of 5 does not fit into maps of 4 x 4"),
        (lambda: Conv2d((4, 4, 1), 2, 3, 0), "got 3 and 0"),
        (lambda: Conv2d((4, 4, 1), 2, 3, padding="full"), "same, valid, got 'full'"),
        (lambda: Conv2d((4, 4, 1), 2, 3, initial=(1.0, 0.0)), "lower bound first"),
        (lambda: Pool2d((4, 4, 1), 2, mode="max"), "average, sum, got 'max'"),
        (lambda: Pool2d((4, 4, 1), 5), "does not fit"),
    ],
)
def test_bad_values_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("p", [1e-4, 1e-9, 3e-4])
def test_a_chance_that_sixteen_bits_miss_is_refused(p):
    with pytest.raises(ValueError, match=r"transmission probability .* would be drawn as"):
        Conv2d((4, 4, 1), 2, 3, transmission=BlankOut(p))
