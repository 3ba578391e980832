"""What a training takes, against the shapes of the learner that is made; extreme numbers are taken or refused."""

import math
import time
import warnings as python_warnings
from functools import partial
from random import Random
from typing import Annotated, Any, Literal, get_args, get_origin

import jax
import numpy as np
import pytest
from pydantic import BaseModel

from erbp_jax import data
from erbp_jax.config import check, estimate, memory
from erbp_jax.config.advice import warnings
from erbp_jax.config.build import build
from erbp_jax.config.schema import Config
from erbp_jax.config.sections import Kinds
from erbp_jax.data import Dataset, Samples
from erbp_jax.errors import UserError
from erbp_jax.training import engine
from erbp_jax.training.optimizer import make_optimizer
from erbp_jax.training.session import Session
from tests.command_line import call

SIZES = {"layers": [64, {"kind": "conv", "channels": 3, "kernel": 3}, {"kind": "pool", "size": 2}, 20, 10]}


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


def parts(config: Config, e) -> list[memory.Part]:
    shapes = estimate.Shapes(
        e.steps, e.test_steps, e.burn_in, e.update_every, e.test_block, e.batch_size, e.test_batch_size, 1437, 360, 64
    )
    return estimate.parts(config, e.network, e.rule, shapes)


@pytest.mark.parametrize(
    "optimizer",
    [
        {},
        {"momentum": 0.5},
        {"kind": "adam"},
        {"accumulate": 3, "average": 2.0},
        {"kind": "adam", "accumulate": 2},
        {"tricks": [{"kind": "write_threshold", "threshold": 0.1}]},
    ],
)
@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"errors": ["local", "output", "output"], "readouts": 5},
        {"kind": "bp"},
        {"kind": "rbp"},
        {"kind": "rbp", "wiring": "layerwise"},
    ],
)
def test_weights_and_feedback_are_those_of_the_learner(digits, optimizer, rule):
    config = check({"network": SIZES, "rule": rule, "optimizer": optimizer}, "t")
    e = build(config, digits)
    learner = jax.eval_shape(lambda: engine.init(e, make_optimizer(config.optimizer, 10, 2), jax.numpy.uint32(0)))
    count = sum(estimate.parameters(layer.connection) for layer in e.network.layers)
    assert count == sum(math.prod(x.shape) for x in jax.tree.leaves(learner.params)) == 27 + 48 * 20 + 200
    shaped = [*jax.tree.leaves(learner.params), *jax.tree.leaves(learner.mean), *jax.tree.leaves(learner.optimizer)]
    held = sum(math.prod(x.shape) for x in shaped if x.shape)
    assert held == estimate.copies(config.optimizer) * count
    feedback = [x for x in jax.tree.leaves(learner.rule_params) if x.shape != (10, 10)]
    wanted = [math.prod(x.shape) for x in feedback]
    if config.rule.kind == "rbp" and config.rule.wiring == "layerwise":
        assert estimate.feedback_weights(e.rule, e.network) == []  # of the weights' shape: `parts` is a lower bound
    else:
        assert estimate.feedback_weights(e.rule, e.network) == wanted


def test_every_part_grows_as_what_it_stands_for(digits):
    def total(**sections):
        base = {"network": {"layers": [64, 100, 10]}, "training": {"alignment": False}, "rule": {"burn_in": 0}}
        merged = {key: base.get(key, {}) | sections.get(key, {}) for key in base.keys() | sections.keys()}
        config = check(merged, "t")
        return {p.key: p.size for p in parts(config, build(config, digits))}

    assert total()["network.layers.1"] == total(training={"seeds": 3})["network.layers.1, training.seeds"] / 3
    assert total(network={"layers": [64, 300, 10]})["network.layers.1"] == 3 * total()["network.layers.1"]
    assert total(network={"delay": 4})["network.delay"] == 8 * 4 * 360 * 100  # of the last layer, which comes last
    long = total(encoding={"steps": 6000})
    assert long["encoding.steps"] == 4 * 6000
    assert long["encoding.test_steps"] == 100 * total()["encoding.test_steps"]
    aligned = check({"network": {"layers": [64, 100, 10]}, "encoding": {"steps": 100_000}}, "t")
    found = parts(aligned, build(aligned, digits))
    assert sum(p.size for p in found if "training.alignment" in p.what) == 4 * 100_000 * 10 * (64 + 3 * 110)


