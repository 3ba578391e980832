"""What a neuron has to be: states that are any pytree, protocols for what only some callers need, clear errors."""

import doctest
import importlib
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.neurons import (
    LIF,
    Differentiable,
    DualCompartmentLIF,
    Firing,
    LeakyIF,
    MihalasNiebur,
    Neuron,
    Parametric,
    ParametricLIF,
    Rated,
    SecondOrderLIF,
    Static,
    Surrogate,
    Transfer,
    run_population,
    spike,
)
from erbp_jax.params import Params

MODELS = (
    LIF(), LeakyIF(), SecondOrderLIF(), DualCompartmentLIF(), MihalasNiebur(), Static(LIF()), ParametricLIF()
)  # fmt: skip


@pytest.mark.parametrize("module", ["base", "firing", "parametric"])
def test_the_examples_of_the_docstrings(module):
    failed, tried = doctest.testmod(importlib.import_module(f"erbp_jax.neurons.{module}"))
    assert tried > 0
    assert failed == 0


def test_who_can_do_what():
    for neuron in MODELS:
        assert all(isinstance(neuron, protocol) for protocol in (Neuron, Differentiable, Rated))
        assert isinstance(neuron, Parametric) == isinstance(neuron, ParametricLIF)
        assert isinstance(neuron, Transfer) == isinstance(neuron, LIF)


@dataclass(frozen=True)
class Tree:
    """Leaky integrators whose state is nested, has integers, axes in front of the neurons and behind, and a clock."""

    def init_state(self, shape, dtype=jnp.float32):
        zero = jnp.zeros(shape, dtype)
        return {
            "membrane": (zero, {"old": [jnp.zeros((3, *shape), dtype)]}),
            "history": jnp.zeros((*shape, 2), jnp.int32),
            "clock": jnp.int32(0),
            "nothing": (),
        }

    def step(self, state, current, *, key=None):
        del key
        v, old = state["membrane"]
        v = 0.8 * v + current + 0.01 * old["old"][0][2]
        spikes = (v > 1.0).astype(v.dtype)
        v = jnp.where(v > 1.0, 0.0, v)
        last = jnp.where(spikes > 0, state["clock"], state["history"][..., 1])
        return {
            "membrane": (v, {"old": [jnp.concatenate([v[None], old["old"][0][:-1]])]}),
            "history": jnp.stack([state["history"][..., 1], last], -1),
            "clock": state["clock"] + 1,
            "nothing": (),
        }, spikes


@dataclass(frozen=True)
class Bare:
    """The state is one array."""

    def init_state(self, shape, dtype=jnp.float32):
        return jnp.zeros(shape, dtype)

    def step(self, state, current, *, key=None):
        del key
        state = state + current
        spikes = jnp.floor(state)
        return state - spikes, spikes


@dataclass(frozen=True)
class Adaptive(Firing):
    """A threshold that rises with every spike and decays: what an author outside the package writes."""

    tau_mem: float = 8.0
    tau_threshold: float = 30.0
    rise: float = 0.4

    def init_state(self, shape, dtype=jnp.float32):
        rest, zero = self.rest(shape, dtype), jnp.zeros(shape, dtype)
        return {"membrane": rest, "held": zero, "raised": zero, "drive": rest - self.threshold}

    def step(self, state, current, *, key=None):
        v = self.add_noise(self.leak(self.tau_mem) * state["membrane"] + current, key)
        raised = self.leak(self.tau_threshold) * state["raised"]
        fired = self.fire(state["membrane"], v, state["held"], threshold=self.threshold + raised)
        raised = raised + self.rise * fired.spikes
        state = {"membrane": fired.membrane, "held": fired.refractory, "raised": raised, "drive": fired.drive}
        return state, fired.spikes


def tick_by_tick(neuron, current, steps, state=None, **others):
    def tick(carry, _):
        state, count = carry
        state, spikes = neuron.step(state, current, **others)
        return (state, count + spikes.astype(jnp.int32)), None

    state = neuron.init_state(current.shape) if state is None else state
    return jax.lax.scan(tick, (state, jnp.zeros(current.shape, jnp.int32)), None, length=steps)[0]


