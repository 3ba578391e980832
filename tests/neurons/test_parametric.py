"""Time constants in the parameter tree: against `LIF`, and their gradient against a float64 loop."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from erbp_jax.neurons import LIF, GaussianNoise, ParametricLIF, Surrogate, run_population
from erbp_jax.params import Params


def run(step, state, current):
    def tick(state, c):
        state, spikes = step(state, c)
        return state, (state, spikes)

    return jax.lax.scan(tick, state, current)[1]


def drawn(shape, seed=0, mean=0.6):
    return jnp.asarray(np.random.default_rng(seed).normal(mean, 0.8, shape), jnp.float32)


HALF = 1 / np.log(2)


@pytest.mark.parametrize("reset", ["value", "subtract"])
@pytest.mark.parametrize(("tau_mem", "tau_syn"), [(HALF, HALF), (5.0, 3.0), (0.2, 200.0), (1e5, 2.0)])
def test_without_a_spread_it_is_lif(key, tau_mem, tau_syn, reset):
    common = {"refractory": 2, "reset": reset}
    plain, neuron = LIF(tau_mem, tau_syn, **common), ParametricLIF(tau_mem, tau_syn, **common)
    params, current = neuron.init((7,), key), drawn((200, 3, 7))
    want, spikes = jax.jit(lambda c: run(plain.step, plain.init_state((3, 7)), c))(current)
    got, same = jax.jit(
        lambda c, p: run(lambda s, c: neuron.step(s, c, params=p), neuron.init_state((3, 7)), c)
    )(current, params)  # fmt: skip
    if tau_mem == HALF:  # a logit of 0 is exact
        jax.tree.map(np.testing.assert_array_equal, got, want)
    np.testing.assert_array_equal(spikes, same)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=2e-5, atol=2e-5), got, want)
    assert spikes.sum() > 0 or tau_mem == 1e5


def test_time_constants_there_and_back(key):
    neuron = ParametricLIF(20.0, 0.3)
    for n in (1, 5):
        taus = neuron.time_constants(neuron.init((n,), key))
        np.testing.assert_allclose(taus["tau_mem"], np.full(n, 20.0), rtol=1e-5)
        np.testing.assert_allclose(taus["tau_syn"], np.full(n, 0.3), rtol=1e-5)


@pytest.mark.parametrize(("mem", "syn"), [(True, True), (True, False), (False, True), (False, False)])
def test_what_is_not_trained_is_fixed_and_still_each_neurons_own(key, mem, syn):
    neuron = ParametricLIF(6.0, 3.0, spread=0.5, train_tau_mem=mem, train_tau_syn=syn)
    params = neuron.init((50,), key)
    assert list(params.trained) == ["tau_mem"] * mem + ["tau_syn"] * syn
    assert list(params.fixed) == ["tau_mem"] * (not mem) + ["tau_syn"] * (not syn)
    both = ParametricLIF(6.0, 3.0, spread=0.5)
    jax.tree.map(
        np.testing.assert_array_equal,
        neuron.time_constants(params),
        both.time_constants(both.init((50,), key)),
    )
    assert len(np.unique(neuron.time_constants(params)["tau_syn"])) == 50


def test_the_spread_is_log_normal_and_of_the_key(key):
    neuron = ParametricLIF(20.0, 4.0, spread=0.4)
    taus = neuron.time_constants(neuron.init((40_000,), key))
    logs = {name: np.log(np.asarray(tau)) for name, tau in taus.items()}
    for name, start in (("tau_mem", 20.0), ("tau_syn", 4.0)):
        assert logs[name].mean() == pytest.approx(np.log(start), abs=0.01)
        assert logs[name].std() == pytest.approx(0.4, rel=0.02)
    assert abs(np.corrcoef(logs["tau_mem"], logs["tau_syn"])[0, 1]) < 0.02
    jax.tree.map(np.testing.assert_array_equal, taus, neuron.time_constants(neuron.init((40_000,), key)))
    other = neuron.time_constants(neuron.init((40_000,), jax.random.fold_in(key, 1)))
    assert (np.asarray(other["tau_mem"]) != np.asarray(taus["tau_mem"])).mean() > 0.99


def loop(current, weight, logit_mem, logit_syn, refractory, reset, width):
    """One neuron, forwards: spikes, and the derivative of `sum_t weight_t s_t` along both logits.

    `h(x) = 1 / (2 w (1 + |x| / w)^2)`; a reset to a value cuts the derivative, one by subtraction leaves it.
    """
    a, b = (1 / (1 + np.exp(-x)) for x in (logit_mem, logit_syn))
    i = v = 0.0
    di, dv = np.zeros(2), np.zeros(2)  # along the logits of (membrane, synapse)
    held, spikes, slope = 0, [], np.zeros(2)
    for c, w in zip(current, weight, strict=True):
        di = b * di + np.array([0.0, b * (1 - b) * i])
        i = b * i + c
        dx = a * dv + (1 - a) * di + np.array([a * (1 - a) * (v - i), 0.0])
        x, s = a * v + (1 - a) * i, 0
        if held:
            held -= 1
        else:
            slope += w * dx / (2 * width * (1 + abs(x - 1) / width) ** 2)
            s = int(x > 1)
            v, dv = x, dx
            if s:
                held = refractory
                v, dv = (0.0, np.zeros(2)) if reset == "value" else (x - 1, dx)
        spikes.append(s)
    return np.array(spikes), slope


@pytest.mark.parametrize(("reset", "refractory"), [("value", 0), ("value", 3), ("subtract", 0), ("subtract", 2)])
def test_the_gradient_along_the_logits_equals_a_loop(key, reset, refractory):
    surrogate = Surrogate("fast_sigmoid", 0.6)
    neuron = ParametricLIF(5.0, 3.0, spread=0.5, refractory=refractory, reset=reset, surrogate=surrogate)
    params = neuron.init((4,), key)
    rng = np.random.default_rng(5)
    current, weight = rng.normal(0.6, 0.8, (80, 2, 4)), rng.normal(size=(80, 2, 4))

    def loss(trained, c, w):
        spikes = run(lambda s, c: neuron.step(s, c, params=Params(trained)), neuron.init_state((2, 4), c.dtype), c)[1]
        return (w * spikes).sum(), spikes

    with jax.enable_x64():
        trained = jax.tree.map(lambda x: jnp.asarray(np.asarray(x, np.float64)), params.trained)
        arrays = jnp.asarray(current), jnp.asarray(weight)
        slope, spikes = jax.jit(jax.grad(loss, has_aux=True))(trained, *arrays)
        slope, spikes = jax.tree.map(np.asarray, (slope, spikes))
    assert spikes.sum() > 30
    want = np.zeros((2, 4))
    for b in range(2):
        for n in range(4):
            logits = (float(params.trained[name][n]) for name in ("tau_mem", "tau_syn"))
            fired, along = loop(current[:, b, n], weight[:, b, n], *logits, refractory, reset, 0.6)
            np.testing.assert_array_equal(spikes[:, b, n], fired)
            want[:, n] += along
    np.testing.assert_allclose(slope["tau_mem"], want[0], rtol=1e-9)
    np.testing.assert_allclose(slope["tau_syn"], want[1], rtol=1e-9)


def test_steps_of_an_optimiser_leave_time_constants_positive_and_reach_a_teachers(key):
    """A student that starts at 3 ticks learns the membrane of a teacher of 12 from its membrane potential."""
    quiet = {"threshold": 1e6, "reset": "none", "refractory": 0}
    teacher, student = LIF(12.0, 4.0, **quiet), ParametricLIF(3.0, 4.0, train_tau_syn=False, **quiet)
    student = student.with_surrogate(Surrogate())
    current = drawn((100, 1, 3))
    want = run(teacher.step, teacher.init_state((1, 3)), current)[0].membrane
    params, optimizer = student.init((3,), key), optax.adam(0.1)

    def loss(trained):
        own = Params(trained, params.fixed)
        states = run(lambda s, c: student.step(s, c, params=own), student.init_state((1, 3)), current)[0]
        return jnp.square(states.membrane - want).mean()

    @jax.jit
    def train(trained):
        def step(carry, _):
            trained, state = carry
            update, state = optimizer.update(jax.grad(loss)(trained), state)
            return (optax.apply_updates(trained, update), state), None

        return jax.lax.scan(step, (trained, optimizer.init(trained)), None, length=200)[0][0]

    with jax.numpy_dtype_promotion("standard"):  # optax's business
        trained = train(params.trained)
    taus = student.time_constants(Params(trained, params.fixed))
    np.testing.assert_allclose(taus["tau_mem"], 12.0, rtol=0.02)
    far = student.time_constants(Params({"tau_mem": jnp.array([-80.0, 0.0, 80.0])}, params.fixed))["tau_mem"]
    assert (np.asarray(far) > 0).all()
    assert np.isfinite(far).all()


@pytest.mark.parametrize("tile", [4, 9, 100])
def test_tiles_take_their_own_parameters(key, tile):
    neuron = ParametricLIF(5.0, 3.0, spread=0.6, train_tau_syn=False)
    current, params = jnp.full((30,), 0.5), neuron.init((30,), key)
    states, spikes = jax.jit(
        lambda c: run(lambda s, c: neuron.step(s, c, params=params), neuron.init_state((30,)), c)
    )(jnp.broadcast_to(current, (80, 30)))  # fmt: skip
    state, count = run_population(neuron, current, steps=80, params=params, tile=tile)
    assert len(np.unique(count)) > 2
    np.testing.assert_array_equal(count, spikes.sum(0))
    np.testing.assert_allclose(state.membrane, states.membrane[-1], rtol=1e-5, atol=1e-5)


def test_noise_and_physical_units_as_of_lif(key):
    noise = GaussianNoise(0.2)
    plain, neuron = LIF(HALF, HALF, noise=noise), ParametricLIF(HALF, HALF, noise=noise)
    current, params = drawn((2, 5)), neuron.init((5,), key)
    keys = jax.random.split(key, 2)
    want, _ = plain.step(plain.init_state((2, 5)), current, key=keys)
    got, _ = neuron.step(neuron.init_state((2, 5)), current, key=keys, params=params)
    np.testing.assert_array_equal(got.membrane, want.membrane)
    units = {"dt": 0.5, "capacitance": 20.0, "conductance": 2.0, "e_leak": -65.0, "v_threshold": -50.0}
    made = ParametricLIF.from_physical(**units, tau_syn=4.0, spread=0.2)
    assert made == ParametricLIF(20.0, 8.0, 0.2, threshold=15.0, refractory=0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ParametricLIF(0.0), "tau_mem must be > 0 and finite, got 0.0"),
        (lambda: ParametricLIF(1.0, float("inf")), "tau_syn must be > 0 and finite, got inf"),
        (lambda: ParametricLIF(spread=-0.1), "spread must be >= 0 and finite, got -0.1"),
        (lambda: ParametricLIF(integration="euler"), "integration must be 'exact', got 'euler'"),
        (lambda: ParametricLIF(threshold=0.0), "threshold 0.0 must lie above v_reset"),
        (lambda: _step(ParametricLIF()), r"step needs params, of neuron.init\(\(N,\), key\)"),
        (
            lambda: _step(ParametricLIF(), ParametricLIF().init((4,), jax.random.key(0))),
            r"parameters tau_\w+ have shape \(4,\), the input \(2, 3\)",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def _step(neuron, params=None):
    return neuron.step(neuron.init_state((2, 3)), jnp.ones((2, 3)), params=params)
