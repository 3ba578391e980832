"""What must not change the numbers: jit, vmap, chunks, batches, devices. One table over every part."""

from dataclasses import replace
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from erbp_jax import simulate
from erbp_jax.chain import sequential
from erbp_jax.connections import BlankOut, Conv2d, Dense, Reliable, SharedBlankOut
from erbp_jax.counting import wide_value
from erbp_jax.encoding import Analog, ExponentialEscape, LabelNeurons, Poisson, Regular
from erbp_jax.learning import ERBP, BackProp, Boxcar, Direct, Layerwise, LearnedReadout, LocalReadout, RandomFeedback
from erbp_jax.learning.base import Given
from erbp_jax.learning.local import LocalRule
from erbp_jax.network import Network
from erbp_jax.neurons import LIF, DualCompartmentLIF, GaussianNoise, LeakyIF, PoissonKicks, SecondOrderLIF
from erbp_jax.projection import Projection
from erbp_jax.training import engine, testing
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.transforms import Optimizers

ENCODERS = {
    "poisson": Poisson(0.3),
    "poisson with dead time": Poisson(0.25, 3),
    "regular": Regular(0.5),
    "analog": Analog(0.5),
    "escape": ExponentialEscape(),
}
NEURONS = {
    "lif": LIF(),
    "lif, subtractive reset": LIF(4.0, 1.0, reset="subtract", refractory=0),
    "lif, gaussian noise": LIF(noise=GaussianNoise(0.2)),
    "lif, kicks": LIF(noise=PoissonKicks(1.0, 0.1)),
    "leaky": LeakyIF(4.0),
    "second order": SecondOrderLIF(2.0, 2.0, 1.0, noise=GaussianNoise(0.1)),
    "dual compartment": DualCompartmentLIF(2.0, 2.0, 2.0, 2.0, 0.1),
}
TRANSMISSIONS = {
    "reliable": Reliable(),
    "reliable, by events": Reliable(by_events=True),
    "blank-out": BlankOut(0.65),
    "shared": SharedBlankOut(0.65),
}
RULES = {
    "erbp": ERBP(LabelNeurons(3, 2), (Boxcar(-5, 5),) * 2, (RandomFeedback(),)),
    "erbp, local errors": ERBP(
        LabelNeurons(3, 2), (Boxcar(-5, 5),) * 2, (RandomFeedback(),), local=(LocalReadout(3.0, 2),)
    ),
    "erbp, a readout that learns": ERBP(
        LabelNeurons(3, 2), (Boxcar(-5, 5),) * 2, (RandomFeedback(),), local=(LearnedReadout(),)
    ),
    "bp": BackProp(),
    "bp, in segments": BackProp(segment=1),
    "rbp, direct": BackProp(wiring=Direct()),
    "rbp, layerwise": BackProp(wiring=Layerwise()),
}
PARTS = (
    [(e, "lif", "reliable", "dense") for e in ENCODERS]
    + [("regular", n, "reliable", "dense") for n in NEURONS if n != "lif"]
    + [("poisson", "lif", t, "dense") for t in TRANSMISSIONS if t != "reliable"]
    + [("regular", "lif", t, "conv") for t in ("reliable", "blank-out")]
    + [("regular", "lif", "blank-out", "recurrent"), ("regular", "second order", "reliable", "recurrent")]
)
SOME = ("erbp, local errors", "erbp, a readout that learns", "bp, in segments", "rbp, direct", "rbp, layerwise")
"""With those of the recurrent networks, every kind of rule."""
CONNECTIONS = ("dense", "conv", "recurrent")
DYADIC = LIF(2.0, 2.0, integration="euler")
"""States are sums of weights halved: exact in 12 ticks from weights that are few bits, in whatever order."""


def build(encoder, neuron, transmission, connection="dense", rule="erbp", every=2):
    t = TRANSMISSIONS[transmission]
    network = network_of(NEURONS[neuron], t, connection)
    return Experiment(network, ENCODERS[encoder], RULES[rule], 12, 12, every, 8, 8, 4 if rule.startswith("erbp") else 0)


def network_of(neuron, transmission, connection):
    if connection == "recurrent":
        return recurrent(neuron, transmission)
    maps = Conv2d((4, 3, 1), 2, 3, gain=4.0, transmission=transmission)
    first = maps if connection == "conv" else Dense(12, 9, 4.0, transmission)
    return sequential(first, neuron, Dense(first.outputs, 3, 4.0, transmission), neuron, delay=1)


def recurrent(neuron, transmission):
    """Back into the hidden population, and among the outputs; more of the kind is in `test_recurrence.py`."""
    ends = (
        ("input", "hidden", 12, 9, 4.0, 1, "axonal"),
        ("hidden", "hidden", 9, 9, 1.0, 1, "axonal"),
        ("hidden", "output", 9, 3, 4.0, 0, "axonal"),
        ("output", "output", 3, 3, 1.0, 3, "dendritic"),
    )
    projections = [
        Projection(a, b, Dense(i, o, gain, transmission), delay, side) for a, b, i, o, gain, delay, side in ends
    ]
    return Network({"hidden": neuron, "output": neuron}, projections)


