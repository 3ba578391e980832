"""Factored moments and their leading ones: against loops, under a change of scale, beside full RMSprop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.learning.tricks import scale_by_factored_moments, scale_by_shifts
from tests.learning.tricks import oracles

DECAY = 0.9
LINKS = {"factored": scale_by_factored_moments, "shifts": scale_by_shifts}


def steps_of(link, updates):
    state, out = link.init(updates[0]), []
    run = jax.jit(link.update)
    for update in updates:
        step, state = run(update, state)
        out.append(jax.tree.map(np.asarray, step))
    return out, state


def products(rng, n, inputs=6, outputs=5):
    """Errors `[n, O]` and inputs `[n, I]` that do not depend on each other."""
    error = rng.normal(size=(n, outputs)) * np.linspace(0.2, 3.0, outputs)
    spikes = rng.random((n, inputs)) < np.linspace(0.1, 0.9, inputs)
    return jnp.asarray(error, jnp.float32), jnp.asarray(spikes, jnp.float32)


@pytest.mark.parametrize("floor", [2.0**-6, 0.5])
@pytest.mark.parametrize("name", LINKS)
def test_steps_are_those_of_a_loop(name, floor):
    """Dense weights and kernels by two factors, a list by one, parameters of neurons each alone."""
    updates = oracles.stream(6)
    got, _ = steps_of(LINKS[name](DECAY, floor), updates)
    *arrays, lists, neurons = (list(x) for x in zip(*map(oracles.arrays, updates), strict=True))
    wanted = [oracles.factored(x, DECAY, floor, name == "shifts") for x in arrays]
    if name == "factored":
        wanted += [oracles.together(lists, DECAY), oracles.alone(neurons, DECAY)]
    for n, step in enumerate(got):
        for x, want in zip(oracles.arrays(step), wanted, strict=False):
            np.testing.assert_allclose(x, want[n], rtol=2e-5, atol=1e-7)


def test_two_words_a_unit_are_kept():
    """I + O of a matrix, places and maps of a kernel; of a list one, of a neuron's parameter one."""
    state = scale_by_factored_moments().init(oracles.stream(1)[0])
    sizes = [x.size for x in oracles.arrays(state.post)], [x.size for x in oracles.arrays(state.pre)]
    assert sizes == ([4, 4, 1, 4], [5, 12, 1, 1])


@pytest.mark.parametrize("name", LINKS)
def test_the_scale_of_a_layer_has_no_effect(name):
    """By a power of two to the last bit; by another factor to rounding, or for shifts to one power of two."""
    updates = oracles.stream(8)
    plain, _ = steps_of(LINKS[name](DECAY), updates)
    large, _ = steps_of(LINKS[name](DECAY), [jax.tree.map(lambda x: 2.0**9 * x, u) for u in updates])
    jax.tree.map(np.testing.assert_array_equal, large, plain)
    other, _ = steps_of(LINKS[name](DECAY), [jax.tree.map(lambda x: 0.3 * x, u) for u in updates])
    for a, b in zip(map(np.asarray, jax.tree.leaves(other)), map(np.asarray, jax.tree.leaves(plain)), strict=True):
        if name == "factored":
            np.testing.assert_allclose(a, b, rtol=1e-5)
        else:
            a, b = a[b != 0], b[b != 0]
            assert np.all((a / b > 0.5) & (a / b < 2.0))


@pytest.mark.parametrize("name", LINKS)
def test_a_scale_that_changes_has_no_effect_once_it_settles(name):
    updates = oracles.stream(450)
    plain, _ = steps_of(LINKS[name](DECAY), updates)
    scaled = [jax.tree.map(lambda x, n=n: x if n < 50 else 2.0**5 * x, u) for n, u in enumerate(updates)]
    changed, _ = steps_of(LINKS[name](DECAY), scaled)
    before, after = (x[50].projections[0]["weight"] for x in (plain, changed))
    assert np.abs(before).max() > 0.1
    assert np.all(np.abs(after) >= 2 * np.abs(before))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), changed[-1], plain[-1])


def test_for_one_pattern_it_is_rmsprop():
    """Exactly: the second moment of a product of error and input is a product."""
    rng = np.random.default_rng(1)
    error, inputs = rng.normal(size=5), rng.normal(size=6)
    pattern = {"weight": jnp.asarray(np.outer(inputs, error), jnp.float32)}
    got, _ = steps_of(scale_by_factored_moments(DECAY, 0.0), [pattern] * 20)
    want = oracles.alone([np.asarray(pattern["weight"], np.float64)] * 20, DECAY)
    for step, full in zip(got, want, strict=True):
        np.testing.assert_allclose(step["weight"], full, rtol=1e-5)


