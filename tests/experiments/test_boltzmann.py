"""Event-driven contrastive divergence: neurons, machine, rule, and a small machine that learns."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from boltzmann import (
    Presentation,
    SamplingMachine,
    SamplingNeuron,
    ThresholdNeuron,
    generate,
    present,
    recognise,
)
from erbp_jax.connections import SharedBlankOut
from erbp_jax.learning.three_factor import Phases
from erbp_jax.random import fold_each

U = jnp.linspace(-4.0, 4.0, 9)


def test_the_stochastic_neuron_is_logistic_and_keeps_its_refractory_period(key):
    neuron, T = SamplingNeuron(4), 4000

    def tick(held, k):
        held, spikes = neuron.step(held, jnp.broadcast_to(U[:, None], (9, 50)), k)
        return held, (spikes, held > 0)

    keys = jax.random.split(key, (T, 9))
    _, (spikes, z) = jax.jit(lambda h: jax.lax.scan(tick, h, keys))(jnp.zeros((9, 50), jnp.int32))
    duty = np.asarray(z, float).mean((0, 2))
    np.testing.assert_allclose(duty, 1 / (1 + np.exp(-np.asarray(U))), atol=0.01)
    spikes = np.asarray(spikes)
    together = sum(spikes[d : T - 3 + d] for d in range(4))
    assert together.max() == 1 < sum(spikes[d : T - 4 + d] for d in range(5)).max()  # intervals of 4 occur, of 3 do not
    after = np.asarray(z)[:, 4]
    assert np.array_equal(after[3:], together[:, 4] > 0)  # z is the refractory period


@pytest.mark.parametrize("synapse", ["exponential", "rectangular"])
def test_the_machine_is_its_equation(key, synapse):
    """One sample, thresholds in place of chance, in a loop in float64."""
    machine = SamplingMachine(6, 4, ThresholdNeuron(3), 5.0, synapse=synapse)
    rng = np.random.default_rng(0)
    q, bv, bh = rng.normal(0, 2, (6, 4)), rng.normal(0, 1, 6), rng.normal(0, 1, 4)
    params = {k: jnp.asarray(v, jnp.float32) for k, v in (("weight", q), ("visible", bv), ("hidden", bh))}
    drive = np.array([4.0, -3.0, np.nan, np.nan, np.nan, np.nan])
    keys = jax.random.split(key, (60, 1))
    step = lambda s, k: 2 * (machine.step(params, s, jnp.asarray(drive, jnp.float32)[None], key=k),)  # noqa: E731
    _, seen = jax.jit(lambda s: jax.lax.scan(step, s, keys))(machine.init_state(1))
    current = [np.zeros(6), np.zeros(4)]
    since, spikes = [np.full(6, 99), np.full(4, 99)], [np.zeros(6), np.zeros(4)]
    for t in range(60):
        source = spikes if synapse == "exponential" else [(s < 3).astype(float) for s in since]
        keep, gain = (np.exp(-1 / 5), 3 * (1 - np.exp(-1 / 5))) if synapse == "exponential" else (0.0, 1.0)
        arrived = [q @ source[1], source[0] @ q]
        current = [keep * c + gain * a for c, a in zip(current, arrived, strict=True)]
        u = [np.where(np.isnan(drive), current[0] + bv, drive), current[1] + bh]
        spikes = [((s + 1 >= 3) & (x > 0)).astype(float) for s, x in zip(since, u, strict=True)]
        since = [np.where(f > 0, 0, s + 1) for f, s in zip(spikes, since, strict=True)]
        np.testing.assert_array_equal(seen.visible_spikes[t, 0], spikes[0])
        np.testing.assert_array_equal(seen.hidden_spikes[t, 0], spikes[1])
    assert 5 < np.asarray(seen.hidden_spikes).sum() < 80


def test_short_ticks_and_rectangles_sample_the_boltzmann_distribution(key):
    """Two visible and two hidden neurons: 16 states in 1,100 ticks of 512 copies."""
    machine = SamplingMachine(2, 2, SamplingNeuron(32), synapse="rectangular")
    params = {"weight": jnp.array([[1.5, -2.0], [0.5, 1.0]]), "visible": jnp.array([-0.5, 0.3]),
              "hidden": jnp.array([0.2, -0.8])}  # fmt: skip
    z = np.array(list(itertools.product((0, 1), repeat=4)), float)
    exact = np.exp(np.einsum("si,ij,sj->s", z[:, :2], params["weight"], z[:, 2:])
                   + z[:, :2] @ params["visible"] + z[:, 2:] @ params["hidden"])  # fmt: skip
    exact /= exact.sum()
    nan = jnp.full((512, 2), jnp.nan)

    def tick(carry, t):
        state, counts = carry
        state = machine.step(params, state, nan, key=fold_each(keys, t.astype(jnp.uint32)))
        bits = (jnp.concatenate([state.visible_held, state.hidden_held], 1) > 0).astype(jnp.int32)
        index = bits @ jnp.array([8, 4, 2, 1])
        return (state, counts + jnp.where(t >= 300, jnp.bincount(index, length=16), 0)), None

    keys = jax.random.split(key, 512)
    start = (machine.init_state(512), jnp.zeros(16, jnp.int32))
    (_, counts), _ = jax.jit(lambda c: jax.lax.scan(tick, c, jnp.arange(1400)))(start)
    sampled = np.asarray(counts) / np.asarray(counts).sum()
    divergence = float((sampled * np.log(sampled / exact)).sum())
    means = exact @ z
    product = np.prod(np.where(z > 0, means, 1 - means), 1)
    assert divergence < 0.02 * (product * np.log(product / exact)).sum()


@pytest.fixture(scope="module")
def small():
    machine = SamplingMachine(8, 5, SamplingNeuron(4))
    key = jax.random.key(1, impl="threefry2x32")
    params = machine.init(key, 1.0)
    drive = jnp.where(jax.random.bernoulli(key, 0.5, (3, 8)), 3.0, -6.0)
    return machine, params, drive, jax.random.split(key, 3)


def test_the_update_is_the_sum_over_pairs_of_spikes(small):
    """A presentation under frozen weights, spike by spike: exponentials, their sign by the later spike's phase."""
    machine, params, drive, keys = small
    how = Presentation(Phases(100, 10), 0.01, 0.02, 4.0, 10)
    frozen = optax.GradientTransformation(
        lambda p: jax.tree.map(jnp.zeros_like, p),
        lambda u, s, _=None: (jax.tree.map(jnp.zeros_like, u), jax.tree.map(jnp.add, s, u)),
    )
    go = jax.jit(lambda p, s: present(machine, how, frozen, p, s, drive, keys))
    _, update, counts = go(params, frozen.init(params))
    state, spikes = machine.init_state(3), []
    step = jax.jit(machine.step, static_argnames="clamped")
    for t in range(100):
        clamped = t < 50
        shown = drive if clamped else jnp.full_like(drive, jnp.nan)
        state = step(params, state, shown, key=fold_each(keys, jnp.uint32(t)), clamped=clamped)
        spikes.append((np.asarray(state.visible_spikes), np.asarray(state.hidden_spikes)))
    visible, hidden = (np.stack(s) for s in zip(*spikes, strict=True))
    g = np.array([1 if 10 <= t < 49 else -1 if 60 <= t < 99 else 0 for t in range(100)])
    area = 2 / (1 - np.exp(-1 / 4)) - 1
    height, want = 0.01 * 16 / (39 * area), np.zeros((8, 5))
    for b, i, j in itertools.product(range(3), range(8), range(5)):
        for t, u in itertools.product(np.nonzero(visible[:, b, i])[0], np.nonzero(hidden[:, b, j])[0]):
            want[i, j] += height * g[max(t, u)] * np.exp(-abs(t - u) / 4)
    assert np.abs(want).max() > 1e-3
    np.testing.assert_allclose(-update["weight"], want, atol=1e-5)
    bias = 0.02 * 4 / 39 * (g[:, None, None] * hidden).sum((0, 1))
    np.testing.assert_allclose(-update["hidden"], bias, atol=1e-5)
    np.testing.assert_allclose(counts.data, hidden[10:49].mean(), rtol=1e-5)


