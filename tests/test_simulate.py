import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax import simulate
from erbp_jax.chain import sequential
from erbp_jax.connections import Dense
from erbp_jax.encoding import Regular
from erbp_jax.neurons import LIF
from erbp_jax.tasks.decisions import decide


def test_streaming_tick_by_tick_equals_a_run(key):
    network = sequential(Dense(6, 4, 5.0), LIF())
    params, encoder = network.init(key), Regular(0.7)
    image = jax.random.randint(key, (2, 6), 0, 256).astype(jnp.uint8)
    keys = jax.random.split(key, 2)
    whole = simulate.run(network, encoder, params, image, keys, steps=10)[1]
    state = simulate.start(network, encoder, image, keys)
    tick = jax.jit(lambda s: simulate.run(network, encoder, params, image, keys, steps=1, state=s))
    for t in range(10):
        state, out = tick(state)
        np.testing.assert_array_equal(out[0], whole[t])
    assert int(state.tick) == 10
    assert whole.sum() > 0


def test_one_step_is_a_block_of_one_tick(key):
    network = sequential(Dense(6, 4, 5.0), LIF())
    params = network.init(key)
    spikes, keys = jnp.ones((3, 6)), jax.random.split(key, 3)
    state, trace = network.step(params, network.init_state(3), spikes, key=keys)
    block_state, block = network.advance(params, network.init_state(3), spikes[None], key=keys[None])
    np.testing.assert_array_equal(trace.populations[0].current, block.populations[0].current[0])
    jax.tree.map(np.testing.assert_array_equal, state, block_state)


def test_a_broken_block_is_refused():
    with pytest.raises(ValueError, match="not a whole number of blocks"):
        simulate.over_time(lambda c, t: (c, t), 0, start=0, steps=7, block=2)


def test_ties_and_silence_are_undecided():
    choice, decided = decide(jnp.array([[0.0, 0, 0], [3, 1, 3], [1, 5, 2]]))
    np.testing.assert_array_equal(decided, [False, False, True])
    assert int(choice[2]) == 1
