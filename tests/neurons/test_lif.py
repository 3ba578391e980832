import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erbp_jax.neurons import LIF, Dendrite, GaussianNoise, PoissonKicks
from tests import oracles


def run(neuron, current, key=None):
    keys = None if key is None else jax.random.split(key, len(current))

    def tick(state, inputs):
        c, k = inputs
        state, spikes = neuron.step(state, c, key=k)
        return state, (spikes, state.synaptic, state.membrane)

    return jax.lax.scan(tick, neuron.init_state(current.shape[1:]), (current, keys))[1]


@settings(max_examples=10, deadline=None)
@given(
    tau_mem=st.sampled_from([0.0, 1.0, 4.0, 20.0]),
    tau_syn=st.sampled_from([0.0, 0.5, 4.0]),
    refractory=st.integers(0, 4),
    reset=st.sampled_from(["value", "subtract"]),
    seed=st.integers(0, 2**31),
)
def test_lif_equals_the_oracle(tau_mem, tau_syn, refractory, reset, seed):
    current = np.random.default_rng(seed).normal(0.3, 0.8, (60, 3)).astype(np.float32)
    neuron = LIF(tau_mem, tau_syn, refractory=refractory, reset=reset)
    spikes, i, v = run(neuron, jnp.asarray(current))
    for n in range(3):
        want = oracles.lif(
            current[:, n].astype(np.float64),
            tau_mem=tau_mem, tau_syn=tau_syn, threshold=1.0, refractory=refractory, reset=reset,
        )  # fmt: skip
        np.testing.assert_array_equal(spikes[:, n], want[0])
        np.testing.assert_allclose(i[:, n], want[1], atol=1e-4)
        np.testing.assert_allclose(v[:, n], want[2], atol=1e-4)


@pytest.mark.parametrize("refractory", [0, 1, 3])
def test_the_shortest_interval_is_the_refractory_period_plus_one(refractory):
    spikes, _, _ = run(LIF(refractory=refractory), jnp.full((50, 1), 100.0))
    times = np.flatnonzero(np.asarray(spikes)[:, 0])
    assert set(np.diff(times)) == {refractory + 1}
    assert LIF(refractory=refractory).max_rate == pytest.approx(1 / (refractory + 1))


def test_noise_kicks_have_the_mean_and_variance_of_a_poisson_process(key):
    kicks = PoissonKicks(rate=0.7, amplitude=0.05).sample(key, 200_000) / 0.05
    assert np.mean(kicks) == pytest.approx(0.7, abs=0.01)
    assert np.var(kicks) == pytest.approx(0.7, abs=0.02)
    assert set(np.unique(np.round(kicks, 4))) <= set(range(12))


def test_noise_moves_the_membrane_and_needs_a_key(key):
    quiet, noisy = LIF(), LIF(noise=GaussianNoise(0.1))
    current = jnp.zeros((400, 50))
    assert np.all(np.asarray(run(quiet, current)[2]) == 0.0)
    # V = a V + xi: stationary variance sigma^2 / (1 - a^2), a = exp(-1), few threshold crossings at sigma 0.1
    v = np.asarray(run(noisy, current, key)[2])[50:]
    assert v.std() == pytest.approx(0.1 / np.sqrt(1 - np.exp(-2)), rel=0.03)
    with pytest.raises(ValueError, match="needs a key"):
        noisy.step(noisy.init_state((3,)), jnp.zeros(3))


@pytest.mark.parametrize(
    "wrong",
    [{"tau_mem": -1.0}, {"tau_syn": -0.1}, {"refractory": -1}, {"refractory": 1.5}, {"threshold": 0.0}],
)
def test_hyper_parameters_are_checked(wrong):
    with pytest.raises(ValueError, match="LIF"):
        LIF(**wrong)


def test_a_dendrite_integrates_with_a_leak():
    dendrite = Dendrite(5.0)
    _, u = jax.lax.scan(dendrite.step, dendrite.init_state((6,)), jnp.ones((40, 6)))
    want = np.cumsum(np.exp(-np.arange(40) / 5.0))
    np.testing.assert_allclose(u, np.tile(want[:, None], 6), rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "tolerance"),
    [({}, 0.06), ({"v_reset": -2.0}, 0.06), ({"v_reset": 0.5}, 0.12), ({"reset": "none"}, 0.01)],
)
def test_the_rate_form_is_the_rate_of_the_neuron_whatever_its_reset(changes, tolerance):
    """Under a constant current, with hardly any noise; whole ticks make an interval half a tick longer on average."""
    neuron = LIF(tau_mem=20.0, tau_syn=0.0, refractory=0, **changes)
    for current in (1.5, 2.0, 3.0):
        state, spikes = neuron.init_state((1,)), []
        for _ in range(1000):
            state, spike = neuron.step(state, jnp.full((1,), current))
            spikes.append(float(spike[0]))
        measured, rate = np.mean(spikes[100:]), float(neuron.rate(jnp.float32(current), 1e-3))
        assert abs(measured / rate - 1) < tolerance, (current, measured, rate)
