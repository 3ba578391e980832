"""eRBP put together from the parts of the three-factor family makes the updates of `ERBP`, bit for bit."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from erbp_jax.chain import sequential
from erbp_jax.connections import Dense
from erbp_jax.counting import wide, wide_product
from erbp_jax.encoding import LabelNeurons, Regular
from erbp_jax.learning import ERBP, Boxcar, RandomFeedback
from erbp_jax.learning.base import ErrorSpikes, Given
from erbp_jax.learning.three_factor import Gate, Modulation, Modulator, Spike, Term, ThreeFactor
from erbp_jax.neurons import LIF
from erbp_jax.training import engine
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.transforms import Optimizers

RULE = ERBP(LabelNeurons(3, 2), (Boxcar(-5, 5), Boxcar(-6, 4)), (RandomFeedback(2.0),), output_scale=0.5)
NETWORK = sequential(*((Dense(i, o, 4.0), LIF()) for i, o in ((12, 9), (9, 3))))


@dataclass(frozen=True)
class DendriticError(Modulator):
    """The dendritic potentials U of eRBP: leaky integrals of error spikes through fixed random weights."""

    rule: ERBP

    def init(self, network, key):
        return self.rule.init(network, key)

    def init_state(self, network, batch):
        rest = self.rule.rest(network, batch)
        return rest.error, rest.dendrites

    def over(self, network, rule_params, state, trace, given):
        output = network.output_spikes(trace)
        label = jax.vmap(lambda t: self.rule.label.spikes(t, given.target))(given.ticks)

        def tick(carry, inputs):
            error, dendrites = carry
            error, (positive, negative) = self.rule.error.step(error, *inputs)
            fed = [(positive - negative) @ weights for weights in rule_params.fixed]
            dendrites = tuple(self.rule.dendrite.step(u, x)[0] for u, x in zip(dendrites, fed, strict=True))
            return (error, dendrites), (dendrites, (positive + negative).sum(-1))

        state, (potentials, spikes) = jax.lax.scan(tick, state, (label, output), unroll=True)
        spikes = spikes.astype(jnp.int32)
        everywhere, both = self.rule.error_fan_out(network)[-1], 2 * label.shape[-1]
        reached = wide_product(spikes, everywhere, both * everywhere)
        incoming = wide(2 * (label + output).sum(-1, dtype=jnp.int32))
        return state, Modulation(potentials, ErrorSpikes(spikes, incoming, reached))


MEMBER = ThreeFactor(tuple((Term(Spike(), Gate(gate)),) for gate in RULE.gates), DendriticError(RULE))


@pytest.mark.parametrize("ticks", [1, 5])
def test_the_member_makes_the_same_updates(key, ticks):
    params, rule_params = NETWORK.init(key), RULE.init(NETWORK, key)
    jax.tree.map(np.testing.assert_array_equal, rule_params, MEMBER.init(NETWORK, key))

    @jax.jit
    def both(state, a, b, first):
        spikes = (jax.random.uniform(jax.random.fold_in(key, first), (ticks, 4, 12)) < 0.5).astype(jnp.float32)
        given = Given(spikes, jnp.arange(4) % 3, first + jnp.arange(ticks), jax.random.split(key, (ticks, 4)))
        state, trace = NETWORK.advance(params, state, spikes, key=given.key)
        made = (rule.step(NETWORK, params, rule_params, own, trace, given) for rule, own in ((RULE, a), (MEMBER, b)))
        return state, *made

    state, a, b = NETWORK.init_state(4), RULE.rest(NETWORK, 4), MEMBER.rest(NETWORK, 4)
    moved = 0.0
    for first in range(0, 20, ticks):
        state, (a, want, errors, _), (b, got, count, _) = both(state, a, b, first)
        jax.tree.map(np.testing.assert_array_equal, got, want)
        jax.tree.map(np.testing.assert_array_equal, errors, count)
        moved += sum(float(jnp.abs(x["weight"]).sum()) for x in want)
    assert moved > 1.0


def test_the_trainer_cannot_tell_them_apart(key):
    images = jax.random.randint(key, (16, 12), 0, 256).astype(jnp.uint8)
    optimizers = Optimizers(optax.sgd(0.02), optax.sgd(0.02))
    ends, labels = [], jnp.arange(16) % 3
    for rule in (RULE, MEMBER):
        e = Experiment(NETWORK, Regular(0.6), rule, 12, 12, 2, 4, 4, burn_in=4)
        learner = engine.init(e, optimizers, jnp.uint32(0))
        go = jax.jit(lambda l, e=e: engine.train(e, optimizers, l, images, labels, *map(jnp.int32, (1, 0, 4))))
        ends.append(go(learner))
    jax.tree.map(np.testing.assert_array_equal, ends[0].params, ends[1].params)
    assert ends[0].counters.values().error_spikes == ends[1].counters.values().error_spikes > 0
    label_and_error = [end.counters.values().events[-2:] for end in ends]
    np.testing.assert_array_equal(*label_and_error)
    assert (label_and_error[0] > 0).all()