def test_the_estimate_is_near_what_the_compiled_program_takes():
    raw = {"network": {"layers": [64, 2000, 10]}, "encoding": {"test_steps": 50}, "training": {"alignment": False}}
    config = check(raw | {"data": {"name": "digits"}}, "t")
    session = Session(config)
    weights = jax.eval_shape(session.start).weights
    test_set = (session.data.test.x, session.data.test.y)
    program = session._test_jit.lower(session.seeds, weights, *test_set, jax.numpy.int32(0)).compile()
    used = program.memory_analysis()
    most = used.temp_size_in_bytes + used.argument_size_in_bytes + used.output_size_in_bytes
    assert 0.4 * most < sum(part.size for part in parts(config, session.experiment)) < 1.2 * most


TOO_MUCH = {
    "training.checkpoint_every=1e308": "training.checkpoint_every: must be within the range of float32",
    "encoding.dt=1e-308": "encoding.dt: must be within",
    "rule.label_period=1e308": "rule.label_period: must be within",
    "rule.label_period=1e30": "rule.label_period: 1e+30 ms are 1e+30 ticks of encoding.dt",
    "network.delay=1e308": "network.delay: must be within",
    "network.delay=1e9": "network.delay: this training takes at least",
    "network.layers=[64,{kind: pool, size: 2, stride: 100000000000000000000},10]": "network.layers.1.stride: must",
    "network.layers=[64,{kind: pool, size: 1000000, padding: same},10]": "for windows of 1,000,000 x 1,000,000",
    "network.layers=[64,{kind: conv, channels: 1000000, kernel: 3},10]": "64,000,000 units",
    "network.layers=[64,{kind: conv, channels: 2, kernel: 1000000},10]": "network.layers.1: this training",
    "network.layers=[64,1000000000,10]": "network.layers.1: this training takes at least",
    "training.seeds=100000000": "100,000,000 seeds",
    "encoding.steps=1000000000": "more than the 2,147,483,647 that can be counted",
    "rule={errors: local, readouts: 1000000000}": "rule.readouts: this training takes at least",
    "training.batch_size=1000000000": "training.batch_size: 1000000000 is more than the 1437",
    "training.epochs=1e12": "training.epochs: must be less than or equal to 2147483647",
    "training.epochs=2000000000": "training.epochs, encoding.steps: 2,000,000,000 epochs of 71 batches make",
    "network.init_gain=1e300": "network.init_gain: must be within",
    "network.neuron={kind: lif, tau_mem: 5, noise: {kind: poisson_kicks, rate: 1e30}}": (
        "rate must be above 0 and at most 500 events per tick"
    ),
    "training.mesh.neurons=2000000000": "need 2000000000 devices",
}


@pytest.mark.parametrize("override", TOO_MUCH)
def test_what_is_too_large_is_one_message_at_once_and_no_folder(monkeypatch, capsys, tmp_path, root, override):
    began = time.perf_counter()
    code, _, err = call(
        monkeypatch, capsys, "train", root / "configs" / "digits.yaml", override, "--out", tmp_path / "r"
    )
    assert code == 2
    assert TOO_MUCH[override] in err
    assert "Traceback" not in err
    assert not (tmp_path / "r").exists()
    assert time.perf_counter() - began < 5


def test_what_is_large_and_fits_is_taken(digits):
    for sections in (
        {"training": {"seeds": 200}},
        {"encoding": {"steps": 100_000}, "training": {"alignment": False, "test_batch_size": 10}},
        {"network": {"layers": [64, 20_000, 10]}},
        {"training": {"epochs": 100_000}},
    ):
        build(check({"network": {"layers": [64, 20, 10]}} | sections, "t"), digits)