@pytest.mark.parametrize("correlated", [False, True])
def test_for_independent_errors_and_inputs_it_is_nearly_rmsprop(correlated):
    """Within 5 %; an input that is there only with one neuron's error is told apart."""
    error, inputs = products(np.random.default_rng(2), 40_000)
    if correlated:
        inputs = inputs.at[:, 0].set((jnp.abs(error[:, 0]) > 0.2).astype(jnp.float32))
    link, zero = scale_by_factored_moments(0.9999, 0.0), {"weight": jnp.zeros((6, 5))}

    def one(carry, row):
        state, full = carry
        update = {"weight": jnp.outer(row[1], row[0])}
        return (link.update(update, state)[1], full + update["weight"] ** 2 / len(error)), None

    (state, full), _ = jax.lax.scan(one, (link.init(zero), zero["weight"]), (error, inputs))
    probe = {"weight": jnp.ones((6, 5))}
    root = 1 / np.asarray(scale_by_factored_moments(0.9999, 0.0).update(probe, state)[0]["weight"])
    off = np.abs(root / np.sqrt(np.asarray(full)) - 1).max()
    assert (off > 0.1) if correlated else (off < 0.05)


def test_a_rare_input_takes_steps_of_a_bounded_size():
    """An input that comes once in 200 updates: without the floor its step is 8 times as large as with one of 2^-6."""
    rng = np.random.default_rng(3)
    updates = [rng.choice([-1.0, 1.0], size=(50, 4)) for _ in range(201)]
    for n, u in enumerate(updates):
        u[0] = u[0] * (n == 200) * 0.1
    updates = [{"weight": jnp.asarray(u, jnp.float32)} for u in updates]
    free, _ = steps_of(scale_by_factored_moments(0.999, 0.0), updates)
    held, _ = steps_of(scale_by_factored_moments(0.999, 2.0**-6), updates)
    assert np.abs(held[-1]["weight"][0]).max() <= 0.1 * 8 * 1.05
    assert np.abs(free[-1]["weight"][0]).max() > 1.0


def test_a_shift_is_1_to_2_to_the_1_point_5_times_the_step():
    updates = oracles.stream(40)
    factored, _ = steps_of(scale_by_factored_moments(DECAY), updates)
    shifted, _ = steps_of(scale_by_shifts(DECAY), updates)
    ratios = []
    for f, s in zip(jax.tree.leaves(factored), jax.tree.leaves(shifted), strict=True):
        ratios.append((s / np.where(f == 0, np.nan, f)).ravel())
    ratios = np.concatenate(ratios)
    ratios = ratios[~np.isnan(ratios)]
    assert 1 - 1e-6 <= ratios.min() < 1.1
    assert 2.5 < ratios.max() < 2**1.5


def test_a_shift_is_the_step_where_the_moments_are_powers_of_two():
    """Errors 1, 2, 4 and 16 by inputs 1 and 1: c is 1, 4, 16 and 256."""
    update = {"weight": jnp.asarray(np.outer([1.0, 1.0], [1.0, -2.0, 4.0, 16.0]), jnp.float32)}
    factored, _ = steps_of(scale_by_factored_moments(DECAY), [update] * 3)
    shifted, _ = steps_of(scale_by_shifts(DECAY), [update] * 3)
    jax.tree.map(np.testing.assert_array_equal, shifted, factored)
    np.testing.assert_array_equal(shifted[-1]["weight"], [[1, -1, 1, 1]] * 2)


def test_what_goes_out_is_the_update_shifted():
    for step, update in zip(steps_of(scale_by_shifts(DECAY), oracles.stream(10))[0], oracles.stream(10), strict=True):
        for s, u in zip(jax.tree.leaves(step), jax.tree.leaves(update), strict=True):
            factor = np.asarray(s, np.float64)[np.asarray(u) != 0] / np.asarray(u, np.float64)[np.asarray(u) != 0]
            np.testing.assert_array_equal(np.frexp(factor)[0], 0.5)


@pytest.mark.parametrize("link", LINKS.values())
@pytest.mark.parametrize("values", [{"decay": 1.0}, {"decay": -0.1}, {"floor": 1.5}])
def test_values_that_make_no_sense_are_refused(link, values):
    with pytest.raises(ValueError, match=r"decay must be|floor must be"):
        link(**values)
