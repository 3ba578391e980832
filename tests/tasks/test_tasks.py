"""Every task against a loop over its equation, and that it does not depend on the length of a block."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax import record
from erbp_jax.chain import sequential
from erbp_jax.connections import Dense
from erbp_jax.encoding import Frames
from erbp_jax.neurons import LIF
from erbp_jax.tasks import Choice, Classification, Regression
from erbp_jax.trace import PopulationTrace, Trace
from tests.bare import Threshold

T, B, K = 24, 5, 3
DRAW = np.random.default_rng(0)
NETWORK = sequential(Dense(4, K), LIF())
SPIKES = (DRAW.random((T, B, K)) < 0.1).astype(np.float32)
SPIKES[:, 0] = 0  # silence
MEMBRANE = DRAW.normal(size=(T, B, K)).astype(np.float32)
CURRENT = DRAW.integers(-8, 8, size=(T, B, K)).astype(np.float32)  # sums of whole numbers are exact in any order
LABELS = np.asarray([0, 1, 2, 0, 1], np.int32)
CURVES = DRAW.random((B, T, K)).astype(np.float32)


def watched(task, target, block):
    """The task's state after all ticks, in blocks."""
    rest = LIF().init_state((T, B, K))
    state = task.init_state(NETWORK, B)
    for t in range(0, T, block):
        part = slice(t, t + block)
        seen = rest._replace(membrane=0.0 * MEMBRANE, drive=jnp.asarray(MEMBRANE), synaptic=jnp.asarray(CURRENT))
        whole = PopulationTrace(jnp.zeros((T, B, K)), seen, jnp.asarray(SPIKES))
        population = jax.tree.map(lambda x, p=part: x[p], whole)
        trace = Trace((jnp.zeros((block, B, 4)),), ((),), (population,))
        state = task.observe(NETWORK, state, trace, jnp.asarray(target), jnp.arange(t, t + block))
    return state


def by_loop(values, reverse=False):
    """The class alone at the top, or None."""
    best = min(values) if reverse else max(values)
    return [k for k in range(K) if values[k] == best] if best not in (None,) else []


@pytest.mark.parametrize("by", ["count", "first", "membrane", "current"])
def test_classes(by):
    want = []
    for b in range(B):
        if by == "count":
            top = by_loop(SPIKES[:, b].sum(0).tolist())
        elif by == "membrane":
            top = by_loop(MEMBRANE[:, b].max(0).tolist())
        elif by == "current":
            top = by_loop(CURRENT[:, b].sum(0).tolist())
        else:
            first = [min([t for t in range(T) if SPIKES[t, b, k]], default=T) for k in range(K)]
            top = by_loop(first, reverse=True) if min(first) < T else []
        want.append(top[0] if len(top) == 1 else -1)
    task = Classification(by)
    for block in (1, 8, 24):
        state = watched(task, LABELS, block)
        np.testing.assert_array_equal(task.answer(state), want)
        scores = task.score(state, jnp.asarray(LABELS))
        np.testing.assert_array_equal(scores["undecided"], np.asarray(want) == -1)
        np.testing.assert_array_equal(scores["error"], np.asarray(want) != LABELS)
    assert by in ("membrane", "current") or want[0] == -1
    assert any(w >= 0 for w in want)


def test_a_refractory_period_does_not_change_a_decision_by_currents():
    """A neuron that fires most is mostly held at its reset; a sum of potentials would rank it last."""
    shown, task, answers, fired = DRAW.random((B, 4)), Classification("current"), [], []
    for refractory in (0, 3):
        network = sequential(Dense(4, K), LIF(refractory=refractory))
        seen = record(network, network.init(jax.random.key(0)), shown, steps=T)
        whole = PopulationTrace(seen.current["output"], seen.state["output"], jnp.asarray(seen.spikes["output"]))
        trace = Trace((jnp.asarray(seen.spikes["input"]),), ((),), (jax.tree.map(jnp.asarray, whole),))
        state = task.observe(network, task.init_state(network, B), trace, None, jnp.arange(T))
        answers.append(task.answer(state).tolist())
        fired.append(seen.spikes["output"].sum())
    assert fired[0] > fired[1] > 0
    assert answers[0] == answers[1]
    assert len(set(answers[0]) - {-1}) > 1


