"""The training and test programs of every rule on every kind of network compile for CUDA and TPU: no device needed."""

from functools import partial

import jax
import jax.numpy as jnp
import optax
import pytest
from jax import export

import erbp_jax as ej
from erbp_jax.kernels import Exponential
from erbp_jax.learning.three_factor import ForwardTableSTDP, ThreeFactor, mstdpet, pair_stdp
from erbp_jax.training import engine, testing
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.transforms import Optimizers

PIXELS, CLASSES, BATCH, TICKS = 36, 3, 4, 10
LIF, KERNEL = ej.LIF(), Exponential(5.0, 5.0, 1.0, -1.0, 8)

NETWORKS = {
    "dense": ej.sequential(ej.Dense(PIXELS, 8, 4.0), LIF, ej.Dense(8, CLASSES, 4.0), LIF),
    "blank-out by events": ej.sequential(
        ej.Dense(PIXELS, 8, 4.0, ej.BlankOut(0.5, by_events=True)), LIF, ej.Dense(8, CLASSES, 4.0), LIF
    ),
    "convolutional": ej.sequential(
        ej.Conv2d((6, 6, 1), 2, 3, transmission=ej.BlankOut(0.5)), LIF, ej.Pool2d((6, 6, 2), 2), LIF,
        ej.Dense(18, CLASSES, 4.0), LIF,
    ),
    "sparse": ej.sequential(ej.Sparse(PIXELS, 8, fan_in=5, gain=4.0), LIF, ej.Dense(8, CLASSES, 4.0), LIF),
    "delayed": ej.sequential(ej.Delayed(ej.Dense(PIXELS, 8, 4.0), (0, 3)), LIF, ej.Dense(8, CLASSES, 4.0), LIF),
    "recurrent": ej.Network(
        {"hidden": ej.ParametricLIF(), "output": LIF},
        (
            ej.Projection("input", "hidden", ej.Dense(PIXELS, 8, 4.0)),
            ej.Projection("hidden", "hidden", ej.Dense(8, 8), delay=1),
            ej.Projection("hidden", "output", ej.Dense(8, CLASSES, 4.0)),
        ),
    ),
}  # fmt: skip
RULES = {
    "eRBP": ej.ERBP(ej.LabelNeurons(CLASSES)),
    "BP": ej.BackProp(),
    "RBP": ej.BackProp(wiring=ej.Direct()),
    "STDP": ThreeFactor((pair_stdp(KERNEL),)),
    "MSTDPET": mstdpet(ej.ClassReward()),
}


def learned(network):
    return ej.ERBP(ej.LabelNeurons(CLASSES), local=(ej.LearnedReadout(),) * len(network.hidden))


def cases():
    for name in ("dense", "convolutional", "sparse", "recurrent"):
        for rule in (*RULES, "learned readouts"):
            yield name, rule
    yield from (("delayed", "eRBP"), ("blank-out by events", "eRBP"), ("dense", "forward table"))


def lowers(function, *arguments):
    export.export(jax.jit(function), platforms=["cuda", "tpu"])(*arguments)


@pytest.mark.parametrize(("name", "rule"), list(cases()))
def test_training_lowers_for_cuda_and_tpu(name, rule):
    network = NETWORKS[name]
    if rule == "learned readouts":
        made = learned(network)
    else:
        made = ForwardTableSTDP(KERNEL) if rule == "forward table" else RULES[rule]
    experiment = Experiment(network, ej.Poisson(0.25), made, TICKS, TICKS, 5, BATCH, BATCH, burn_in=5)
    optimizers = Optimizers(optax.sgd(1e-3), optax.sgd(1e-3))
    learner = jax.eval_shape(partial(engine.init, experiment, optimizers), jnp.uint32(0))
    images = jax.ShapeDtypeStruct((2 * BATCH, PIXELS), jnp.uint8)
    labels, number = jax.ShapeDtypeStruct((2 * BATCH,), jnp.int32), jax.ShapeDtypeStruct((), jnp.int32)
    train = partial(engine.train, experiment, optimizers)
    lowers(train, learner, images, labels, number, number, number)
    if rule == "eRBP":  # tests know no rule
        seed = jax.ShapeDtypeStruct((), jnp.uint32)
        lowers(partial(testing.test, experiment), seed, learner.weights, images, labels, number)
