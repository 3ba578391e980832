"""Global settings of JAX: the same numbers under all of them."""

import os
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import erbp_jax as ej
from erbp_jax import random
from erbp_jax.config import load_config
from erbp_jax.config.build import build
from erbp_jax.data import load
from erbp_jax.environment import check_environment
from erbp_jax.random import new_key
from erbp_jax.settings import settle_process
from erbp_jax.trace import Tree
from erbp_jax.training import engine, testing
from erbp_jax.training.optimizer import make_optimizer

ADAM = [
    "optimizer.kind=adam",
    "optimizer.average=0.5",
    "optimizer.learning_rate=0.001",
    "optimizer.schedule=cosine",
    "optimizer.weight_decay=0.01",
]
CONFIGS = {
    "plain": [],
    "shifted, noise on the membrane": [
        "data.shift=1", "network.neuron.noise.kind=gaussian", "network.neuron.noise.sigma=0.1",
    ],
    "shared blank-out, adam": ["network.transmission.kind=shared_blank_out", "network.transmission.p=0.6", *ADAM],
    "blank-out, escape, sums of steps": [
        "network.transmission.kind=blank_out", "network.transmission.p=0.6", "encoding.kind=escape",
        "optimizer.schedule=exponential", "optimizer.accumulate=2", "optimizer.accumulate_growth=1.5",
    ],
    "poisson with a dead time, readouts that learn": [
        "encoding.kind=poisson", "encoding.max_rate=20", "encoding.dead_time=3", "rule.errors=learned",
    ],
    "local readouts, bits": ["rule.errors=local", "precision.weight_bits=8", "optimizer.schedule=linear"],
}  # fmt: skip
RULES = ("bp", "bp_spiking", "rbp_spiking")
SETTINGS = [(True, False)]  # x64, partitionable: what one of them changes, both change
SMALL = ["data.train_size=40", "data.test_size=20", "encoding.steps=15", "training.batch_size=10", "training.epochs=2"]