def sgd(rate, momentum=None):
    return Optimizers(optax.sgd(rate, momentum), optax.sgd(rate, momentum))


def problem(key, size=8):
    a, b = jax.random.split(key)
    return jax.random.randint(a, (size, 12), 0, 256).astype(jnp.uint8), jax.random.split(b, size)


@cache
def weights(connection):
    """One initialisation a kind of connection: neurons and transmission have no part in it."""
    return jax.jit(network_of(LIF(), Reliable(), connection).init)(jax.random.key(7, impl="threefry2x32"))


@pytest.mark.parametrize("parts", PARTS, ids=lambda p: ", ".join(p))
def test_inference(key, parts):
    """Two programs per case: the second runs a sample of the batch, for two networks at once, in two halves."""
    encoder, _, transmission, connection = parts
    e = build(*parts)
    image, keys = problem(key)
    params = weights(connection)

    @jax.jit(static_argnames="steps")
    def run(params, image, keys, steps=12, state=None):
        return simulate.run(e.network, e.encoder, params, image, keys, steps=steps, block=2, state=state)

    state, whole = run(params, image, keys)
    assert 0 < whole.mean() < 1

    if parts == ("poisson", "lif", "blank-out", "dense"):  # slow
        with jax.disable_jit():
            np.testing.assert_array_equal(run(params, image, keys, steps=2)[1], whole[:2])

    alone = slice(None)
    if transmission != "shared":  # one mask for the batch: depends on the batch by design
        alone = slice(3, 4)
        turned = run(params, image[::-1], keys[::-1])[1]
        np.testing.assert_array_equal(turned[:, ::-1], whole)

    image, keys = image[alone], keys[alone]
    one = partial(run, image=image, keys=keys, steps=6)
    half = jax.jit(jax.vmap(lambda params, state: one(params, state=state)))
    start = jax.jit(partial(simulate.start, e.network, e.encoder))(image, keys)
    two, start = jax.tree.map(lambda p: jnp.stack([p, 0.5 * p]), params), jax.tree.map(twice, start)
    middle, first = half(two, start)
    end, second = half(two, middle)
    np.testing.assert_array_equal(np.concatenate([first[0], second[0]]), whole[:, alone])
    # A program of half the length may fuse its exponential otherwise, and one of a single row add in another order.
    near = 1e-6 if encoder == "escape" or connection == "recurrent" else 0.0
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[0], like(a[0], b), rtol=near, atol=near), end, state)


def twice(x):
    return jnp.stack([x, x])


def like(one, state):
    """Of a state, the sample that `one` is the state of, along whichever axis the batch lies; or all of it."""
    axes = [axis for axis, (a, b) in enumerate(zip(one.shape, state.shape, strict=True)) if a != b]
    return state.take(np.array([3]), axes[0]) if axes else state


@cache
def training(transmission, connection, rule):
    """Functions of a seed and of (learner, first batch, end), not yet compiled; and these two compiled."""
    e = build("poisson", "lif", transmission, connection, rule)
    optimizer = sgd(0.01, 0.5)
    key = jax.random.key(7, impl="threefry2x32")
    images, _ = problem(key, 40)
    labels = jax.random.randint(key, (40,), 0, 3)

    def init(seed):
        return engine.init(e, optimizer, seed)

    def train(learner, first, end):
        return engine.train(e, optimizer, learner, images, labels, jnp.int32(1), first, end)

    return init, train, jax.jit(init), jax.jit(train)


@pytest.mark.parametrize(
    ("transmission", "connection", "rule"),
    [*(("blank-out", "conv", rule) for rule in SOME), *(("blank-out", "recurrent", rule) for rule in ("erbp", "bp"))],
)
def test_learning_in_stretches_equals_learning_at_once(transmission, connection, rule):
    """The connection named is the first layer's; the second is dense, and transmits alike."""
    *_, init, train = training(transmission, connection, rule)
    learner = init(jnp.uint32(3))
    whole = train(learner, jnp.int32(0), jnp.int32(5))
    parts = learner
    for a, b in ((0, 1), (1, 4), (4, 5)):
        parts = train(parts, jnp.int32(a), jnp.int32(b))
    jax.tree.map(np.testing.assert_array_equal, parts, whole)
    for place, (a, b) in enumerate(zip(whole.params.projections, learner.params.projections, strict=True)):
        # What comes back after the end of a block has no gradient in it.
        moves = not (rule == "bp" and connection == "recurrent" and place == 3)
        assert np.any(a["weight"] != b["weight"]) == moves, place