def test_a_dream_may_start_from_an_image(small):
    """What is clamped first is let go: until then as if it stayed, after that the class alone is held."""
    machine, params, _, keys = small
    start = jnp.tile(jnp.where(jnp.arange(8) < 4, 20.0, -20.0), (3, 1))
    held = jnp.where(jnp.arange(8) < 2, start, jnp.nan)

    def activity(drive, steps, burn_in, **how):
        return np.asarray(generate(machine, params, drive, keys, steps=steps, burn_in=burn_in, **how))

    np.testing.assert_array_equal(activity(held, 9, 0, start=start, start_steps=9), activity(start, 9, 0))
    np.testing.assert_array_equal(activity(held, 9, 0, start=start, start_steps=0), activity(held, 9, 0))
    freed = activity(held, 60, 20, start=start, start_steps=9)
    assert (freed[:, :2] > 0.7).all()  # still clamped
    assert (freed[:, 4:] > 0).any()  # were held off at first


def test_phases():
    g = np.asarray(Phases(100, 10)(jnp.arange(100)))
    assert [int((g == s).sum()) for s in (1, -1)] == [39, 39]
    assert not g[:10].any()
    assert g[[10, 48, 49, 59, 60, 98, 99]].tolist() == [1, 1, 0, 0, -1, -1, 0]
    for length, burn_in in ((100, 10), (60, 10), (50, 5), (40, 10), (41, 0)):
        both = np.asarray(Phases(length, burn_in)(jnp.arange(length)))
        assert (both == 1).sum() == (both == -1).sum() > 0
    with pytest.raises(ValueError, match="burn_in"):
        Phases(100, 49)
    with pytest.raises(ValueError, match="blocks of 7"):
        Presentation(block=7)


