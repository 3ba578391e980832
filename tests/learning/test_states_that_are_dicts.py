"""A neuron whose state is a dict is seen by rules, tasks and the diagnosis as one whose state has fields."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax.neurons import LIFState

DATA = ej.data.load("digits").subset(60, 40)


@dataclass(frozen=True)
class Dicted:
    """A LIF neuron with its state in a dict."""

    lif: ej.LIF = ej.LIF(tau_mem=5.0, tau_syn=4.0, refractory=0)
    max_rate = 1.0
    threshold = 1.0

    def init_state(self, shape, dtype=jnp.float32):
        return self.lif.init_state(shape, dtype)._asdict()

    def step(self, state, current, *, key=None):
        state, spikes = self.lif.step(LIFState(**state), current, key=key)
        return state._asdict(), spikes


def network(neuron):
    return ej.sequential(ej.Dense(64, 12, 4.0), neuron, ej.Dense(12, 10, 4.0), neuron)


@ej.local_rule
def of_the_current(pre, post, error):
    del pre
    return jnp.where(jnp.abs(post.current) < 2.0, error, 0.0)


RULES = {"eRBP, counts": (ej.ERBP(ej.LabelNeurons(10)), "count"), "current": (of_the_current, "current"),
         "membrane": (of_the_current, "membrane")}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_it_learns_answers_and_is_diagnosed_alike(name):
    rule, by = RULES[name]
    one, other = (
        ej.fit(
            network(neuron), rule, DATA, epochs=1, steps=20, burn_in=0, update_every=5, learning_rate=1e-3,
            task=ej.Classification(by=by), progress=False,
        )
        for neuron in (Dicted(), Dicted().lif)
    )  # fmt: skip
    for a, b in zip(*(jax.tree.leaves(m.params.trained) for m in (one, other)), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.predict(DATA.test.x), other.predict(DATA.test.x))
    assert ej.diagnose(one, DATA).populations == ej.diagnose(other, DATA).populations
