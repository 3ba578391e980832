"""The field `drive` of every neuron's state: the membrane before the reset minus the threshold in force."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.neurons import (
    LIF,
    DualCompartmentLIF,
    LeakyIF,
    MihalasNiebur,
    SecondOrderLIF,
    Static,
    Surrogate,
)

T = 120
A = {tau: np.exp(-1 / tau) for tau in (2.0, 3.0, 5.0, 6.0)}


def run(neuron, current):
    """`current[T, N]` -> spikes and all states, `[T, N]`, in float64."""

    def tick(state, c):
        state, spikes = neuron.step(state, c)
        return state, (spikes, state)

    with jax.enable_x64():
        start = neuron.init_state(current.shape[1:], jnp.float64)
        spikes, states = jax.jit(lambda c: jax.lax.scan(tick, start, c))(jnp.asarray(current, jnp.float64))[1]
        return np.asarray(spikes), {k: np.asarray(v) for k, v in states._asdict().items()}


def loop(current, integrate, refractory, reset, threshold=1.0, v_reset=0.0):
    """One neuron; `integrate(v, c)` gives V before clamp and threshold. -> spikes, V, drive, `[T]` each."""
    v = v_reset if reset == "value" else 0.0
    held, out = 0, []
    for c in current:
        integrated = integrate(v, c)
        if held:
            held -= 1
            out.append((0, v, v - threshold))
            continue
        drive = integrated - threshold
        v, fired = integrated, drive > 0
        if fired:
            held = refractory
            v = {"value": v_reset, "subtract": drive, "none": v}[reset]
        out.append((int(fired), v, drive))
    return np.array(out).T


def leaky():
    return lambda v, c: A[6.0] * v + c


def lif():
    i = 0.0

    def integrate(v, c):
        nonlocal i
        i = A[3.0] * i + c
        return A[5.0] * v + (1 - A[5.0]) * i

    return integrate


def second_order():
    rise = i = 0.0

    def integrate(v, c):
        nonlocal rise, i
        rise = A[2.0] * rise + c
        i = A[3.0] * i + (1 - A[3.0]) * rise + 0.1
        return A[5.0] * v + (1 - A[5.0]) * i

    return integrate


def dual_compartment():
    i = u = 0.0

    def integrate(v, c):
        nonlocal i, u
        i = (1 - 1 / 3) * i + c
        soma, u = v + (-v + 1.5 * u) / 4, u + (-u + 0.3 * v + i) / 6
        return soma

    return integrate


MODELS = {
    "leaky": (lambda **k: LeakyIF(6.0, **k), leaky, 0.2),
    "lif": (lambda **k: LIF(5.0, 3.0, **k), lif, 0.5),
    "second order": (lambda **k: SecondOrderLIF(5.0, 3.0, 2.0, 0.1, **k), second_order, 0.5),
    "dual compartment": (
        lambda **k: DualCompartmentLIF(4.0, 6.0, 3.0, 1.5, 0.3, integration="euler", **k), dual_compartment, 0.5
    ),
}  # fmt: skip


@pytest.mark.parametrize(("refractory", "reset"), [(0, "value"), (3, "value"), (2, "subtract"), (1, "none")])
@pytest.mark.parametrize("model", MODELS)
def test_drive_equals_an_independent_loop(model, refractory, reset):
    make, integrate, mean = MODELS[model]
    current = np.random.default_rng(0).normal(mean, 0.8, (T, 3))
    spikes, states = run(make(refractory=refractory, reset=reset), current)
    assert spikes.sum() > 10
    for n in range(3):
        want, membrane, drive = loop(current[:, n], integrate(), refractory, reset)
        np.testing.assert_array_equal(spikes[:, n], want)
        np.testing.assert_allclose(states["membrane"][:, n], membrane, atol=1e-12)
        np.testing.assert_allclose(states["drive"][:, n], drive, atol=1e-12)
    assert list(states)[-1] == "drive"


def test_other_thresholds_and_resets():
    current = np.random.default_rng(1).normal(4.0, 8.0, (T, 1))
    spikes, states = run(LIF(5.0, 3.0, threshold=5.0, v_reset=-2.0, refractory=1), current)
    want, _, drive = loop(current[:, 0], lif(), 1, "value", 5.0, -2.0)
    np.testing.assert_array_equal(spikes[:, 0], want)
    np.testing.assert_allclose(states["drive"][:, 0], drive, atol=1e-12)


@pytest.mark.parametrize("dt", [0.1, 0.5])
def test_drive_of_mihalas_niebur_is_taken_from_its_moving_threshold(dt):
    neuron = MihalasNiebur(a=0.005, a1=10.0, a2=-0.6, dt=dt)
    current = np.random.default_rng(2).normal(2.0, 1.5, (600, 2))
    spikes, states = run(neuron, current)
    assert spikes.sum() > 5
    for n in range(2):
        v, theta, i1, i2 = -70.0, -50.0, 0.01, 0.001
        for t, c in enumerate(current[:, n]):
            v, theta, i1, i2 = (
                v + dt * (c + i1 + i2 - 0.05 * (v + 70)),
                theta + dt * (0.005 * (v + 70) - 0.01 * (theta + 50)),
                i1 - dt * 0.2 * i1,
                i2 - dt * 0.02 * i2,
            )
            np.testing.assert_allclose(states["drive"][t, n], v - theta, atol=1e-9)
            assert spikes[t, n] == (v >= theta)
            if v >= theta:
                v, theta, i1, i2 = -70.0, max(-60.0, theta), 10.0, i2 - 0.6


def test_drive_at_rest():
    for neuron, want in (
        (LIF(v_reset=-2.0), -3.0),
        (LIF(reset="subtract", threshold=2.0, v_reset=-2.0), -2.0),
        (LeakyIF(threshold=0.5), -0.5),
        (SecondOrderLIF(), -1.0),
        (DualCompartmentLIF(), -1.0),
        (MihalasNiebur(v_init=-65.0, theta_init=-40.0), -25.0),
        (Static(LIF(threshold=1.5)), -1.5),
    ):
        state = neuron.init_state((2, 3))
        np.testing.assert_array_equal(state.drive, np.full((2, 3), want, np.float32))


def test_drive_of_a_static_neuron_is_the_settled_membrane_minus_the_threshold():
    neuron, current = LIF(5.0, 3.0, threshold=2.0), np.linspace(-1, 3, 9, dtype=np.float32)
    state, _ = Static(neuron).step(Static(neuron).init_state((9,)), jnp.asarray(current))
    np.testing.assert_allclose(state.drive, current / (1 - A[3.0]) - 2.0, rtol=1e-6)

    class Nameless:
        max_rate = 1.0

        def steady_current(self, current):
            return 2 * current

        def rate(self, synaptic, smoothing):
            return jax.nn.sigmoid(synaptic / smoothing)

    state, _ = Static(Nameless()).step(None, jnp.asarray(current))  # pyright: ignore[reportArgumentType]
    np.testing.assert_array_equal(state.drive, 2 * current)


@pytest.mark.parametrize("model", MODELS)
def test_the_surrogate_derivative_is_taken_at_the_drive(model):
    """The slope of a spike along the current of its own tick, over that of the membrane: `h(drive)`, 0 while held."""
    surrogate = Surrogate("fast_sigmoid", 0.7)
    neuron = MODELS[model][0](refractory=2).with_surrogate(surrogate)
    state = neuron.init_state((4,))
    current = jnp.asarray(np.random.default_rng(3).normal(0.8, 0.8, (40, 4)), jnp.float32)
    for c in current:
        held = state.refractory > 0
        after = neuron.step(state, c)[0]
        slope = jax.jvp(lambda c, s=state: neuron.step(s, c)[1], (c,), (jnp.ones(4),))[1]
        inner = jax.jvp(lambda c, s=state: neuron.step(s, c)[0].drive, (c,), (jnp.ones(4),))[1]
        want = np.where(held, 0.0, surrogate.derivative(after.drive) * inner)
        np.testing.assert_allclose(slope, want, rtol=1e-5)
        state = after
    assert np.asarray(held).shape == (4,)
