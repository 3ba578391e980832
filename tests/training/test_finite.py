"""States that become NaN or infinite while weights stay finite."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from erbp_jax.chain import sequential
from erbp_jax.connections import Dense
from erbp_jax.encoding import LabelNeurons, Regular
from erbp_jax.learning import ERBP, BackProp, Boxcar, RandomFeedback
from erbp_jax.neurons import LIF, LeakyIF
from erbp_jax.training import engine, testing
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.transforms import Optimizers

RULES = {
    "erbp": ERBP(LabelNeurons(3, 2), (Boxcar(-5, 5),) * 2, (RandomFeedback(),)),
    "bp": BackProp(),
}


def experiment(neuron=LIF(), rule="erbp", gain=4.0, carried=False):  # noqa: B008 (frozen)
    network = sequential(Dense(12, 9, 4.0), neuron, Dense(9, 3, gain), neuron)
    burn_in = 4 if rule == "erbp" else 0
    return Experiment(network, Regular(0.6), RULES[rule], 12, 12, 2, 8, 5, burn_in, reset_state=not carried)


def sgd():
    return Optimizers(optax.sgd(0.01), optax.sgd(0.01))


def trained(e, learner=None):
    images, labels = jax.random.randint(jax.random.key(0), (24, 12), 50, 256).astype(jnp.uint8), jnp.arange(24) % 3
    optimizer = sgd()
    learner = engine.init(e, optimizer, jnp.uint32(0)) if learner is None else learner
    zero = jnp.int32(0)
    learner = jax.jit(lambda l: engine.train(e, optimizer, l, images, labels, zero, zero, jnp.int32(3)))(learner)
    result = jax.jit(lambda l: testing.test(e, jnp.uint32(0), l.weights, images, labels, zero))(learner)
    return learner, result


@pytest.mark.parametrize("rule", RULES)
def test_a_healthy_run_loses_nothing(rule):
    learner, result = trained(experiment(rule=rule))
    np.testing.assert_array_equal(learner.counters.values().lost, [0, 0])
    assert np.all(result.finite)


@pytest.mark.parametrize("neuron", [LIF(), LeakyIF(4.0)], ids=["lif", "leaky"])
def test_samples_are_counted_where_currents_overflow(neuron):
    """`network.init_gain=1e38`: finite weights, infinite currents of either sign, 100 % error and no word."""
    e = experiment(neuron)
    healthy = engine.init(e, sgd(), jnp.uint32(0))
    first, second = healthy.params.projections
    huge = {"weight": jnp.full_like(second["weight"], 3e38) * jnp.asarray([[1.0, -1.0, 1.0]])}
    params = healthy.params._replace(projections=(first, huge))
    learner, result = trained(e, replace(healthy, params=params))
    assert all(np.isfinite(w["weight"]).all() for w in learner.params.projections)
    lost = learner.counters.values().lost
    assert lost[0] == 0  # the first layer is well
    assert lost[1] > 0
    assert not np.all(result.finite)


def test_the_count_goes_on_over_batches_and_starts_anew():
    e = experiment()
    healthy = engine.init(e, sgd(), jnp.uint32(0))
    huge = jax.tree.map(lambda w: jnp.full_like(w, 3e38), healthy.params)
    learner, result = trained(e, replace(healthy, params=huge))
    np.testing.assert_array_equal(learner.counters.values().lost, [24, 24])
    assert not np.any(result.finite)
    assert not jax.tree.map(jnp.zeros_like, learner.counters).values().lost.any()