@pytest.mark.parametrize("noise", ["neurons", "synapses"])
def test_a_machine_learns_two_patterns_and_recalls_their_labels(noise, key):
    """16 pixels and 4 label neurons: bars on the left or on the right, 10 % of the pixels flipped."""
    neuron = SamplingNeuron(2) if noise == "neurons" else ThresholdNeuron(2)
    transmission = {} if noise == "neurons" else {"transmission": SharedBlankOut(0.5)}
    machine = SamplingMachine(20, 30, neuron, 2.0, **transmission)
    # Thresholds know no scale but that of the weights, and a rate too large for it silences the hidden neurons.
    eta, rng = (0.02 if noise == "neurons" else 0.004), np.random.default_rng(0)
    how = Presentation(Phases(50, 5), eta, eta, 2.0, 5)
    labels = rng.integers(0, 2, 60 * 10)
    pixels = (np.arange(16) // 8)[None] == labels[:, None]
    pixels ^= rng.random(pixels.shape) < 0.1
    own = (np.arange(4) // 2)[None] == labels[:, None]
    drive = jnp.asarray(np.where(np.concatenate([pixels, own], 1), 3.0, -6.0), jnp.float32).reshape(60, 10, 20)

    def one(params, inputs):
        shown, keys = inputs
        sgd = optax.scale(-1.0)
        params, _, counts = present(machine, how, sgd, params, sgd.init(params), shown, keys)
        return params, counts.data

    train = jax.jit(lambda p: jax.lax.scan(one, p, (jnp.tile(drive, (3, 1, 1)), jax.random.split(key, (180, 10)))))
    params, _ = train(machine.init(key))
    test = drive.reshape(-1, 20)[:200, :16]
    counts = recognise(machine, params, test, jax.random.split(key, 200), steps=100, burn_in=20, first=16)
    choice = np.asarray(counts).reshape(200, 2, 2).sum(-1).argmax(1)
    assert (choice == labels[:200]).mean() > 0.95
