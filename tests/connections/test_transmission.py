import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.connections import BlankOut, Dense, Params, Reliable, SharedBlankOut
from tests.connections.calls import current, updated

INPUTS, OUTPUTS = 40, 70


def problem(key, rows=16, rate=0.3):
    a, b, c, d = jax.random.split(key, 4)
    spikes = (jax.random.uniform(a, (rows, INPUTS)) < rate).astype(jnp.float32)
    return (
        spikes,
        jax.random.normal(b, (INPUTS, OUTPUTS)),
        jax.random.normal(c, (rows, OUTPUTS)),
        jax.random.split(d, rows),
    )


def dense_mask(transmission, keys):
    """Every synapse's mask `[R, I, O]`: the memory that the event-driven form avoids."""
    units = jnp.broadcast_to(jnp.arange(INPUTS), (len(keys), INPUTS))
    return np.asarray(jax.jit(transmission.mask, static_argnums=2)(keys[:, None], units, OUTPUTS), np.float64)


@pytest.mark.parametrize("p", [0.0, 0.5, 0.65, 0.75, 1.0])
def test_blank_out_equals_the_dense_masked_sum(key, p):
    spikes, weight, post, keys = problem(key)
    transmission = BlankOut(p)
    xi = dense_mask(transmission, keys)
    s, w, q = (np.asarray(x, np.float64) for x in (spikes, weight, post))
    np.testing.assert_allclose(
        jax.jit(transmission.current)(weight, spikes, keys), np.einsum("rio,ri,io->ro", xi, s, w), atol=1e-4
    )
    np.testing.assert_allclose(
        jax.jit(transmission.outer)(spikes, post, keys), np.einsum("rio,ri,ro->io", xi, s, q), atol=1e-4
    )


@pytest.mark.parametrize("rate", [0.0, 0.1, 1.0])
def test_events_sum_what_products_sum(key, rate):
    spikes, weight, post, _ = problem(key, rate=rate)
    s, w, q = (np.asarray(x, np.float64) for x in (spikes, weight, post))
    by_events = Reliable(by_events=True)
    np.testing.assert_allclose(jax.jit(by_events.current)(weight, spikes), s @ w, atol=1e-4)
    for transmission in (by_events, BlankOut(0.5, by_events=True), BlankOut(0.5), SharedBlankOut(0.5)):
        np.testing.assert_allclose(transmission.outer(spikes, post, None), s.T @ q, atol=1e-4)
    one = Dense(INPUTS, OUTPUTS, transmission=by_events)
    _, back = jax.vjp(lambda w, s: current(one, Params({"weight": w}), s), weight, spikes)
    np.testing.assert_allclose(back(post)[0], s.T @ q, atol=1e-4)
    np.testing.assert_allclose(back(post)[1], q @ w.T, atol=1e-4)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_blank_out_of_silent_and_of_full_rows(key, rate):
    spikes, weight, _, keys = problem(key, rate=rate)
    xi = dense_mask(BlankOut(0.5), keys)
    want = np.einsum("rio,ri,io->ro", xi, np.asarray(spikes, np.float64), np.asarray(weight, np.float64))
    np.testing.assert_allclose(BlankOut(0.5).current(weight, spikes, keys), want, atol=1e-4)


@pytest.mark.parametrize("p", [0.5, 0.65, 0.9])
def test_masks_are_independent_bernoulli_draws(key, p):
    transmission = BlankOut(p)
    xi = dense_mask(transmission, jax.random.split(key, 500))  # [R, I, O]
    n = xi.size
    assert xi.mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / n))
    centred = (xi - xi.mean()) / xi.std()
    neighbours = [
        (centred[:, :, :-1] * centred[:, :, 1:]).mean(),  # targets
        (centred[:, :-1] * centred[:, 1:]).mean(),  # presynaptic units
        (centred[:-1] * centred[1:]).mean(),  # rows: ticks and samples
        (centred[:, :, :-32] * centred[:, :, 32:]).mean(),  # words
    ]
    assert np.abs(neighbours).max() < 4 / np.sqrt(n / 2)


def test_the_stand_in_keeps_mean_and_variance(key):
    stand_in = SharedBlankOut(0.5)
    spikes, weight, _, _ = problem(key, rows=1)
    draws = np.asarray(jax.vmap(lambda k: stand_in.current(weight, spikes, k[None])[0])(jax.random.split(key, 4000)))
    active = np.asarray(weight)[np.asarray(spikes)[0] > 0]
    variance = 0.25 * (active**2).sum(0)
    assert np.all(np.abs(draws.mean(0) - 0.5 * active.sum(0)) < 5 * np.sqrt(variance / 4000))
    np.testing.assert_allclose(draws.var(0), variance, rtol=0.15)


def test_what_the_stand_in_loses(key):
    """One mask for the batch makes the samples' currents move together; exact draws leave them apart."""
    spikes = jnp.ones((2, INPUTS))
    weight = jnp.ones((INPUTS, OUTPUTS))
    pairs = {}
    for transmission in (BlankOut(0.5), SharedBlankOut(0.5)):
        draws = jax.vmap(lambda k, t=transmission: t.current(weight, spikes, jax.random.split(k, 2)))(
            jax.random.split(key, 300)
        )
        a, b = np.asarray(draws[:, 0]).ravel(), np.asarray(draws[:, 1]).ravel()
        pairs[type(transmission)] = np.corrcoef(a, b)[0, 1]
    assert abs(pairs[BlankOut]) < 0.03
    assert pairs[SharedBlankOut] > 0.99


@pytest.mark.parametrize("transmission", [Reliable(), BlankOut(0.65)])
def test_dense_takes_any_leading_axes_and_sums_its_update(key, transmission):
    dense = Dense(INPUTS, OUTPUTS, transmission=transmission)
    params, call = dense.init(key), jax.jit(lambda p, s, k: current(dense, p, s, k))
    spikes, _, post, keys = problem(key, rows=12)
    whole = call(params, spikes.reshape(3, 4, -1), keys.reshape(3, 4))
    rows = jnp.concatenate([call(params, spikes[i : i + 1], keys[i : i + 1]) for i in range(12)])
    np.testing.assert_allclose(whole.reshape(12, -1), rows, atol=1e-5)
    update = updated(dense, params, spikes.reshape(3, 4, -1), post.reshape(3, 4, -1))
    np.testing.assert_allclose(
        update,
        np.einsum("ri,ro->io", np.asarray(spikes, np.float64), np.asarray(post, np.float64)),
        atol=1e-4,
    )
    np.testing.assert_array_equal(dense.fan_out(), np.full(INPUTS, OUTPUTS))


def test_bad_values_are_refused():
    for make in (
        lambda: BlankOut(1.2),
        lambda: BlankOut(-0.1),
        lambda: Dense(0, 3),
    ):
        with pytest.raises(ValueError, match="got"):
            make()
    with pytest.raises(ValueError, match="needs a key"):
        BlankOut(0.5).current(jnp.ones((3, 2)), jnp.ones((1, 3)), None)
