"""Networks and rules as nnx modules, and nnx modules as connections: the numbers of the functional form."""

import doctest
import importlib
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import erbp_jax as ej
from erbp_jax import data
from erbp_jax.connections import Arrived
from erbp_jax.counting import wide_value
from erbp_jax.learning.three_factor import mstdpet
from erbp_jax.random import fold_each, split
from erbp_jax.simulate import encode
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.learn import Learning, learn, start
from erbp_jax.training.sweep import sweep
from erbp_jax.training.transforms import Optimizers, stepped

TICKS, BLOCK, BATCH = 6, 3, 20
RECURRENT = ej.Network(
    {"hidden": ej.ParametricLIF(), "output": ej.LIF()},
    (
        ej.Projection("input", "hidden", ej.Sparse(64, 12, fan_in=20, gain=8.0)),
        ej.Projection("hidden", "hidden", ej.Delayed(ej.Dense(12, 12, 2.0), (0, 2)), delay=1, plastic=False),
        ej.Projection("hidden", "output", ej.Dense(12, 10, 8.0)),
    ),
)
CHAIN = ej.sequential(ej.Dense(64, 30, 10.0), ej.LIF(), ej.Dense(30, 10, 10.0), ej.LIF())
RULES = {
    "eRBP": ej.ERBP(ej.LabelNeurons(10)),
    "learned readouts": ej.ERBP(ej.LabelNeurons(10), local=(ej.LearnedReadout(),)),
    "BP": ej.BackProp(),
    "RBP": ej.BackProp(wiring=ej.Direct()),
}


class FrontEnd(nnx.Module):
    def __init__(self, *, rngs):
        self.convs = nnx.List([nnx.Conv(1, 4, (3, 3), rngs=rngs), nnx.Conv(4, 8, (3, 3), strides=2, rngs=rngs)])
        self.norm = nnx.BatchNorm(8, use_running_average=True, rngs=rngs)

    def __call__(self, x):
        return 4.0 * nnx.relu(self.norm(self.convs[1](nnx.relu(self.convs[0](x)))))


FRONT = ej.nnx.FromModule(FrontEnd, (8, 8, 1))
FRONTED = ej.sequential(FRONT, ej.LIF(), ej.Dense(FRONT.outputs, 10, 10.0), ej.LIF())


