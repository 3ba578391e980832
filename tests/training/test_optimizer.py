"""Learning rates by layer; steps that wait for one another."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from erbp_jax.config import check
from erbp_jax.errors import UserError
from erbp_jax.trace import Tree
from erbp_jax.training.optimizer import make_optimizer
from erbp_jax.training.transforms import summed

NETWORK = {"network": {"layers": [64, 8, 10]}}


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_a_layer_has_a_rate_of_its_own(kind):
    """The change of a layer is that without factors, times its factor, weight decay included."""
    section = {"kind": kind, "learning_rate": 0.1, "weight_decay": 0.01}
    plain = make_optimizer(check({**NETWORK, "optimizer": section}, "t").optimizer, 1, 1).network
    rates = section | {"layer_rates": [0.25, 0]}
    scaled = make_optimizer(check({**NETWORK, "optimizer": rates}, "t").optimizer, 1, 1).network
    params = Tree(({"weight": jnp.ones((2, 3))}, {"weight": jnp.full((3, 1), 2.0)}), ({}, {}))
    update = Tree(({"weight": jnp.arange(6.0).reshape(2, 3) + 1}, {"weight": jnp.ones((3, 1))}), ({}, {}))
    with jax.numpy_dtype_promotion("standard"):  # optax's Adam takes powers of a float by an integer
        want, _ = plain.update(update, plain.init(params), params)
        got, _ = scaled.update(update, scaled.init(params), params)
    assert np.abs(want.projections[1]["weight"]).min() > 0
    np.testing.assert_allclose(got.projections[0]["weight"], 0.25 * want.projections[0]["weight"], rtol=1e-6)
    np.testing.assert_array_equal(got.projections[1]["weight"], 0.0)


def test_there_must_be_one_for_each_layer():
    with pytest.raises(UserError, match=r"optimizer\.layer_rates: one for each of the 2 layers, got 3"):
        check({**NETWORK, "optimizer": {"layer_rates": [1, 1, 1]}}, "t")


def test_steps_are_summed_and_made_together():
    """Against a loop: every third update moves the weights, by the steps of all three at their own learning rates."""
    section = {"learning_rate": 0.1, "decay": 0.5, "accumulate": 3}
    optimizer = make_optimizer(check({**NETWORK, "optimizer": section}, "t").optimizer, 4, 3).network
    weight, waiting = np.ones((2, 3)), np.zeros((2, 3))
    params = Tree(({"weight": jnp.asarray(weight, jnp.float32)},), ({},))
    state = optimizer.init(params)
    for count, update in enumerate(np.random.default_rng(0).normal(size=(10, 2, 3))):
        gradient = Tree(({"weight": jnp.asarray(update, jnp.float32)},), ({},))
        step, state = jax.jit(optimizer.update)(gradient, state, params)
        params = optax.apply_updates(params, step)
        waiting = waiting - 0.1 * 0.5 ** (count / 4) * update
        if count % 3 == 2:
            weight, waiting = weight + waiting, 0.0 * waiting
        np.testing.assert_allclose(params.projections[0]["weight"], weight, atol=1e-6)


def test_more_and_more_steps_wait():
    """1 doubling every four updates, rounded down: sums of 1, 1, 1, 1, 2, 2, 4, ... unit steps."""
    optimizer = summed(optax.identity(), optax.exponential_decay(1.0, 4, 2.0))
    params = {"weight": jnp.zeros(())}
    state, moves = optimizer.init(params), []
    for _ in range(24):
        step, state = optimizer.update({"weight": jnp.ones(())}, state, params)
        moves.append(float(step["weight"]))
    written = [m for m in moves if m]
    waiting, loop = 0, []
    for count in range(24):
        waiting += 1
        if waiting >= np.floor(2.0 ** (count / 4)):
            loop.append(waiting)
            waiting = 0
    assert written == loop
    assert written[:4] == [1, 1, 1, 1]
    assert max(written) > 2
    assert sum(written) + int(state.waiting) == 24


def test_weights_of_the_rule_step_once_a_presentation_and_not_by_what_is_asked_of_the_networks():
    """Momentum and schedule are for both; here the rates by layer take the network's to 0."""
    section = {"learning_rate": 0.5, "schedule": "constant", "momentum": 0.5, "weight_decay": 0.1}
    section |= {"layer_rates": [0, 0], "accumulate": 5}
    optimizers = make_optimizer(check({**NETWORK, "optimizer": section}, "t").optimizer, 1, 1, blocks=2)
    start = Tree(({"weight": jnp.ones(2)}, {"weight": jnp.ones(3)}), ({}, {})), (jnp.ones(4), None)
    trained, states, moves = list(start), [one.init(x) for one, x in zip(optimizers, start, strict=True)], []
    for _ in range(4):
        for i, optimizer in enumerate(optimizers):
            step, states[i] = optimizer.update(start[i], states[i], trained[i])
            trained[i] = optax.apply_updates(trained[i], step)
        moves.append(step[0][0])
    np.testing.assert_allclose(moves, [0, -0.5 - 0.75, 0, -0.875 - 0.9375])
    jax.tree.map(np.testing.assert_array_equal, trained[0], start[0])
    assert trained[1][1] is None
