"""What must not change the numbers: jit, vmap, chunks, batches, devices. One table over every part."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from erbp_jax import simulate
from erbp_jax.config.build import Experiment
from erbp_jax.connections import BlankOut, Conv2d, Dense, GaussianBlankOut, Reliable, SharedBlankOut
from erbp_jax.counting import wide_value
from erbp_jax.encoding import Analog, ExponentialEscape, LabelNeurons, Poisson, Regular
from erbp_jax.learning import ERBP, BackProp, Boxcar, Direct, Layerwise, LearnedReadout, LocalReadout, RandomFeedback
from erbp_jax.network import Layer, Network
from erbp_jax.neurons import LIF, DualCompartmentLIF, GaussianNoise, LeakyIF, PoissonKicks, SecondOrderLIF
from erbp_jax.training import engine, testing

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
    "gaussian": GaussianBlankOut(0.65),
    "shared": SharedBlankOut(0.65),
}
RULES = {
    "erbp": ERBP(LabelNeurons(3, 2), (Boxcar(-5, 5),) * 2, (RandomFeedback(),), burn_in=4),
    "erbp, local errors": ERBP(
        LabelNeurons(3, 2), (Boxcar(-5, 5),) * 2, (RandomFeedback(),), burn_in=4, local=(LocalReadout(3.0, 2),)
    ),
    "erbp, a readout that learns": ERBP(
        LabelNeurons(3, 2), (Boxcar(-5, 5),) * 2, (RandomFeedback(),), burn_in=4, local=(LearnedReadout(),)
    ),
    "bp": BackProp(),
    "bp, in segments": BackProp(segment=1),
    "rbp, direct": BackProp(wiring=Direct()),
    "rbp, layerwise": BackProp(wiring=Layerwise()),
}
PARTS = (
    [(e, "lif", "reliable", "dense") for e in ENCODERS]
    + [("regular", n, "reliable", "dense") for n in NEURONS if n != "lif"]
    + [("regular", "lif", t, "dense") for t in TRANSMISSIONS if t != "reliable"]
    + [("regular", "lif", t, "conv") for t in ("reliable", "blank-out")]
)


def build(encoder, neuron, transmission, connection="dense", rule="erbp", every=2):
    t = TRANSMISSIONS[transmission]
    first = Conv2d((4, 3, 1), 2, 3, gain=4.0, transmission=t) if connection == "conv" else Dense(12, 9, 4.0, t)
    layers = tuple(Layer(c, NEURONS[neuron], delay=1) for c in (first, Dense(first.outputs, 3, 4.0, t)))
    return Experiment(Network(layers), ENCODERS[encoder], RULES[rule], 12, 12, every, 8, 8)


def problem(key, size=8):
    a, b = jax.random.split(key)
    return jax.random.randint(a, (size, 12), 0, 256).astype(jnp.uint8), jax.random.split(b, size)


@pytest.mark.parametrize("parts", PARTS, ids=lambda p: ", ".join(p))
def test_inference(key, parts):
    e = build(*parts)
    image, keys = problem(key)
    params = e.network.init(key)

    def run(params, image, keys, steps=12, state=None):
        return simulate.run(e.network, e.encoder, params, image, keys, steps=steps, block=2, state=state)

    state, whole = jax.jit(run)(params, image, keys)
    assert 0 < whole.mean() < 1

    with jax.disable_jit():
        middle, first = run(params, image, keys, steps=4)
    end, second = jax.jit(run, static_argnames="steps")(params, image, keys, steps=8, state=middle)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    jax.tree.map(np.testing.assert_array_equal, end, state)

    if parts[2] != "shared":  # one mask for the batch: depends on the batch by design
        alone = jax.jit(run)(params, image[3:4], keys[3:4])[1]
        np.testing.assert_array_equal(alone[:, 0], whole[:, 3])

    two = jax.tree.map(lambda p: jnp.stack([p, 0.5 * p]), params)
    mapped = jax.jit(jax.vmap(run, in_axes=(0, None, None)))(two, image, keys)[1]
    np.testing.assert_array_equal(mapped[0], whole)


@cache
def training(transmission, connection, rule):
    """Functions of a seed and of (learner, first batch, end), not yet compiled; and these two compiled."""
    e = build("poisson", "lif", transmission, connection, rule)
    optimizer = optax.sgd(0.01, momentum=0.5)
    key = jax.random.key(7, impl="threefry2x32")
    images, _ = problem(key, 40)
    labels = jax.random.randint(key, (40,), 0, 3)

    def init(seed):
        return engine.init(e, optimizer, seed)

    def train(learner, first, end):
        return engine.train(e, optimizer, learner, images, labels, jnp.int32(1), first, end)

    return init, train, jax.jit(init), jax.jit(train)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("transmission", "connection"), [("reliable", "dense"), ("blank-out", "conv")])
def test_learning_in_stretches_equals_learning_at_once(transmission, connection, rule):
    """The connection named is the first layer's; the second is dense, and transmits alike."""
    *_, init, train = training(transmission, connection, rule)
    learner = init(jnp.uint32(3))
    whole = train(learner, jnp.int32(0), jnp.int32(5))
    parts = learner
    for a, b in ((0, 1), (1, 4), (4, 5)):
        parts = train(parts, jnp.int32(a), jnp.int32(b))
    jax.tree.map(np.testing.assert_array_equal, parts, whole)
    assert any(np.any(a["weight"] != b["weight"]) for a, b in zip(whole.params, learner.params, strict=True))


@pytest.mark.parametrize(("connection", "rule"), [("dense", "erbp"), ("dense", "bp"), *(("conv", r) for r in RULES)])
def test_learning_on_four_devices_equals_learning_on_one(key, connection, rule):
    e = build("poisson", "lif", "reliable", connection, rule)
    optimizer = optax.sgd(0.01)
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
    np.testing.assert_array_equal(one.tally.error_spikes, four.tally.error_spikes)


@pytest.mark.parametrize("rule", RULES)
def test_seeds_side_by_side_equal_seeds_alone(rule):
    init, train, one_init, one_train = training("reliable", "dense", rule)
    first, end, seeds = jnp.int32(0), jnp.int32(3), jnp.arange(3, dtype=jnp.uint32)
    together = jax.jit(jax.vmap(lambda s: train(init(s), first, end)))(seeds)
    for i in range(3):
        alone = one_train(one_init(seeds[i]), first, end)
        for a, b in zip(jax.tree.leaves(alone.params), jax.tree.leaves(together.params), strict=True):
            np.testing.assert_allclose(a, b[i], atol=2e-6)


def test_the_test_error_and_synops_do_not_depend_on_the_batch(key):
    e = build("poisson", "lif", "reliable")
    images, _ = problem(key, 23)
    labels = jnp.arange(23) % 3
    params = e.network.init(key)
    results = []
    for size in (1, 8, 23, 50):
        sized = Experiment(e.network, e.encoder, e.rule, 12, 12, 2, 8, size)
        results.append(testing.test(sized, jnp.uint32(0), params, images, labels, jnp.int32(1)))
    for other in results[1:]:
        jax.tree.map(np.testing.assert_array_equal, other, results[0])
    assert results[0].synops.low.shape == (23, 2)
    assert np.all(wide_value(results[0].synops).sum(1) > 0)