def test_the_memory_there_is_what_the_machine_or_the_group_has(monkeypatch, tmp_path):
    machine = memory.there()
    assert 2**28 < machine < 2**50
    (tmp_path / "limit").write_text("123456789\n")
    monkeypatch.setattr(memory, "_limits", lambda: iter([tmp_path / "none", tmp_path / "limit"]))
    assert memory.there() == 123456789
    (tmp_path / "limit").write_text("max\n")
    assert memory.there() >= machine
    parts = [memory.Part("a", "apples", 6), memory.Part("b", "pears", 5)]
    memory.refuse_beyond(parts, 11, "a basket")
    with pytest.raises(UserError, match=r"a: a basket takes at least 11 bytes .* 10 bytes .* 6 bytes, for apples"):
        memory.refuse_beyond(parts, 10, "a basket")


WHOLE = (0, 1, -1, 2, 3, 7, 10, 64, 1000, 10**6, 10**9, 2**31 - 1, 2**31, 2**63, 10**20, 10**300)
FLOATS = (0.1, 0.5, 1e-30, 1.2e-38, 1e-45, 5e-324, 1e3, 1e9, 1e30, 3.4e38, 3.5e38, 1e308, math.inf, -math.inf, math.nan)
EXTREME = (*WHOLE, *FLOATS, -0.0, True, None, "x", "010")


def value(annotation: Any, random: Random) -> Any:
    """What a field might be given: of its kind, but for numbers, which are extreme."""
    if get_origin(annotation) is Annotated:
        return value(get_args(annotation)[0], random)
    if get_origin(annotation) is Literal:
        return random.choice(get_args(annotation))
    if get_origin(annotation) is tuple:
        return [value(get_args(annotation)[0], random) for _ in range(random.randint(1, 3))]
    if isinstance(annotation, type) and issubclass(annotation, Kinds):
        return section(random.choice(annotation.sections() or (annotation.base,)), random)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return section(annotation, random)
    if annotation in (str, type(None)):
        return None
    if annotation is bool:
        return random.random() < 0.5
    if annotation in (int, float):
        return random.choice(EXTREME)
    return value(random.choice(get_args(annotation)), random)


def section(model: type[BaseModel], random: Random) -> dict[str, Any]:
    """A few keys, so that many configs get past the schema."""
    names = [name for name in model.model_fields if name != "layers"]
    chosen = {"kind"} & set(names) | set(random.sample(names, min(len(names), random.randint(0, 2))))
    return {name: value(model.model_fields[name].annotation, random) for name in names if name in chosen}


def layer(random: Random) -> Any:
    number = partial(random.choice, EXTREME if random.random() < 0.5 else WHOLE[1:])
    shared = {"stride": number(), "padding": random.choice(["same", "valid"])} if random.random() < 0.5 else {}
    conv = {"kind": "conv", "channels": number(), "kernel": number()}
    return random.choice([number(), conv | shared, {"kind": "pool", "size": number()} | shared])


@pytest.mark.parametrize("seed", range(8))
def test_every_extreme_number_is_taken_or_refused_at_once(digits, seed):
    random, taken = Random(seed), 0
    for _ in range(50):
        raw = section(Config, random) | {"data": {"name": "digits"}}
        hidden = [layer(random) for _ in range(random.randint(0, 2))]
        raw["network"] = (raw.get("network") or {}) | {"layers": [64, *hidden, 10]}
        began = time.perf_counter()
        try:
            with python_warnings.catch_warnings():
                python_warnings.simplefilter("error")
                config = check(raw, "t")
                warnings(config)
                build(config, digits)
            taken += 1
        except UserError as error:
            message = str(error)
            assert len(message) < 6000
        assert time.perf_counter() - began < 1.5, raw
    assert 0 < taken < 50


def test_numbers_that_numpy_made_are_numbers():
    assert check({"optimizer": {"learning_rate": np.float64(0.5)}, "seed": 3}, "t").optimizer.learning_rate == 0.5


def test_a_dataset_of_any_size_is_part_of_the_estimate():
    images = np.zeros((10, 4), np.uint8)
    some = Samples(images, np.zeros(10, np.int32))
    small = Dataset("small", some, some, shape=(2, 2), labels=np.arange(2))
    config = check({"network": {"layers": [4, 3, 2]}, "training": {"batch_size": 5}}, "t")
    assert build(config, small).test_batch_size == 10
