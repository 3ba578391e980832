"""The membrane-gated rule against its equation, tick by tick, and learning to detect a coincidence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.chain import sequential
from erbp_jax.connections import Dense
from erbp_jax.learning.base import Given
from erbp_jax.learning.three_factor import Signals, ThreeFactor
from erbp_jax.learning.three_factor.membrane_gated import MembraneGate, membrane_gated
from erbp_jax.neurons import LeakyIF
from erbp_jax.params import Params
from lateral import LateralLayer
from tests.learning.traces import trace_of

RAMP = MembraneGate(1216.0, 8.0, 2.0, 1.0, 2.0, 2.5, 255.5)
TWO_LEVELS = MembraneGate(0.5, 0.0025, 0.0003, alpha=0.0003, target=1.5, tau=50.0)


def oracle(gate, pre, post, membrane):
    """dw `[I, O]` by the equation, synapse by synapse."""
    total = np.zeros((pre.shape[1], post.shape[1]))
    for j in range(post.shape[1]):
        nu = 0.0
        for t in range(len(pre)):
            v = membrane[t, j] - gate.threshold
            if np.isinf(gate.slope):
                theta = gate.potentiation if v > 0 else -gate.depression
            else:
                theta = min(max(gate.slope * v, -gate.depression), gate.potentiation)
            for i in range(pre.shape[1]):
                if pre[t, i]:
                    total[i, j] += theta - gate.alpha * (nu - gate.target)
            nu = nu * np.exp(-1 / gate.tau) + post[t, j]
    return total


@pytest.mark.parametrize("gate", [RAMP, TWO_LEVELS], ids=["ramp", "two levels"])
def test_the_rule_is_its_equation(gate):
    rng = np.random.default_rng(0)
    pre, post = rng.random((80, 5)) < 0.2, rng.random((80, 3)) < 0.1
    membrane = gate.threshold + rng.normal(0, 4, (80, 3))
    network = sequential(Dense(5, 3), LeakyIF())
    rule = ThreeFactor((membrane_gated(gate),))
    x, y, v = (jnp.asarray(a[:, None], jnp.float32) for a in (pre, post, membrane))
    params = network.init(jax.random.key(0))
    given = Given(x, jnp.zeros(1, jnp.int32), jnp.arange(80), jax.random.split(jax.random.key(1), (80, 1)))
    trace = trace_of(x, y, membrane=v)
    _, (update,), *_ = rule.step(network, params, Params((), ()), rule.rest(network, 1), trace, given)
    want = oracle(gate, pre, post, membrane)
    assert np.abs(want).min() > 0
    np.testing.assert_allclose(-update["weight"], want, rtol=2e-4, atol=1e-6)


def test_a_layer_equals_its_loop():
    """Lateral layer: membrane, spikes and weights, against a loop in float64."""
    rng = np.random.default_rng(3)
    T, I, O = 300, 8, 3
    spikes = rng.random((T, I)) < 0.08
    weight = rng.uniform(100, 600, (I, O)).round(2)
    lateral = rng.normal(0, 2000, (O, O)).round(2)
    layer = LateralLayer(membrane_gated(RAMP), 1408.0, 0.0, 900.0, eta=2.0)
    state = layer.init_state(jnp.asarray(weight, jnp.float32))
    end, fired = jax.lax.scan(
        lambda s, x: layer.step(s, x, jnp.asarray(lateral, jnp.float32)), state, jnp.asarray(spikes, jnp.float32)
    )
    w, v, current, arriving, nu = weight.copy(), np.zeros(O), np.zeros(O), np.zeros(O), np.zeros(O)
    held, last, wanted = np.zeros(O, int), np.zeros(O), []
    for t in range(T):
        current = np.exp(-1 / 15.5) * current + last @ lateral
        v = np.exp(-1 / 15.5) * v + arriving + current / 32
        v = np.maximum(np.where(held > 0, 0, v), 0)
        now = (held == 0) & (v >= 1408)
        arriving = spikes[t] @ w
        for j in range(O):
            f = min(max(v[j] - 1216, -2), 8) - 2 * (nu[j] - 2.5)
            w[spikes[t], j] = np.clip(w[spikes[t], j] + 2 * f, 0, 900)
        nu = nu * np.exp(-1 / 255.5) + now
        held = np.where(now, 5, np.maximum(held - 1, 0))
        v = np.where(now, 0, v)
        last = now.astype(float)
        wanted.append(now)
    assert 5 < np.sum(wanted) < 300
    np.testing.assert_array_equal(np.asarray(fired) > 0, wanted)
    np.testing.assert_allclose(end.weight, w, rtol=1e-4)


def test_it_finds_coincident_inputs_and_keeps_its_rate():
    """Ten of a hundred inputs fire together: selectivity and rate after 20 s of 10 Hz noise, three seeds."""
    T, layer = 20_000, LateralLayer(membrane_gated(RAMP), 1408.0, 0.0, 255.0, eta=2.0)
    rng = np.random.default_rng(5)
    spikes, near = rng.random((3, T, 100)) < 0.01, np.zeros((3, T), bool)
    spikes[:, :, :10] = False
    for replica in range(3):
        t = 0
        while (t := t + int(50 + rng.exponential(50))) < T - 3:
            spikes[replica, t + rng.integers(-1, 2, 10), np.arange(10)] = True
            near[replica, t - 1 : t + 9] = True
    start = jax.vmap(layer.init_state)(jnp.asarray(rng.uniform(0, 100, (3, 100, 2)), jnp.float32))
    go = jax.jit(jax.vmap(lambda s, x: jax.lax.scan(lambda s, i: layer.step(s, i, jnp.zeros((2, 2))), s, x)))
    end, fired = go(start, jnp.asarray(spikes, jnp.float32))
    last = np.asarray(fired)[:, -5000:]
    selective = (last * near[:, -5000:, None]).sum((1, 2)) / last.sum((1, 2))
    assert selective.min() > 0.95
    gap = end.weight[:, :10].mean((1, 2)) - end.weight[:, 10:].mean((1, 2))
    assert gap.min() > 110  # the reference machine, after as many ticks: 129 and 19
    assert np.all((last.mean((1, 2)) > 0.004) & (last.mean((1, 2)) < 0.010))


def test_what_cannot_work_is_refused():
    with pytest.raises(ValueError, match="tau must be > 0"):
        MembraneGate(1.0, tau=0.0)
    with pytest.raises(ValueError, match="membrane potential"):
        RAMP.step(jnp.zeros(3), Signals(jnp.zeros(3)))
