"""Steps that wait, neurons that write seldom, and the count of writes."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from erbp_jax.learning.tricks import count_writes, error_triggered, write_threshold, written
from erbp_jax.trace import Tree
from tests.learning.tricks import oracles

THRESHOLD = 1.5


def dyadic(n, seed=5, lists=True):
    """Steps whose sums have no rounding."""
    return [jax.tree.map(lambda x: jnp.round(x * 64) / 64, u) for u in oracles.stream(n, seed, lists)]


def test_writes_are_those_of_a_loop_and_nothing_is_lost():
    """Writes and what waits add up to the steps, exactly; every write is at least the threshold."""
    steps, link = dyadic(30), write_threshold(THRESHOLD)
    state, run = link.init(steps[0]), jax.jit(link.update)
    *arrays, neurons = (list(x) for x in zip(*map(oracles.arrays, steps), strict=True))
    wanted = [oracles.kept_back(x, THRESHOLD) for x in arrays]
    total, waited = [np.zeros(x[0].shape) for x in arrays], 0
    for n, step in enumerate(steps):
        write, state = run(step, state)
        *writes, own = oracles.arrays(write)
        np.testing.assert_array_equal(own, neurons[n])
        for part, (x, want) in enumerate(zip(writes, wanted, strict=True)):
            np.testing.assert_array_equal(x, want[n][0])
            np.testing.assert_array_equal(np.asarray(state.projections[part]["weight"]), want[n][1])
            total[part] += x
            assert np.all((x == 0) | (np.abs(x) >= THRESHOLD))
            waited += np.sum((x == 0) & (arrays[part][n] != 0))
    assert waited > 100
    for part, x in enumerate(arrays):
        np.testing.assert_array_equal(total[part] + np.asarray(state.projections[part]["weight"]), np.sum(x, 0))


def test_without_a_threshold_every_step_is_written():
    link = write_threshold(0.0)
    for step in oracles.stream(3):
        jax.tree.map(np.testing.assert_array_equal, link.update(step, link.init(step))[0], step)
    with pytest.raises(ValueError, match="at least 0"):
        write_threshold(-1.0)


def test_neurons_write_as_in_a_loop():
    rate, step = 0.25, 0.5
    updates, link = dyadic(40, lists=False), error_triggered(rate, step)
    state, run = link.init(updates[0]), jax.jit(link.update)
    wanted = [
        oracles.triggered(list(x), rate, step)
        for x in zip(*([np.asarray(p["weight"], np.float64) for p in u.projections] for u in updates), strict=True)
    ]
    for n, update in enumerate(updates):
        out, state = run(update, state)
        np.testing.assert_array_equal(out.populations[0]["tau"], update.populations[0]["tau"])
        for part in (0, 1):
            np.testing.assert_array_equal(out.projections[part]["weight"], wanted[part][n][0])
            np.testing.assert_array_equal(
                np.ravel(state.projections[part]["weight"]), list(wanted[part][n][1].values())
            )
    assert [x["weight"].size for x in state.projections] == [4, 4]
    with pytest.raises(ValueError, match=r"error_triggered: .projections\[2\]\['weight'\] is a list"):
        link.init(oracles.stream(1)[0])


def test_with_a_step_of_zero_every_neuron_writes():
    link = error_triggered(0.1, 0.0)
    state = link.init(oracles.stream(1, lists=False)[0])
    for update in oracles.stream(5, lists=False):
        out, state = link.update(update, state)
        jax.tree.map(np.testing.assert_array_equal, out, update)


@pytest.mark.parametrize("step", [2.0**-6, 2.0**-2])
def test_the_rate_of_writes_is_the_one_asked_for(step):
    """Of neurons with errors of any size, in the long run; a silent one never writes, and none exceeds its budget."""
    n, rate = 40_000, 2.0**-4
    sizes = jnp.array([[1.0, 10.0, 4.0, 0.0]])
    link = error_triggered(rate, step)

    def one(state, key):
        update = {"weight": sizes * jax.random.normal(key, (3, 4))}
        out, state = link.update(update, state)
        return state, jnp.any(out["weight"] != 0, 0)

    keys = jax.random.split(jax.random.key(0, impl="threefry2x32"), n)
    state, events = jax.lax.scan(one, link.init({"weight": jnp.zeros((3, 4))}), keys)
    rates, threshold = np.mean(events, 0), np.ravel(state["weight"])
    assert np.all(rates * n * step <= rate * step * n + threshold + 1e-3)
    np.testing.assert_allclose(rates[:3], rate + threshold[:3] / step / n, rtol=0.01)
    np.testing.assert_allclose(np.mean(events[n // 2 :], 0)[:3], rate, rtol=0.03 if step == 2.0**-2 else 0.15)
    assert rates[3] == 0


def test_weights_that_change_are_counted():
    """A step that rounding swallows is no write; parameters of neurons are none."""
    link = optax.chain(optax.sgd(1.0), count_writes())
    params = Tree(
        ({"weight": jnp.array([[1.0, 2.0], [3.0, 0.0]])}, {"weight": jnp.ones(3)}), ({"tau": jnp.ones(4)}, {})
    )
    update = Tree(
        ({"weight": jnp.array([[0.5, 0.0], [1e-12, 1e-12]])}, {"weight": jnp.ones(3)}), ({"tau": jnp.ones(4)}, {})
    )
    state = link.init(params)
    run = jax.jit(link.update)
    for _ in range(3):
        step, state = run(update, state, params)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a, -b), step, update)
    assert written(state) == 3 * (2 + 3)
    with pytest.raises(ValueError, match="no count_writes"):
        written(optax.sgd(1.0).init(params))