@pytest.fixture(autouse=True)
def _others_promotion():
    """`nnx.Optimizer` and optax are written for JAX's own rules."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture(scope="module")
def digits():
    """Batches of images `[B, 64]` and labels `[B]`."""
    shown = data.load("digits")
    return [
        (jnp.asarray(shown.train.x[n : n + BATCH]), jnp.asarray(shown.train.y[n : n + BATCH]))
        for n in range(0, 3 * BATCH, BATCH)
    ]


def same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)
    assert jax.tree.structure(a) == jax.tree.structure(b)


def blocks(encoder, image, target, key, steps=TICKS, block=BLOCK):
    """The blocks of a presentation, each as what a rule is given."""
    source = encoder.init_state(image, fold_each(key, jnp.uint32(0)))
    for first in range(0, steps, block):
        ticks = first + jnp.arange(block, dtype=jnp.int32)
        source, spikes, tick_key = encode(encoder, source, image, key, ticks)
        yield ej.Given(spikes, target, ticks, tick_key)


@nnx.jit
def present_module(model, rule, optimizer, own, image, target, key):
    state = rule.init_state(len(image))
    encoder = ej.Analog() if model.network == FRONTED else ej.Regular(0.5)
    for given in blocks(encoder, image, target, key):
        made = rule(model, state, given)
        optimizer.update(model, model.grads(made.update))
        if own is not None:
            own.update(rule, rule.grads(made.rule_update))
        state = made.state


def functional(network, rule, tx):
    @jax.jit
    def present(params, rule_params, states, image, target, key):
        state = rule.init_state(network, len(image))
        for given in blocks(ej.Analog() if network == FRONTED else ej.Regular(0.5), image, target, key):
            made = rule.block(network, params, rule_params, state, given)
            trained, of_network = stepped(tx, made.update, states[0], params.trained)
            own, of_rule = stepped(tx, made.rule_update, states[1], rule_params.trained)
            params, rule_params = params._replace(trained=trained), rule_params._replace(trained=own)
            states, state = (of_network, of_rule), made.state
        return params, rule_params, states

    return present


@pytest.mark.parametrize(
    ("network", "rule", "tx"),
    [
        (CHAIN, "eRBP", optax.sgd(1e-3)),
        (CHAIN, "BP", optax.adam(4e-3)),
        (RECURRENT, "learned readouts", optax.adam(1e-3)),
        (FRONTED, "BP", optax.sgd(1e-1)),
    ],
    ids=["eRBP", "BP", "recurrent", "front end"],
)
def test_an_nnx_loop_trains_as_the_functional_form(key, digits, network, rule, tx):
    rule = RULES[rule]
    model, ruled = ej.nnx.NetworkModule(network, key), ej.nnx.RuleModule(rule, network, key)
    params, rule_params = network.init(key), rule.init(network, key)
    same(model.params, params)
    same(ruled.params, rule_params)
    learns = bool(jax.tree.leaves(rule_params.trained))
    optimizer = nnx.Optimizer(model, tx, wrt=nnx.Param)
    own = nnx.Optimizer(ruled, tx, wrt=nnx.Param) if learns else None
    first, present = params, functional(network, rule, tx)
    states = tx.init(params.trained), tx.init(rule_params.trained)
    for n, (image, target) in enumerate(digits):
        keys = split(jax.random.fold_in(key, n), BATCH)
        present_module(model, ruled, optimizer, own, image, target, keys)
        params, rule_params, states = present(params, rule_params, states, image, target, keys)
    same(model.params, params)
    same(ruled.params, rule_params)
    moved = [np.abs(a - b).max() for a, b in zip(*map(jax.tree.leaves, (params.trained, first.trained)), strict=True)]
    assert (min if isinstance(rule, ej.BackProp) else max)(moved) > 0  # by BP a front end too
    same(params.fixed, first.fixed)


def test_an_nnx_loop_trains_as_learn_does(key, digits):
    model = ej.nnx.NetworkModule(CHAIN, key)
    rule, tx, (image, target) = RULES["eRBP"], optax.sgd(1e-3), digits[0]
    keys = split(key, BATCH)
    present_module(
        model, ej.nnx.RuleModule(rule, CHAIN, key), nnx.Optimizer(model, tx, wrt=nnx.Param), None, image, target, keys
    )
    spikes = jnp.concatenate([given.inputs for given in blocks(ej.Regular(0.5), image, target, keys)])
    learning = Learning(CHAIN, rule, tx)
    stream = start(learning, CHAIN.init(key), rule.init(CHAIN, key), BATCH)
    stream, _ = learn(learning, stream, spikes, target, key=keys, block=BLOCK)
    for a, b in zip(*map(jax.tree.leaves, (model.params, stream.params)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_a_network_runs_as_a_module(key, digits):
    model, params = ej.nnx.NetworkModule(RECURRENT, key), RECURRENT.init(key)
    (image, target), keys = digits[0], split(key, BATCH)
    run = {"encoder": ej.Poisson(0.5), "steps": TICKS, "block": BLOCK}
    seen = nnx.jit(lambda model: model.run(image, keys, **run))(model)
    same(
        seen,
        jax.jit(lambda params: ej.run(RECURRENT, run["encoder"], params, image, keys, steps=TICKS, block=BLOCK))(
            params
        ),
    )
    assert seen[1].sum() > 0
    first, second = blocks(run["encoder"], image, target, keys)
    for state, given in ((None, first), (seen[0].network, second)):

        def advance(params, state, given=given):
            state = RECURRENT.init_state(BATCH) if state is None else state
            return RECURRENT.advance(params, state, given.inputs, key=given.key)

        made = nnx.jit(lambda model, state, given=given: model(given.inputs, key=given.key, state=state))(model, state)
        want = jax.jit(advance)(params, state)
        same(made, want)
    graphdef, trained, fixed = nnx.split(model, nnx.Param, ...)
    hash(graphdef)
    same(nnx.merge(graphdef, trained, fixed).params, params)
    assert {type(x) for _, x in nnx.to_flat_state(fixed)} == {ej.nnx.Fixed}
    assert len(jax.tree.leaves(trained)) == len(jax.tree.leaves(params.trained))
    again = ej.nnx.NetworkModule(RECURRENT, params=model.params)
    same(again.params, params)
    nnx.update(again, jax.tree.map(lambda x: 2 * x, trained))
    same(again.params.trained, jax.tree.map(lambda x: 2 * x, params.trained))


def test_nnx_grad_is_back_propagation(key, digits):
    rule, (image, target) = RULES["BP"], digits[0]
    given = next(blocks(ej.Regular(0.5), image, target, split(key, BATCH)))
    ruled, model = ej.nnx.RuleModule(rule, CHAIN, key), ej.nnx.NetworkModule(CHAIN, key)
    made = nnx.jit(lambda ruled, model: ruled(model, ruled.init_state(BATCH), given))(ruled, model)

    def loss(model):
        _, trace = model(given.inputs, key=given.key)
        output, highest = model.network.output_spikes(trace), CHAIN.populations[-1].neuron.max_rate
        return rule.loss(output, target, jnp.arange(len(output)), highest).mean()

    model = ej.nnx.NetworkModule(CHAIN.with_surrogate(rule.surrogate), key)
    grads = nnx.jit(nnx.grad(loss))(model)
    assert jax.tree.structure(grads) == jax.tree.structure(model.grads(made.update))
    for a, b in zip(*map(jax.tree.leaves, (grads, model.grads(made.update))), strict=True):
        assert np.abs(a).max() > 0
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_what_does_not_fit_is_refused(key):
    with pytest.raises(ValueError, match="give a key or params, got none"):
        ej.nnx.NetworkModule(CHAIN)
    with pytest.raises(ValueError, match="give a key or params, got both"):
        ej.nnx.RuleModule(RULES["BP"], CHAIN, key, params=ej.Params((), ()))
    with pytest.raises(ValueError, match="of another network"):
        ej.nnx.NetworkModule(CHAIN, params=FRONTED.init(key))
    with pytest.raises(ValueError, match="an update needs the shapes"):
        ej.nnx.NetworkModule(CHAIN, key).grads(FRONTED.init(key).trained)
    with pytest.raises(ValueError, match="spikes of a block must have shape"):
        ej.nnx.NetworkModule(CHAIN, key)(jnp.ones(64), key=key)


def test_a_module_stands_for_the_connection_that_it_is(key):
    """A linear module against `Dense`: currents, gradients and random back-propagation."""
    dense, linear = ej.Dense(6, 4), ej.nnx.FromModule(Linear, (6,))
    weight, other = (dense.init(k).trained["weight"] for k in split(key, 2))
    spikes = jax.random.normal(key, (3, 2, 6))

    def of(connection, name):
        def run(weight, spikes, other):
            made = connection(ej.Params({name: weight}, {}), (), spikes, backward={name: other})
            return made[1]

        current, back = jax.vjp(run, weight, spikes, other)
        return current, *back(jnp.cos(current))

    for a, b in zip(of(dense, "weight"), of(linear, "kernel"), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    plain = linear(ej.Params({"kernel": weight}, {}), (), spikes)
    np.testing.assert_allclose(plain[1], spikes @ weight, rtol=1e-5, atol=1e-6)
    assert (linear.inputs, linear.outputs, linear.synapses, linear.multiplications) == (6, 4, 24, 24)


class Linear(nnx.Linear):
    def __init__(self, *, rngs):
        super().__init__(6, 4, use_bias=False, rngs=rngs)


def test_a_module_fulfils_the_contract_of_a_connection(key):
    assert ej.nnx.FromModule(FrontEnd, (8, 8, 1)) == FRONT
    assert hash(FRONT) == hash(ej.nnx.FromModule(FrontEnd, (8, 8, 1)))
    assert (FRONT.output_shape, FRONT.label, FRONTED.name) == ((4, 4, 8), "FrontEnd128", "64-FrontEnd128-10")
    assert FRONTED.shape("hidden1") == (4, 4, 8)
    assert FRONT.multiplications == 9 * 64 * 4 + 9 * 4 * 16 * 8
    params, module = FRONT.init(key), FrontEnd(rngs=nnx.Rngs(key))
    same(params.trained, nnx.to_pure_dict(nnx.state(module, nnx.Param)))
    assert set(params.fixed) == {"norm"}
    x = jax.random.uniform(key, (3, 2, 64))
    state, current, arrived = FRONT(params, FRONT.init_state(2), x)
    np.testing.assert_allclose(current, module(x.reshape(6, 8, 8, 1)).reshape(3, 2, 128), rtol=1e-5, atol=1e-6)
    assert state == ()
    assert FRONT.signals == 64
    same(FRONT.signal(arrived), x)
    post = jnp.ones((3, 2, 128))
    same(FRONT.plasticity(params, arrived, post), jax.tree.map(jnp.zeros_like, params.trained))
    for silent in (arrived, Arrived(jnp.zeros((3, 2, 64)))):
        for counted in (FRONT.addressed(params, silent), FRONT.delivered(params, silent)):
            assert (wide_value(counted) == FRONT.multiplications).all()
        assert not wide_value(FRONT.writes(params, silent, post > 0)).any()
    assert FRONT.learns
    assert FRONT.reliable() == FRONT
    with pytest.raises(ValueError, match="FrontEnd need not be linear"):
        FRONT.transpose(params, post)
    there = ej.nnx.FromModule(lambda **_: module, (8, 8, 1))
    same(there.init(jax.random.fold_in(key, 1)), params)


class Scaled(nnx.Module):
    """Convolution and a part that is given."""

    def __init__(self, part, *, rngs):
        self.conv, self.part = nnx.Conv(1, 4, (3, 3), rngs=rngs), part

    def __call__(self, x):
        return self.part(self.conv(x))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda rngs: Scaled(nnx.BatchNorm(4, rngs=rngs), rngs=rngs), "Scaled: part/mean of its BatchNorm changes"),
        (lambda rngs: Scaled(nnx.Dropout(0.5, rngs=rngs), rngs=rngs), "of its Dropout keeps random numbers"),
        (lambda rngs: nnx.Linear(64, 10, rngs=rngs), r"Linear does not take rows of shape \[2, 8, 8, 1\]"),
        (lambda rngs: Scaled(jnp.sum, rngs=rngs), r"must make one array of floats \[R, ...\]"),
        (lambda rngs: Scaled(lambda x: (x, x), rngs=rngs), "must make one array of floats"),
        (lambda **_: 3, "must make an nnx.Module, got int"),
        (FrontEnd(rngs=nnx.Rngs(0)), "needs what makes a module of rngs, got FrontEnd"),
    ],
)
def test_a_module_that_is_no_connection_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        ej.nnx.FromModule(make, (8, 8, 1))


@pytest.mark.parametrize("shape", [[8, 8, 1], (), (8, 0), 64])
def test_an_input_shape_that_is_none_is_refused(shape):
    with pytest.raises(ValueError, match="input_shape must be a tuple of whole numbers"):
        ej.nnx.FromModule(FrontEnd, shape)


def test_dropout_without_random_numbers_is_taken():
    front = ej.nnx.FromModule(lambda rngs: Scaled(nnx.Dropout(0.5, deterministic=True), rngs=rngs), (8, 8, 1))
    assert front.output_shape == (8, 8, 4)


@pytest.mark.parametrize("rule", [RULES["eRBP"], mstdpet(ej.ClassReward())], ids=["eRBP", "MSTDPET"])
def test_local_rules_leave_a_front_end_alone(key, digits, rule):
    params, rule_params = FRONTED.init(key), rule.init(FRONTED, key)
    image, target = digits[0]
    given = next(blocks(ej.Analog(), image, target, split(key, BATCH), 10, 10))
    made = jax.jit(rule.block, static_argnums=0)(FRONTED, params, rule_params, rule.init_state(FRONTED, BATCH), given)
    assert jax.tree.structure(made.update) == jax.tree.structure(params.trained)
    assert not any(np.any(x) for x in jax.tree.leaves(made.update.projections[0]))
    assert np.any(made.update.projections[1]["weight"])
    assert not wide_value(made.events.plasticity)[..., 0].any()
    assert (wide_value(made.events.synops)[..., 0] == FRONT.multiplications).all()


def test_back_propagation_has_the_gradient_of_the_plain_function(key, digits):
    """Of the front end's weights: through the module by `jax.grad`, with the rest of the network behind its output."""
    rule, params, (image, target) = RULES["BP"], FRONTED.init(key), digits[0]
    given = next(blocks(ej.Analog(), image, target, split(key, BATCH)))
    made = jax.jit(rule.block, static_argnums=0)(
        FRONTED, params, rule.init(FRONTED, key), rule.init_state(FRONTED, BATCH), given
    )
    graphdef, _ = nnx.split(FrontEnd(rngs=nnx.Rngs(key)))
    neuron = FRONTED.populations[0].neuron.with_surrogate(rule.surrogate)
    behind = ej.sequential(*(x for layer in FRONTED.layers[1:] for x in layer[:2])).with_surrogate(rule.surrogate)
    rest = ej.Params(*(tree._replace(projections=tree.projections[1:], populations=((),)) for tree in params))
    rest = behind.init(key)._replace(trained=behind.init(key).trained._replace(projections=rest.trained.projections))

    def loss(weights):
        module = nnx.merge(graphdef, weights, params.fixed.projections[0])
        current = module(given.inputs.reshape(-1, 8, 8, 1)).reshape(BLOCK, BATCH, -1)
        state, spikes = neuron.init_state((BATCH, 128)), []
        for t in range(BLOCK):
            state, fired = neuron.step(state, current[t])
            spikes.append(fired)
        _, trace = behind.advance(rest, behind.init_state(BATCH), jnp.stack(spikes), key=given.key)
        output = behind.output_spikes(trace)
        return rule.loss(output, target, jnp.arange(len(output)), neuron.max_rate).mean()

    wanted = jax.jit(jax.grad(loss))(params.trained.projections[0])
    for a, b in zip(*map(jax.tree.leaves, (made.update.projections[0], wanted)), strict=True):
        assert np.abs(b).max() > 1e-6
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)