@pytest.fixture(autouse=True)
def promotion():
    """As a command has it: Adam's own arithmetic is not strict."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def settings(x64, partitionable):
    return jax.enable_x64(x64), jax.threefry_partitionable(partitionable)


def experiment(root, name):
    if name == "maps":
        config = load_config(root / "configs" / "digits_conv.yaml", SMALL)
    elif name in RULES:
        config = load_config(root / "configs" / "digits_rules.yaml", [*SMALL, "network.layers=[64,12,10]"], rule=name)
    else:
        config = load_config(root / "configs" / "digits.yaml", [*SMALL, "network.layers=[64,12,10]", *CONFIGS[name]])
    data = load("digits", None).subset(40, 20, 0)
    return build(config, data), make_optimizer(config.optimizer, 4, 2), data


def programs(e, optimizer, data):
    """What a session compiles, each with its arguments as shapes."""
    seed, zero = jnp.uint32(3), jnp.int32(0)
    learner = jax.eval_shape(lambda s: engine.init(e, optimizer, s), seed)
    yield (lambda s: engine.init(e, optimizer, s)), (seed,)
    train_set, test_set = (data.train.x, data.train.y), (data.test.x, data.test.y)
    yield (lambda *a: engine.train(e, optimizer, *a)), (learner, *train_set, zero, zero, zero)
    yield (lambda *a: testing.test(e, *a)), (seed, learner.weights, *test_set, zero)
    yield (lambda *a: engine.alignment(e, *a)), (learner, train_set[0][:5], train_set[1][:5], zero)


@pytest.mark.parametrize("name", [*CONFIGS, *RULES, "maps"])
def test_the_programs_are_those_of_the_defaults(name, root):
    """Equal operations on equal types are equal numbers: nothing has to be compiled to see it."""
    parts = experiment(root, name)
    want = [str(jax.make_jaxpr(f)(*arguments)) for f, arguments in programs(*parts)]
    for chosen in SETTINGS:
        x64, partitionable = settings(*chosen)
        with x64, partitionable:
            got = [str(jax.make_jaxpr(f)(*arguments)) for f, arguments in programs(*parts)]
        assert got == want


@pytest.mark.parametrize("name", ["plain", "shifted, noise on the membrane"])
def test_the_lowered_program_draws_the_same_numbers(name, root):
    """What is lowered under another Threefry flag is the same text: the flag of tracing stays with each operation."""
    parts = experiment(root, name)
    *_, (f, arguments) = list(programs(*parts))[:2]
    want = jax.jit(f).lower(*arguments).as_text()
    with jax.threefry_partitionable(False):
        assert jax.jit(f).lower(*arguments).as_text() == want


def test_the_package_draws_in_one_place(root):
    """What of `jax.random` depends on no setting may be called anywhere, the rest in `erbp_jax/random.py` alone."""
    anywhere = {"fold_in", "key", "key_data", "key_impl"}
    for path in (root / "erbp_jax").rglob("*.py"):
        if path.name != "random.py":
            code = [line for line in path.read_text().splitlines() if not line.lstrip().startswith((">>>", "..."))]
            assert set(re.findall(r"jax\.random\.(\w+)", "\n".join(code))) <= anywhere, path


DRAWS = {
    "normal": lambda k: random.normal(k, (5,)),
    "normal of many keys": lambda k: random.normal(random.split(k, 3), (2, 2)),
    "split": lambda k: jax.random.key_data(random.split(k, (2, 3))),
    "between": lambda k: random.between(k, (7,), -2.0, 3.0),
    "integers": lambda k: random.integers(k, (7,), 0, 5),
    "permutation": lambda k: random.permutation(k, 11),
    "bernoulli": lambda k: random.bernoulli(k, 0.3, (40,)),
    "words": lambda k: random.words(k, 5),
    "hashed words": lambda k: random.hashed_words(k, 4, n=5),
    "bytes": lambda k: random.uniform_bytes(k, (5,)),
    "dense": lambda k: ej.Dense(3, 4).init(k).trained["weight"],
    "maps": lambda k: ej.Conv2d((4, 4, 1), 2, 3).init(k).trained["weight"],
    "feedback": lambda k: ej.RandomFeedback().init(k, 3, 5),
    "noise": lambda k: ej.GaussianNoise(0.3).sample(random.split(k, 2), 4),
    "kicks": lambda k: ej.PoissonKicks(1.0, 0.3).sample(random.split(k, 2), 4),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_draws_are_those_of_the_defaults(draw):
    ways = (draw, jax.jit(draw), lambda k: jax.jit(jax.vmap(draw))(k[None])[0])
    wanted = [np.asarray(way(new_key(5))) for way in ways]
    for chosen in SETTINGS:
        x64, partitionable = settings(*chosen)
        with x64, partitionable:
            for way, want in zip(ways, wanted, strict=True):
                got = way(new_key(5))
                assert got.dtype == want.dtype
                np.testing.assert_array_equal(got, want)


def test_draws_are_what_jax_draws():
    """The numbers of every run so far."""
    key = new_key(5)
    np.testing.assert_array_equal(random.normal(key, (5,)), jax.random.normal(key, (5,)))
    np.testing.assert_array_equal(
        random.between(key, (5,), -1.0, 2.0), jax.random.uniform(key, (5,), jnp.float32, -1, 2)
    )
    np.testing.assert_array_equal(random.integers(key, (5,), 0, 9), jax.random.randint(key, (5,), 0, 9))
    np.testing.assert_array_equal(random.permutation(key, 50), jax.random.permutation(key, 50))
    np.testing.assert_array_equal(random.bernoulli(key, 0.4, (9,)), jax.random.bernoulli(key, 0.4, (9,)))
    assert (random.split(key, 3) == jax.random.split(key, 3)).all()
    for seed in (0, 7, 2**31, 2**32 - 1):
        assert new_key(seed) == jax.random.key(np.uint32(seed), impl="threefry2x32")


@pytest.mark.parametrize(
    "encoder", [ej.Regular(0.3), ej.Poisson(0.001, 3), ej.ExponentialEscape(), ej.Analog(0.5)], ids=str
)
def test_a_notebook_in_64_bits_runs_the_same_network(encoder):
    """Eagerly, with objects made under the setting, all neurons of the public names."""

    def run():
        noisy = ej.LIF(noise=ej.GaussianNoise(0.2))
        network = ej.sequential(ej.Dense(6, 5, 9.0, ej.BlankOut(0.6)), noisy, ej.Dense(5, 3, 9.0), ej.LIF())
        image, keys = jnp.arange(12, dtype=jnp.uint8).reshape(2, 6) * jnp.uint8(20), random.split(new_key(1), 2)
        state, spikes = ej.run(network, encoder, network.init(new_key(0)), image, keys, steps=6)
        return jax.tree.leaves((state.network, spikes))

    want = run()
    for chosen in SETTINGS:
        x64, partitionable = settings(*chosen)
        with x64, partitionable:
            got = run()
        for a, b in zip(got, want, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


def test_optax_does_as_by_default():
    """Adam's correction and a schedule, in the last bits: in float64 they end up in others."""
    section = load_adam()
    optimizer = make_optimizer(section, 10, 3).network
    weights = Tree(({"weight": jnp.linspace(-1.0, 1.0, 40, dtype=jnp.float32)},), ())

    @jax.jit
    def run(weights):
        def step(carry, _):
            trained, state = carry
            gradient = jax.tree.map(lambda w: w * w - 0.3, trained)
            update, state = optimizer.update(gradient, state, trained)
            return (optax.apply_updates(trained, update), state), None

        (trained, _), _ = jax.lax.scan(step, (weights, optimizer.init(weights)), length=17)
        return jax.tree.leaves(trained)[0]

    want = run(weights)
    with jax.enable_x64(True):
        np.testing.assert_array_equal(run(weights), want)