@pytest.mark.parametrize(
    ("connection", "rule"),
    [("dense", "erbp"), ("recurrent", "bp"), *(("conv", rule) for rule in SOME)],
)
def test_learning_on_four_devices_equals_learning_on_one(key, connection, rule):
    e = build("poisson", "lif", "reliable", connection, rule)
    optimizer = sgd(0.01)
    image, keys = problem(key)
    target = jnp.arange(8) % 3
    learner = jax.jit(lambda s: engine.init(e, optimizer, s))(jnp.uint32(0))
    step = jax.jit(lambda l, *a: engine.present(e, optimizer, l, *a)[0])
    one = step(learner, image, target, keys)
    mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Auto,))
    split = [jax.device_put(x, NamedSharding(mesh, P("data"))) for x in (image, target, keys)]
    four = step(jax.device_put(learner, NamedSharding(mesh, P())), *split)
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(four.params), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)
    jax.tree.map(np.testing.assert_array_equal, one.counters.error_spikes, four.counters.error_spikes)


@pytest.mark.parametrize(
    ("transmission", "connection", "rule"),
    [*(("blank-out", "conv", rule) for rule in SOME), *(("blank-out", "recurrent", rule) for rule in ("erbp", "bp"))],
)
def test_seeds_side_by_side_equal_seeds_alone(transmission, connection, rule):
    init, train, one_init, one_train = training(transmission, connection, rule)
    first, end, seeds = jnp.int32(0), jnp.int32(3), jnp.arange(3, dtype=jnp.uint32)
    together = jax.jit(jax.vmap(lambda s: train(init(s), first, end)))(seeds)
    for i in range(3):
        alone = one_train(one_init(seeds[i]), first, end)
        for a, b in zip(jax.tree.leaves(alone.params), jax.tree.leaves(together.params), strict=True):
            np.testing.assert_allclose(a, b[i], atol=2e-6)


def dyadic(network, key):
    """Parameters whose weights are multiples of 1/8 between -2 and 2."""
    params = network.init(key)
    return params._replace(trained=jax.tree.map(lambda w: jnp.round(jnp.clip(w, -2, 2) * 8) / 8, params.trained))


@pytest.mark.parametrize("transmission", ["reliable", "blank-out"])  # a shared mask is drawn for a block
@pytest.mark.parametrize("connection", CONNECTIONS)
def test_spikes_do_not_depend_on_the_length_of_a_block(key, connection, transmission):
    """Where sums are exact: a recurrent network goes through any block in parts that its delays allow."""
    network = network_of(DYADIC, TRANSMISSIONS[transmission], connection)
    params, (image, keys) = dyadic(network, key), problem(key)

    def run(block):
        kept = {"steps": 12, "block": block, "record": lambda trace: trace.populations}
        return simulate.run(network, Regular(0.6), params, image, keys, **kept)

    state, whole = jax.jit(lambda: run(12))()
    assert all(0 < population.spikes.mean() < 1 for population in whole)
    for block in (1, 4):
        other = jax.jit(run, static_argnums=0)(block)
        jax.tree.map(np.testing.assert_array_equal, other, (state, whole))


@pytest.mark.parametrize("rule", [name for name, rule in RULES.items() if isinstance(rule, LocalRule)])
@pytest.mark.parametrize("connection", ["dense", "recurrent"])
def test_the_update_of_a_block_is_the_sum_of_those_of_its_parts(key, connection, rule):
    """With the weights held, and whatever the order of the samples."""
    network, rule = network_of(DYADIC, Reliable(), connection), RULES[rule]
    params, own = dyadic(network, key), rule.init(network, jax.random.fold_in(key, 1))
    spikes = (jax.random.uniform(key, (12, 4, 12)) < 0.4).astype(jnp.float32)
    target, keys = jnp.arange(4) % 3, jax.random.split(key, (12, 4))

    step = jax.jit(lambda state, *given: rule.block(network, params, own, state, Given(*given)))

    def learn(block, spikes, target, keys):
        state, updates, errors = rule.init_state(network, 4), [], []
        for t in range(0, 12, block):
            part = slice(t, t + block)
            made = step(state, spikes[part], target, jnp.arange(12)[part], keys[part])
            state = made.state
            updates.append((made.update, made.rule_update))
            errors.append(made.events.error_spikes)
        return jax.tree.map(lambda *u: sum(u[1:], u[0]), *updates), state, np.concatenate(errors)

    whole, end, errors = learn(12, spikes, target, keys)
    assert errors.sum() > 0
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(whole))
    update, state, got = learn(4, spikes, target, keys)
    np.testing.assert_array_equal(got, errors)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), update, whole)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), state, end)
    turned, _, got = learn(12, spikes[:, ::-1], target[::-1], keys[:, ::-1])
    np.testing.assert_array_equal(got[:, ::-1], errors)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), turned, whole)


def test_the_test_error_and_synops_do_not_depend_on_the_batch(key):
    e = build("poisson", "lif", "reliable")
    images, _ = problem(key, 23)
    labels = jnp.arange(23) % 3
    params = e.network.init(key)
    results = []
    for size in (1, 8, 50):
        sized = replace(e, test_batch_size=size)
        results.append(
            jax.jit(testing.test, static_argnums=0)(sized, jnp.uint32(0), params, images, labels, jnp.int32(1))
        )
    for other in results[1:]:
        jax.tree.map(np.testing.assert_array_equal, other, results[0])
    assert results[0].synops.low.shape == (23, 2)
    assert np.all(wide_value(results[0].synops).sum(1) > 0)