@pytest.mark.parametrize("n", [1, 2, 23, 24])
@pytest.mark.parametrize("neuron", [Tree(), Bare(), Adaptive()], ids=["nested", "an array", "a dictionary"])
def test_tiles_of_any_state_equal_the_whole(neuron, n):
    current = jnp.asarray(np.random.default_rng(n).uniform(0.1, 0.5, n), jnp.float32)
    want, count = jax.jit(lambda c: tick_by_tick(neuron, c, 40))(current)
    state, early = run_population(neuron, current, steps=15, tile=8)
    state, late = run_population(neuron, current, steps=25, state=state, tile=5)
    assert count.sum() > 0
    np.testing.assert_array_equal(early + late, count)
    assert jax.tree.structure(state) == jax.tree.structure(want)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5), state, want)
    jax.tree.map(lambda x, y: np.testing.assert_equal((x.shape, x.dtype), (y.shape, y.dtype)), state, want)


@pytest.mark.parametrize(("reset", "refractory"), [("value", 0), ("value", 2), ("subtract", 1), ("none", 3)])
def test_a_moving_threshold_equals_its_loop(reset, refractory):
    neuron = Adaptive(reset=reset, refractory=refractory, v_reset=-0.3)
    current = np.random.default_rng(4).normal(0.5, 0.5, 300)
    with jax.enable_x64():
        state, got = neuron.init_state((1,), jnp.float64), []
        step = jax.jit(neuron.step)
        for c in current:
            state, spikes = step(state, jnp.full(1, c))
            got.append([float(x[0]) for x in (spikes, state["membrane"], state["raised"], state["drive"])])
    v, raised, held, want = -0.3 if reset == "value" else 0.0, 0.0, 0, []
    for c in current:
        integrated, raised, spikes = np.exp(-1 / 8) * v + c, np.exp(-1 / 30) * raised, 0
        if held:
            held, drive = held - 1, v - 1 - raised
        else:
            v, drive = integrated, integrated - 1 - raised
            if drive > 0:
                v, spikes, held = {"value": -0.3, "subtract": drive, "none": v}[reset], 1, refractory
        raised += 0.4 * spikes
        want.append([spikes, v, raised, drive])
    got, want = np.array(got), np.array(want)
    assert want[:, 0].sum() > 10
    np.testing.assert_array_equal(got[:, 0], want[:, 0])
    np.testing.assert_allclose(got, want, atol=1e-12)


@pytest.mark.parametrize("neuron", [LIF(), LeakyIF(), MihalasNiebur(), Adaptive()], ids=lambda n: n)
def test_a_gradient_through_a_bare_threshold_is_an_error(neuron):
    state, current = neuron.init_state((3,)), jnp.ones(3)

    def fired(current):
        return neuron.step(state, current)[1].sum()

    words = r"neuron\.with_surrogate\(Surrogate\(\)\), or train by BackProp"
    for differentiate in (jax.grad, lambda f: jax.jit(jax.grad(f)), jax.jacfwd):
        with pytest.raises(ValueError, match=words):
            differentiate(fired)(current)
    with pytest.raises(ValueError, match=words):
        jax.grad(lambda c: tick_by_tick(neuron, c, 4)[1].astype(jnp.float32).sum())(current)
    neuron = neuron.with_surrogate(Surrogate())
    assert np.isfinite(jax.grad(fired)(current)).all()


def test_spikes_may_be_constants_of_a_gradient():
    """What a rule stops before the threshold needs no derivative, nor does a vmap or a jit without differentiation."""
    x = jnp.array([-1.0, 2.0])
    slope = jax.grad(lambda x: (x * spike(jax.lax.stop_gradient(x))).sum())(x)
    np.testing.assert_array_equal(slope, [0.0, 1.0])
    np.testing.assert_array_equal(jax.jit(jax.vmap(spike))(x), [0.0, 1.0])


def test_parameters_are_two_parts():
    params = Params({"a": jnp.ones(2)})
    assert params.fixed == ()
    assert len(jax.tree.leaves(params)) == 1


def test_a_neuron_without_parameters_takes_none():
    with pytest.raises(ValueError, match="run_population: LIF has no trainable parameters"):
        run_population(LIF(), jnp.ones(3), steps=1, params=Params({}))
