"""Urbanczik-Senn and Clopath against their equations in float64, and what their papers promise of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adex import AdEx
from erbp_jax.learning.three_factor import Signals, start_terms, write
from erbp_jax.learning.three_factor.clopath import Clopath, hippocampus
from erbp_jax.learning.three_factor.urbanczik_senn import PSP, Logistic, urbanczik_senn
from teacher_neuron import TeacherNeuron, low_pass

T = 200


def total(terms, pre, post):
    """Change `[I, O]` over signals with a leading time axis."""

    def tick(carry, inputs):
        factors, change = carry
        factors, step = write(terms, factors, Signals(inputs[0]), inputs[1])
        return (factors, change + step), None

    start = start_terms(terms, pre.shape[1], post.spikes.shape[1])
    carry = (start, jnp.zeros((pre.shape[1], post.spikes.shape[1])))
    return jax.jit(lambda c: jax.lax.scan(tick, c, (pre, post))[0])(carry)[1]


@pytest.mark.parametrize("p", [Clopath(), Clopath(homeostasis=80.0, theta_minus=-60.0), hippocampus(homeostasis=60.0)])
def test_clopath_is_its_equation(p):
    rng = np.random.default_rng(0)
    pre = (rng.random((T, 3)) < 0.1).astype(float)
    u = rng.normal(p.theta_plus + 5, 20, (T, 2))
    want = np.zeros((3, 2))
    x, minus, plus, square = np.zeros(3), np.full(2, -70.6), np.full(2, -70.6), np.zeros(2)
    for t in range(T):
        x = x * np.exp(-1 / 15)
        for i in range(3):
            for j in range(2):
                level = square[j] if p.homeostasis is None else p.homeostasis
                want[i, j] -= p.depression * level / 60 * pre[t, i] * max(minus[j] - p.theta_minus, 0)
                high, before = max(u[t, j] - p.theta_plus, 0), max(plus[j] - p.theta_minus, 0)
                want[i, j] += p.potentiation * x[i] * high * before
        x = x + pre[t] / 15
        minus = minus * np.exp(-1 / 10) + (1 - np.exp(-1 / 10)) * u[t]
        plus = plus * np.exp(-1 / 7) + (1 - np.exp(-1 / 7)) * u[t]
        square = square * np.exp(-1 / 1000) + (1 - np.exp(-1 / 1000)) * (u[t] + 70.6) ** 2
    post = Signals(jnp.zeros((T, 2)), None, jnp.asarray(u, jnp.float32))
    got = total(p.terms, jnp.asarray(pre, jnp.float32), post)
    assert np.abs(want).min() > 1e-6
    np.testing.assert_allclose(got, want, rtol=2e-4)


def test_adex_is_its_loop():
    """Membrane and spikes under a noisy current, in float64; a spike is 29.4, 32.862, -49.5 mV."""
    rng = np.random.default_rng(1)
    current = rng.normal(900, 900, 400)
    u, w, z, threshold, phase = -70.6, 0.0, 0.0, -50.4, 0
    wanted, spikes = [], []
    for i in current:
        du = -30 * (u + 70.6) + 60 * np.exp(min((u - threshold) / 2, 10)) - w + z + i
        dw, dz, dt = (4 * (u + 70.6) - w) / 144, -z / 40, -(threshold + 50.4) / 50
        fires = False
        if phase == 2:
            u, z, threshold, phase = 32.862, z + dz, threshold + dt, 1
        elif phase == 1:
            u, w, z, threshold, phase = -49.5, w + 80.5, 400.0, -30.4, 0
        else:
            u, w, z, threshold = u + du / 281, w + dw, z + dz, threshold + dt
            if u > 20:
                u, phase, fires = 29.4, 2, True
        wanted.append(u)
        spikes.append(fires)
    neuron = AdEx()
    _, seen = jax.lax.scan(
        lambda s, i: neuron.step(s, i[None]), neuron.init_state((1,)), jnp.asarray(current, jnp.float32)
    )
    assert sum(spikes) > 3
    np.testing.assert_array_equal(seen.spikes[:, 0] > 0, spikes)
    np.testing.assert_allclose(seen.membrane[:, 0], wanted, atol=0.05)


def test_clamped_below_theta_minus_nothing_moves_and_order_of_pairs_decides_the_sign():
    p = Clopath(homeostasis=60.0)
    pre = jnp.asarray(np.arange(T)[:, None] % 40 == 20, jnp.float32)

    def clamp(u):
        return float(total(p.terms, pre, Signals(jnp.zeros((T, 1)), None, jnp.full((T, 1), u)))[0, 0])

    assert clamp(-75.0) == 0.0
    assert clamp(-55.0) < 0 < clamp(-20.0)

    def pair(dt):
        u = np.full((T, 1), -70.6)
        u[np.arange(T) % 40 == 20 + dt] = 30.0
        u[np.arange(T) % 40 == 21 + dt] = 30.0
        return float(total(p.terms, pre, Signals(jnp.zeros((T, 1)), None, jnp.asarray(u, jnp.float32)))[0, 0])

    assert pair(-10) < 0 < pair(5)


def test_urbanczik_senn_is_its_equation():
    rng = np.random.default_rng(2)
    rate = Logistic(0.3, 0.5, 4.0, 0.8)
    pre, spikes = (rng.random((T, 4)) < 0.1).astype(float), (rng.random((T, 2)) < 0.2).astype(float)
    predicted = rng.normal(0.8, 0.4, (T, 2))
    want = np.zeros((4, 2))
    for t in range(T):
        ages = t - np.arange(t + 1)
        psp = ((np.exp(-ages / 10) - np.exp(-ages / 3)) * 10 / 7) @ pre[: t + 1]
        denominator = 1 + 0.5 * np.exp(4 * (0.8 - predicted[t]))
        phi = 0.3 / denominator
        slope = 0.3 * 0.5 * 4 * np.exp(4 * (0.8 - predicted[t])) / denominator**2  # phi'
        want += np.outer(psp, (spikes[t] - phi) * slope / phi)
    post = Signals(*(jnp.asarray(x, jnp.float32) for x in (spikes, predicted)))
    got = total(urbanczik_senn(rate, PSP(10.0, 3.0)), jnp.asarray(pre, jnp.float32), post)
    np.testing.assert_allclose(got, want, rtol=2e-4, atol=1e-5)


def test_a_soma_that_fires_as_predicted_teaches_nothing_and_a_teacher_is_learned_from():
    """Eight replicas of 5,000 ticks: the summed change is within its standard error without a teacher; with a teacher
    that excites, weights grow, and the prediction error falls while it stays on."""
    neuron, terms = TeacherNeuron(), urbanczik_senn()

    def replica(key, teacher, eta):
        pattern = jax.random.bernoulli(key, 0.02, (1000, 60)).astype(jnp.float32)
        weight = jnp.full((60, 1), 0.08)
        g_e, g_i = (g[None] for g in neuron.matching(jnp.float32(1.2), teacher))

        def tick(carry, inputs):
            weight, trace, state, factors, sum_ = carry
            x, key = inputs
            state, seen = neuron.step(state, x @ weight, g_e, g_i, key=key)
            factors, change = write(terms, factors, Signals(x), seen)
            trace = low_pass(trace, change, 100.0)
            error = jnp.abs(neuron.rate(seen.current) - neuron.rate(seen.membrane))[0]
            return (weight + eta * trace, trace, state, factors, sum_ + change.mean()), error

        start = (weight, jnp.zeros_like(weight), neuron.init_state((1,)), start_terms(terms, 60, 1), jnp.zeros(()))
        inputs = (jnp.tile(pattern, (5, 1)), jax.random.split(key, 5000))
        (weight, _, _, _, sum_), error = jax.lax.scan(tick, start, inputs)
        return weight.mean(), sum_, error.reshape(5, 1000).mean(1)

    run = jax.jit(jax.vmap(replica, in_axes=(0, None, None)))
    keys = jax.random.split(jax.random.key(3), 8)
    _, change, _ = run(keys, jnp.float32(0.0), jnp.float32(0.0))
    _, taught, _ = run(keys, jnp.float32(1.0), jnp.float32(0.0))
    noise = np.std(change) / 8**0.5
    assert abs(np.mean(change)) < 3.5 * noise
    assert np.mean(taught) > 10 * noise
    weight, _, error = run(keys, jnp.float32(1.0), jnp.float32(2e-3))
    assert np.all(np.asarray(weight) > 0.08)
    assert np.mean(error[:, -1]) < 0.5 * np.mean(error[:, 0])


def test_bad_parameters_are_refused():
    with pytest.raises(ValueError, match="differ"):
        PSP(5.0, 5.0)
    with pytest.raises(ValueError, match="tau_x"):
        Clopath(tau_x=0.0)
