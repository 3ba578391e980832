"""Spikes of any value: currents and updates against loops over synapses, in every transmission and path."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.connections import BlankOut, Conv2d, Dense, GaussianBlankOut, Reliable, SharedBlankOut
from erbp_jax.kernels import Exponential
from erbp_jax.learning.three_factor import ThreeFactor, pair_stdp
from erbp_jax.network import Layer, Network
from erbp_jax.neurons import LIF
from tests.command_line import call
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
    s, w, q = (np.asarray(x, np.float64) for x in (spikes, params["weight"], post))
    want = np.zeros((2, ROWS, OUTPUTS)), np.zeros((2, INPUTS, OUTPUTS)), np.zeros((2, INPUTS, OUTPUTS))
    for r in range(ROWS):
        for i in range(INPUTS):
            for terms, at, term in zip(want, (r, i, i), (xi[r, i] * w[i], xi[r, i] * q[r], q[r]), strict=True):
                terms[:, at] += s[r, i] * term, abs(s[r, i] * term)

    @jax.jit
    def run(params, spikes, keys, post):
        _, back = jax.vjp(lambda p, s: dense(p, s, key=keys), params, spikes)
        gated, free = dense.plasticity(spikes, post, key=keys), dense.plasticity(spikes, post)
        return dense(params, spikes, key=keys), gated, free, back(post)

    current, gated, free, (of_weights, of_spikes) = run(params, spikes, keys, post)
    near(current, *want[0])
    near(gated["weight"], *want[1])
    near(of_weights["weight"], *want[1])
    near(free["weight"], *want[2])
    near(of_spikes, transmission.mean * q @ w.T, 10.0)


@pytest.mark.parametrize("kind", ["reliable", "blank-out", "certain", "never", "shared"])
def test_a_convolution_takes_spikes_of_any_value(key, kind):
    conv = Conv2d((6, 7, 2), 3, 3, 2, transmission=KINDS[kind])
    a, b, c, d = jax.random.split(key, 4)
    spikes, post = graded(a, conv.inputs), jax.random.normal(b, (ROWS, conv.outputs))
    params, keys = conv.init(c), jax.random.split(d, ROWS)
    xi = np.asarray(drawn(conv, keys), np.float64)
    s, w, q = (np.asarray(x, np.float64) for x in (spikes, params["weight"], post))
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
        _, back = jax.vjp(lambda p: conv(p, spikes, key=keys), params)
        gated, free = conv.plasticity(spikes, post, key=keys), conv.plasticity(spikes, post)
        return conv(params, spikes, key=keys), gated, free, back(post)[0]

    current, gated, free, of_weights = run(params, spikes, keys, post)
    near(current, *want[0])
    near(gated["weight"], *want[1])
    near(of_weights["weight"], *want[1])
    near(free["weight"], *want[2])


@pytest.mark.parametrize(
    "make", [lambda t: Dense(9, 4, transmission=t), lambda t: Conv2d((3, 3, 1), 1, 2, transmission=t)]
)
def test_the_gaussian_stand_in_has_the_variance_of_graded_spikes(key, make):
    exact, stand_in = make(BlankOut(0.3)), make(GaussianBlankOut(0.3))
    params, spikes = exact.init(key), jnp.asarray([[0, 1, 2, 0.5, 1, -1, 1, 0.25, -2]])
    moments = []
    for connection in (exact, stand_in):
        call = jax.jit(jax.vmap(lambda k, s, c=connection: c(params, s, key=k[None])[0], (0, None)))
        draws = np.asarray(call(jax.random.split(key, 10_000), spikes), np.float64)
        moments.append((draws.mean(0), draws.std(0)))
    (mean, deviation), (other_mean, other_deviation) = moments
    np.testing.assert_allclose(other_mean, mean, atol=0.06 * deviation.max())
    np.testing.assert_allclose(other_deviation, deviation, rtol=0.08)
    keys = jax.random.split(key, 20)
    for value in (1e25, 1e-25, -1.0):  # as constants and as arguments: what is compiled differs
        draws = np.asarray(call(keys, value * spikes), np.float64) / value
        np.testing.assert_allclose(draws, draws_of_one(stand_in, params, spikes, keys, value), rtol=1e-4, atol=1e-5)
        given = jax.jit(jax.vmap(lambda k, v=value: stand_in(params, v * spikes, key=k[None])[0]))
        np.testing.assert_allclose(np.asarray(given(keys), np.float64) / value, draws, rtol=1e-4, atol=1e-5)


def draws_of_one(stand_in, params, spikes, keys, value):
    """Draws for spikes of the usual size, whose normal numbers a negative value turns round."""
    mean = 0.3 * np.asarray(stand_in.reliable()(params, spikes), np.float64)
    draws = np.asarray(jax.vmap(lambda k: stand_in(params, spikes, key=k[None])[0])(keys), np.float64)
    return mean + np.sign(value) * (draws - mean)


@pytest.mark.parametrize("kind", ["reliable", "by events", "blank-out", "shared", "gaussian"])
def test_what_is_no_number_spreads_as_in_the_equation(key, kind):
    transmission = {**KINDS, "gaussian": GaussianBlankOut(0.5)}[kind]
    dense, maps = (Dense(12, 5, transmission=transmission), Conv2d((4, 4, 1), 2, 3, transmission=transmission))
    keys = jax.random.split(key, 3)

    @jax.jit
    def run(bad):
        spikes = jnp.zeros((3, 12)).at[2, 5].set(bad)
        updated = dense.plasticity(spikes, jnp.ones((3, 5)), key=keys if transmission.has_masks else None)
        seen = maps(maps.init(key), jnp.zeros((1, 16)).at[0, 0].set(bad), key=keys[:1])
        return dense(dense.init(key), spikes, key=keys), updated["weight"], seen.reshape(4, 4, 2)

    for bad in (np.nan, np.inf, -np.inf):
        current, updated, seen = (np.isfinite(x) for x in run(bad))
        assert not current[2].any()
        assert current[:2].all()
        assert not updated[5].any()
        assert np.delete(updated, 5, 0).all()
        assert not seen[:2, :2].any()
        assert seen[3].all()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("blank_out", 0.1),
        ("blank_out", 2.0),
        ("blank_out", -1.0),
        ("shared_blank_out", 0.1),
    ],
)
def test_simulated_networks_get_the_currents_of_the_input_asked_for(tmp_path, monkeypatch, capsys, kind, value):
    means = {}
    for name, chance, drive in ((kind, ["network.transmission.p=0.5"], value), ("reliable", [], 1.0)):
        arguments = [f"network.transmission.kind={name}", *chance, f"input.value={drive}", "duration=600"]
        fixed = ["network.layers=[4,3]", "input.kind=constant"]
        code, _, err = call(monkeypatch, capsys, "simulate", "lif/step", *fixed, *arguments, "--out", tmp_path / name)
        assert code == 0, err
        with np.load(tmp_path / name / "traces.npz", allow_pickle=False) as traces:
            means[name] = traces["layer0.synaptic"][100:].mean(0)
    np.testing.assert_allclose(means[kind], 0.5 * value * means["reliable"], rtol=0.08, atol=0.5 * abs(value))


def test_traces_in_the_place_of_spikes_are_written_as_they_are(key):
    """A rule's presynaptic factor by events, and through synapses that are all sure to transmit, as by a product."""
    spikes = (jax.random.uniform(key, (6, 2, 12)) < 0.4).astype(jnp.float32)
    rule, updates = ThreeFactor((pair_stdp(Exponential()),)), []
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
