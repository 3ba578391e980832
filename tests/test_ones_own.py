"""A rule and a neuron of one's own, a dozen lines each, learn real digits; any optax chain steps any rule."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import erbp_jax as ej
from erbp_jax import data
from erbp_jax.kernels import Exponential
from erbp_jax.learning import ErrorSpikes, Given, plasticity
from erbp_jax.learning.three_factor import ForwardTableSTDP, ThreeFactor, mstdpet, pair_stdp
from erbp_jax.random import split
from erbp_jax.trace import Tree
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.learn import Learning, learn, start
from erbp_jax.training.sweep import sweep
from erbp_jax.training.transforms import Optimizers


class State(NamedTuple):
    synaptic: jax.Array
    above: jax.Array  # of the threshold, over 1


@dataclass(frozen=True)
class AdaptiveThreshold:
    """Every spike raises the threshold, which falls back."""

    keep: float = 0.8
    jump: float = 0.3

    def init_state(self, shape, dtype=jnp.float32):
        return State(jnp.zeros(shape, dtype), jnp.zeros(shape, dtype))

    def step(self, state, current, *, key=None):
        del key
        spikes = (current > 1.0 + state.above).astype(current.dtype)
        return State(current, self.keep * state.above + self.jump * spikes), spikes


@dataclass(frozen=True)
class Delta(ej.LocalRule):
    """Label minus output spikes, through random feedback where a population is not the output."""

    classes: int = 10

    def init(self, network, key):
        drawn = (
            jax.random.normal(jax.random.fold_in(key, i), (self.classes, p.size)) for i, p in enumerate(network.hidden)
        )
        return ej.Params((), (*drawn, jnp.eye(self.classes)))

    def step(self, network, params, rule_params, state, trace, given):
        error = jax.nn.one_hot(given.target, self.classes)[None] - network.output_spikes(trace)
        post = dict(zip(network.names, (error @ g for g in rule_params.fixed), strict=True))
        updates = (plasticity(network, params, trace, j, -post[p.target]) for j, p in enumerate(network.projections))
        return ej.Step(state, tuple(updates), ErrorSpikes.none(*error.shape[:2]))


def error_after(network, rule, rate, epochs=3):
    """Test error in percent on the 8 x 8 digits."""
    shown = data.load("digits")
    experiment = Experiment(network, ej.Regular(0.5), rule, 20, 20, 5, 20, 300)
    made = sweep(
        experiment, lambda rate: Optimizers(optax.sgd(rate), optax.identity()), [rate], [0],
        (shown.train.x, shown.train.y), (shown.test.x, shown.test.y), epochs=epochs,
    )  # fmt: skip
    assert not made.diverged.any()
    return float(made.test_error[0, 0, -1])


def test_a_neuron_of_ones_own_learns_digits():
    network = ej.sequential(ej.Dense(64, 60, 4.0), AdaptiveThreshold(), ej.Dense(60, 10, 4.0), AdaptiveThreshold())
    assert error_after(network, ej.ERBP(ej.LabelNeurons(10, 1), feedback=ej.RandomFeedback(30.0)), 1e-3) < 20


def test_a_rule_of_ones_own_learns_digits():
    neuron = ej.LIF(tau_mem=0.0, tau_syn=0.5, refractory=0)
    network = ej.sequential(ej.Dense(64, 60, 4.0), neuron, ej.Dense(60, 10, 4.0), neuron)
    assert error_after(network, Delta(), 1e-3) < 20


NETWORK = ej.Network(
    {"hidden": ej.ParametricLIF(), "output": ej.LIF()},
    (
        ej.Projection("input", "hidden", ej.Dense(12, 8, 8.0)),
        ej.Projection("hidden", "hidden", ej.Dense(8, 8, 2.0), delay=1),
        ej.Projection("hidden", "output", ej.Dense(8, 3, 8.0)),
    ),
)
KERNEL = Exponential(5.0, 5.0, 1.0, -0.5, 12)
RULES = {
    "eRBP": ej.ERBP(ej.LabelNeurons(3, 2)),
    "learned readouts": ej.ERBP(ej.LabelNeurons(3, 2), local=(ej.LearnedReadout(),)),
    "BP": ej.BackProp(ej.Surrogate("fast_sigmoid")),
    "RBP": ej.BackProp(ej.Surrogate("fast_sigmoid"), wiring=ej.Direct()),
    "STDP": ThreeFactor((pair_stdp(KERNEL),)),
    "MSTDPET": mstdpet(ej.ClassReward()),
    "forward table": ForwardTableSTDP(KERNEL),
    "own": Delta(3),
}


@pytest.mark.parametrize("name", RULES)
def test_any_optax_chain_on_any_rule(key, name):
    rule, params = RULES[name], NETWORK.init(key)
    labels = Tree(("fast", "frozen", "slow"), ("fast", "frozen"))
    optimizer = optax.chain(
        optax.clip_by_global_norm(10.0),
        optax.masked(optax.scale_by_adam(), Tree((True, True, False), (True, True))),
        optax.multi_transform(
            {
                "fast": optax.sgd(0.1),
                "slow": optax.sgd(optax.exponential_decay(0.01, 10, 0.5)),
                "frozen": optax.set_to_zero(),
            },
            labels,
        ),
    )  # fmt: skip
    learning = Learning(NETWORK, rule, optimizer, optax.sgd(1e-2))
    stream = start(learning, params, rule.init(NETWORK, key), batch=2)
    spikes = jax.random.bernoulli(key, 0.4, (20, 2, 12)).astype(jnp.float32)
    after, out = learn(learning, stream, spikes, jnp.array([0, 1]), key=split(key, 2), block=5)
    assert out.sum() > 0
    moved = [
        float(jnp.abs(a["weight"] - b["weight"]).max())
        for a, b in zip(after.params.trained.projections, params.trained.projections, strict=True)
    ]
    assert moved[0] > 0
    assert moved[1] == 0
    assert moved[2] > 0
    constants = [
        np.abs(np.asarray(a) - b).max()
        for a, b in zip(
            *map(jax.tree.leaves, (after.params.trained.populations, params.trained.populations)), strict=True
        )
    ]
    assert (max(constants) > 0) == (name in ("BP", "RBP"))  # local rules leave time constants alone


def test_the_sign_of_a_local_update_is_that_of_a_gradient(key):
    """Optimisers step against it: label spikes that the output does not match make its weights grow."""
    rule, params = ej.ERBP(ej.LabelNeurons(3, 1)), NETWORK.init(key)
    given = Given(jnp.ones((6, 1, 12)), jnp.array([2]), jnp.arange(6, dtype=jnp.int32), split(key, (6, 1)))
    silent = params._replace(trained=jax.tree.map(jnp.zeros_like, params.trained))
    rule_params = rule.init(NETWORK, key)
    made = rule.block(NETWORK, silent, rule_params, rule.init_state(NETWORK, 1), given)
    assert NETWORK.output_spikes(made.trace).sum() == 0
    hidden = made.update.projections[0]["weight"]  # input spikes, feedback of E+ of class 2
    assert (jnp.sign(hidden[0]) == -jnp.sign(rule_params.fixed[0][2])).all()


@dataclass(frozen=True)
class Wrong:
    """A neuron whose step breaks the contract in one way."""

    how: str

    def init_state(self, shape, dtype=jnp.float32):
        return {"v": jnp.zeros(shape[-1:] if self.how == "batch" else shape, dtype)}

    def step(self, state, current, *, key=None):
        del key
        v = jnp.broadcast_to(state["v"], current.shape) + current
        spikes = (v > 1.0).astype(current.dtype)
        return {
            "batch": ({"v": v}, spikes),
            "field": ({"v": v, "more": v}, spikes),
            "type": ({"v": v.astype(jnp.bfloat16)}, spikes),
            "spikes": ({"v": v}, spikes.sum(-1)),
            "alone": {"v": v},
        }[self.how]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("batch", r"a state like the one it is given.*'float32\[10\]'\}, got \{'v': 'float32\[5, 10\]'\}"),
        ("field", r"a state like the one it is given.*got \{'more': "),
        ("type", r"a state like the one it is given.*got \{'v': 'bfloat16"),
        ("spikes", r"spikes of the shape of its current, \[5, 10\], got \[5\]"),
        ("alone", r"must return \(state, spikes\), got dict"),
    ],
)
def test_a_neuron_that_breaks_the_contract_is_named(how, said):
    """In place of what a scan says of its carry."""

    @ej.local_rule(feedback=ej.RandomFeedback(1.0), burn_in=0)
    def rule(pre, post, error):
        del pre, post
        return error

    data = np.random.default_rng(0).random((20, 8)), np.arange(20) % 3
    network = ej.mlp(8, 10, 3, neuron=Wrong(how))
    with pytest.raises(ej.UserError, match=f"population 'hidden1', Wrong: step .*{said}"):
        ej.fit(network, rule, data, epochs=1, batch_size=5, progress=False)


def test_a_state_of_a_python_number_takes_the_type_of_what_comes():
    """As a scan has it; and a step may return a list."""

    @dataclass(frozen=True)
    class Halving:
        def init_state(self, shape, dtype=jnp.float32):
            del dtype
            return (jnp.full(shape, 0),)

        def step(self, state, current, *, key=None):
            del key
            v = state[0] * 0.5 + current
            return [(v,), (v > 1.0).astype(current.dtype)]

    network = ej.mlp(2, 3, neuron=Halving())
    seen = ej.record(network, network.init(jax.random.key(0)), np.ones((2, 2)), steps=5)
    assert seen.state["output"][0].dtype == np.float32