def load_adam():
    from erbp_jax.config.schema import Optimizer

    return Optimizer.model_validate({"kind": "adam", "learning_rate": 0.01, "schedule": "cosine"})


PROGRAM = """
import sys
from erbp_jax.environment import check_environment
from erbp_jax.errors import UserError
try:
    check_environment()
except UserError as error:
    print(error)
    sys.exit(2)
import jax, numpy as np
from erbp_jax.random import new_key, permutation
print(jax.config.jax_enable_x64, np.asarray(permutation(new_key(0), 5)), jax.random.normal(new_key(0)).dtype)
"""


def process(**environment):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **environment}, capture_output=True, text=True
    )
    return done.returncode, done.stdout.strip(), done.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("JAX_DISABLE_JIT", "1", "unset it, or set it to 0"),
        ("JAX_TRANSFER_GUARD", "disallow", "allowed: allow, log"),
        ("JAX_PLATFORMS", "nonsense", "JAX_PLATFORMS=nonsense"),
        ("JAX_ENABLE_X64", "nonsense", "'nonsense'"),
    ],
)
def test_what_no_command_can_work_with_is_said_in_a_line(name, value, said):
    code, out, err = process(**{name: value})
    assert (code, err) == (2, "")
    assert name in out
    assert said in out
    assert len(out.splitlines()) == 1


def test_a_command_has_settings_of_its_own():
    code, out, _ = process(JAX_PLATFORMS="cpu", JAX_ENABLE_X64="1", JAX_THREEFRY_PARTITIONABLE="0")
    assert code == 0
    assert out == process(JAX_PLATFORMS="cpu")[1]


def test_settling_a_process_that_has_the_defaults_changes_nothing():
    settle_process()
    assert jnp.arange(2.0).dtype == jnp.float32
    assert jax.config.jax_threefry_partitionable  # pyright: ignore[reportAttributeAccessIssue]
    check_environment()