@dataclass(frozen=True)
class Potential:
    """A neuron of one's own that keeps its membrane alone."""

    def init_state(self, shape, dtype=jnp.float32):
        return PotentialState(jnp.zeros(shape, dtype))

    def step(self, state, current, *, key=None):
        del key
        membrane = 0.9 * state.membrane + current
        return PotentialState(membrane), (membrane > 1.0).astype(current.dtype)


class PotentialState(NamedTuple):
    membrane: jax.Array


@pytest.mark.parametrize("neuron", [LIF(tau_mem=5.0, refractory=0), Potential()])
def test_the_highest_potential_is_that_before_the_reset(neuron):
    """The output that fires is reset in the tick of its highest potential; another that never fires stays below it."""
    network = sequential(Dense(2, 2), neuron)
    drawn = network.init(jax.random.key(0))
    params = drawn._replace(trained=jax.tree.map(lambda _: jnp.diag(jnp.array([1.0, 0.05])), drawn.trained))
    task, keys = Classification("membrane"), jax.random.split(jax.random.key(1), (T, 1))
    _, trace = network.advance(params, network.init_state(1), jnp.ones((T, 1, 2)), key=keys)
    spikes = trace.populations[0].spikes.sum((0, 1))
    assert spikes[0] > 0 == spikes[1]
    assert task.answer(task.observe(network, task.init_state(network, 1), trace, None, jnp.arange(T))) == 0


def test_an_output_without_what_is_read_is_refused():
    network = sequential(Dense(4, K), LIF())
    stateless = replace(network, populations=(replace(network.populations[0], neuron=Threshold()),))
    for by, field in (("membrane", "membrane"), ("current", "synaptic")):
        with pytest.raises(ValueError, match=f"Classification by {by}: .* has no field `{field}`"):
            Classification(by).init_state(stateless, B)


def test_curves():
    tau, variance = 5.0, 0.3
    keep = np.exp(-1 / tau)
    want = []
    for b in range(B):
        output, wanted, error = np.zeros(K), np.zeros(K), 0.0
        for t in range(T):
            output = keep * output + (1 - keep) * SPIKES[t, b]
            wanted = keep * wanted + (1 - keep) * CURVES[b, t]
            error += np.mean((output - wanted) ** 2)
        want.append(error / T / variance)
    task = Regression(tau, variance)
    for block in (1, 8, 24):
        np.testing.assert_allclose(task.score(watched(task, CURVES, block), None)["nmse"], want, rtol=1e-5)
    with pytest.raises(ValueError, match="tau and variance must be > 0"):
        Regression(0.0)


def test_a_choice_and_what_it_brings():
    task, payoff = Choice(nothing=-1.0), DRAW.random((B, K)).astype(np.float32)
    state = watched(task, payoff, 8)
    scores = task.score(state, jnp.asarray(payoff))
    for b, count in enumerate(SPIKES.sum(0)):
        top = by_loop(count.tolist())
        want = payoff[b, top[0]] if len(top) == 1 else -1.0
        assert scores["reward"][b] == np.float32(want)
        np.testing.assert_allclose(scores["regret"][b], payoff[b].max() - want, rtol=1e-6)
    with pytest.raises(ValueError, match=r"the reward of each choice, \[5, 3\], got \[5\]"):
        task.score(state, jnp.asarray(LABELS))


def test_given_trains_are_taken_as_they_are():
    given = (DRAW.random((B, 6, 4)) < 0.5).astype(np.uint8)
    keys = jax.random.split(jax.random.key(0), B)
    frames = Frames()
    state = frames.init_state(given, keys)
    _, spikes = frames(state, jnp.asarray(given), jnp.arange(2, 8), keys[None])
    np.testing.assert_array_equal(spikes[:4], given.transpose(1, 0, 2)[2:])
    assert not spikes[4:].any()  # they have ended
    with pytest.raises(ValueError, match=r"must be spikes \[B, T, I\]"):
        frames.init_state(given[:, 0], keys)
