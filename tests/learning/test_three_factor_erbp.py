"""eRBP as a member of the three-factor family makes the updates of `ERBP`, bit for bit, and trains the same network."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from erbp_jax.config.build import Experiment
from erbp_jax.connections import Dense
from erbp_jax.encoding import LabelNeurons, Regular
from erbp_jax.learning import ERBP, Boxcar, LocalReadout, RandomFeedback
from erbp_jax.learning.three_factor import erbp
from erbp_jax.network import Layer, Network
from erbp_jax.neurons import LIF
from erbp_jax.training import engine

RULE = ERBP(LabelNeurons(3, 2), (Boxcar(-5, 5), Boxcar(-6, 4)), (RandomFeedback(2.0),), output_scale=0.5, burn_in=4)
NETWORK = Network(tuple(Layer(Dense(i, o, 4.0), LIF()) for i, o in ((12, 9), (9, 3))))


@pytest.mark.parametrize("ticks", [1, 5])
def test_the_member_makes_the_same_updates(key, ticks):
    member = erbp(RULE)
    params, fixed = NETWORK.init(key), RULE.init(NETWORK, key)
    jax.tree.map(np.testing.assert_array_equal, fixed, member.init(NETWORK, key))
    assert [g.shape for g in member.to_hidden(NETWORK, params, fixed)] == [(3, 9)]
    target = jnp.arange(4) % 3

    @jax.jit
    def both(state, a, b, first):
        spikes = (jax.random.uniform(jax.random.fold_in(key, first), (ticks, 4, 12)) < 0.5).astype(jnp.float32)
        keys = jax.random.split(key, (ticks, 4))
        state, trace = NETWORK.advance(params, state, spikes, key=keys)
        at = first + jnp.arange(ticks)
        return state, RULE.step(NETWORK, fixed, a, trace, target, at), member.step(NETWORK, fixed, b, trace, target, at)

    state, a, b = NETWORK.init_state(4), RULE.init_state(NETWORK, 4), member.init_state(NETWORK, 4)
    moved = 0.0
    for first in range(0, 20, ticks):
        state, (a, want, errors, _), (b, got, count, _) = both(state, a, b, first)
        jax.tree.map(np.testing.assert_array_equal, got, want)
        jax.tree.map(np.testing.assert_array_equal, errors, count)
        moved += sum(float(jnp.abs(x["weight"]).sum()) for x in want)
    assert moved > 1.0


def test_the_trainer_cannot_tell_them_apart(key):
    images = jax.random.randint(key, (16, 12), 0, 256).astype(jnp.uint8)
    optimizer = optax.sgd(0.02)
    ends, labels = [], jnp.arange(16) % 3
    for rule in (RULE, erbp(RULE)):
        e = Experiment(NETWORK, Regular(0.6), rule, 12, 12, 2, 4, 4)
        learner = engine.init(e, optimizer, jnp.uint32(0))
        go = jax.jit(lambda l, e=e: engine.train(e, optimizer, l, images, labels, *map(jnp.int32, (1, 0, 4))))
        ends.append(go(learner))
    jax.tree.map(np.testing.assert_array_equal, ends[0].params, ends[1].params)
    assert ends[0].tally.values().error_spikes == ends[1].tally.values().error_spikes > 0
    label_and_error = [end.tally.values().events[-2:] for end in ends]
    np.testing.assert_array_equal(*label_and_error)
    assert (label_and_error[0] > 0).all()


def test_what_is_no_product_of_factors_is_refused():
    with pytest.raises(ValueError, match="blank_out_gates_learning"):
        erbp(ERBP(LabelNeurons(3, 2), (Boxcar(),), (), blank_out_gates_learning=True))
    with pytest.raises(ValueError, match="no local errors"):
        erbp(replace(RULE, local=(LocalReadout(),)))