def test_erbp_learns_digits_behind_a_front_end_that_stays():
    shown = data.load("digits")
    slow, fast = (ej.LIF(tau_mem=tau, tau_syn=0.5, refractory=0) for tau in (5.0, 0.0))
    network = ej.sequential(FRONT, slow, ej.Dense(FRONT.outputs, 10, 4.0), fast)
    rule = ej.ERBP(ej.LabelNeurons(10, 1), feedback=ej.RandomFeedback(30.0))
    experiment = Experiment(network, ej.Analog(), rule, 20, 20, 5, 20, 300)
    made = sweep(
        experiment, lambda rate: Optimizers(optax.sgd(rate), optax.identity()), [3e-3], [0],
        (shown.train.x, shown.train.y), (shown.test.x, shown.test.y), epochs=1,
    )  # fmt: skip
    assert float(made.test_error[0, 0, -1]) < 30


def test_flax_is_loaded_when_it_is_used():
    said = "import sys, erbp_jax as ej; ej.Network; print('flax' in sys.modules); ej.nnx; print('flax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("module", ["connection", "modules"])
def test_the_examples_of_the_docstrings(module):
    failed, tried = doctest.testmod(importlib.import_module(f"erbp_jax.nnx.{module}"))
    assert (failed, tried > 0) == (0, True)


def test_the_code_of_the_page(root):
    parts = re.findall(r"```python\n(.*?)```", (root / "docs/guides/nnx.md").read_text(), re.DOTALL)
    names = {"__name__": "page"}
    exec(compile("\n".join(parts), "docs/guides/nnx.md", "exec"), names)
    assert len(parts) == 3
    assert names["network"].name == "64-FrontEnd128-10"
    assert names["params"].trained.projections[0]["conv"]["kernel"].shape == (3, 3, 1, 8)
    assert names["spikes"].shape == (20, 4, 10)
