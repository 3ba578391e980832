"""A neuron, a rule, a connection, an encoder and a data set outside of the package, each in one file of its own, train
from a config through the real command."""

import json
import sys
from pathlib import Path

import jax
import pytest

from erbp_jax.config import load_config
from erbp_jax.errors import UserError
from erbp_jax.training.session import Session
from tests.command_line import call

ROOT = Path(__file__).parents[2]
NEURON = '''# my_neurons.py
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

import erbp_jax as ej


class State(NamedTuple):
    synaptic: jax.Array
    raised: jax.Array


@dataclass(frozen=True)
class Adaptive:
    """Every spike raises the threshold, which falls back."""

    tau: ej.Time = 5.0
    """How fast it falls back."""
    jump: float = 0.3

    def init_state(self, shape, dtype=jnp.float32):
        return State(jnp.zeros(shape, dtype), jnp.zeros(shape, dtype))

    def step(self, state, current, *, key=None):
        spikes = (current > 1.0 + state.raised).astype(current.dtype)
        return State(current, (1.0 - 1.0 / (1.0 + self.tau)) * state.raised + self.jump * spikes), spikes

__version__ = "1.0"


class NoNeuron:
    def init_state(self, shape): ...


def no_neuron():
    return 3


@dataclass
class Mutable:
    size: int = 3

    def init_state(self, shape, dtype=jnp.float32): ...

    def step(self, state, current, *, key=None): ...
'''

RULE = '''
from dataclasses import dataclass

import jax
import jax.numpy as jnp

import erbp_jax as ej
from erbp_jax.learning import ErrorSpikes, plasticity


@dataclass(frozen=True)
class Delta(ej.LocalRule):
    """Label minus output spikes, through random feedback where a population is not the output."""

    classes: int
    scale: float = 1.0

    def init(self, network, key):
        keys = [jax.random.fold_in(key, i) for i in range(len(network.hidden))]
        drawn = (self.scale * jax.random.normal(k, (self.classes, p.size)) for k, p in zip(keys, network.hidden))
        return ej.Params((), (*drawn, jnp.eye(self.classes)))

    def step(self, network, params, rule_params, state, trace, given):
        error = jax.nn.one_hot(given.target, self.classes)[None] - network.output_spikes(trace)
        post = dict(zip(network.names, (error @ g for g in rule_params.fixed)))
        updates = (plasticity(network, params, trace, j, -post[p.target]) for j, p in enumerate(network.projections))
        return ej.Step(state, tuple(updates), ErrorSpikes.none(*error.shape[:2]))


def scaled(network, scale: float = 2.0):
    return Delta(network.classes, scale)


ready = Delta(10, 3.0)
'''

CONNECTION = '''
from dataclasses import dataclass

import jax.numpy as jnp

import erbp_jax as ej


@dataclass(frozen=True)
class Bands(ej.Dense):
    """All to all, but weights far from the diagonal start at 0."""

    width: float = 0.5

    def init(self, key):
        drawn = super().init(key).trained["weight"]
        i, o = jnp.arange(self.inputs)[:, None] / self.inputs, jnp.arange(self.outputs)[None] / self.outputs
        return ej.Params({"weight": jnp.where(jnp.abs(i - o) < self.width, drawn, 0.0)})
'''

ENCODER = '''
from dataclasses import dataclass

import jax.numpy as jnp

import erbp_jax as ej


@dataclass(frozen=True)
class Latency:
    """One spike per pixel: the brighter, the sooner."""

    steps: int
    longest: ej.Ticks = 10

    def init_state(self, sample, key):
        return ()

    def __call__(self, state, sample, ticks, key):
        at = jnp.round((1.0 - sample.astype(jnp.float32) / 255.0) * self.longest).astype(jnp.int32)
        return state, ((at == ticks[:, None, None]) & (sample > 0)).astype(jnp.float32)
'''

DATA = '''
import numpy as np

import erbp_jax as ej


def stripes(samples: int = 100, size: int = 6, seed: int = 0) -> ej.Dataset:
    """Horizontal stripes are of class 0, vertical ones of class 1."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 2, samples).astype(np.int32)
    images = np.zeros((samples, size, size), np.uint8)
    for image, label in zip(images, labels):
        line = draw.integers(size)
        image[(line, slice(None)) if label == 0 else (slice(None), line)] = 255
    return ej.dataset(images, labels, images[:20], labels[:20], name="stripes")
'''

TASK = '''
from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp

import erbp_jax as ej


@dataclass(frozen=True)
class Margin:
    """How many spikes the right class is ahead of the next one."""

    at_least: float = 1.0

    measures = (
        ej.Measure("margin", counted=False, high_is_good=True),
        ej.Measure("close", counted=True),
    )

    def init_state(self, network, batch):
        return jnp.zeros((batch, network.classes))

    def observe(self, network, state, trace, target, ticks):
        return state + network.output_spikes(trace).sum(0)

    def score(self, state, target):
        right = jnp.take_along_axis(state, target[:, None], 1)[:, 0]
        rest = jnp.where(jnp.arange(state.shape[1]) == target[:, None], -jnp.inf, state).max(1)
        return {"margin": right - rest, "close": right - rest < self.at_least}

    def answer(self, state):
        return state.argmax(-1)
'''

SMALL = [
    *("data.train_size=40", "data.test_size=20", "training.epochs=1", "network.layers=[64,12,10]"),
    *("encoding.steps=20", "training.batch_size=20", "training.alignment=false", "training.update_every=5"),
]


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module of the user's own into the working directory; the interpreter forgets it afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != ""])
    written = []

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        sys.modules.pop(name, None)
        written.append(name)

    yield write
    for name in written:
        sys.modules.pop(name, None)


@pytest.fixture
def train(root, tmp_path, monkeypatch, capsys):
    """Train the demo with overrides; the metrics of the last epoch."""

    def run(*overrides, small=SMALL):
        out = tmp_path / "run"
        code, _, err = call(
            monkeypatch, capsys, "train", root / "configs" / "digits.yaml", *small, *overrides, "--out", out
        )
        assert code == 0, err
        return json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])

    return run


def traced(root, *overrides):
    """A session of the demo whose training was traced, for its shapes."""
    session = Session(load_config(root / "configs" / "digits.yaml", [*SMALL, *overrides]))
    session.trace()
    return session


@pytest.fixture(autouse=True)
def _as_a_user():
    """Code of a user's own is written for JAX's own rules of promotion."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


pytestmark = pytest.mark.usefixtures("without_pictures")


def test_a_neuron(module, train, monkeypatch, capsys):
    module("my_neurons", NEURON)
    made = train("network.neuron={kind: my_neurons:Adaptive, tau: 8}")
    assert made["samples"] == 40
    noted = json.loads(Path("run/environment.json").read_text())["modules"]
    assert noted["my_neurons"]["version"] == "1.0"
    assert len(noted["my_neurons"]["sha256"]) == 64

    # The folder names code: it is imported only where that is allowed.
    for command in (["resume", "run"], ["evaluate", "run"], ["nsat", "compile", "run", "--out", "p.npz"]):
        code, _, err = call(monkeypatch, capsys, *command)
        assert code == 2
        assert "my_neurons" in err
        assert "--trust" in err
    code, out, err = call(monkeypatch, capsys, "evaluate", "run", "--trust")
    assert code == 0, err
    assert "test error" in out
    code, out, err = call(monkeypatch, capsys, "resume", "run", "--trust")
    assert code == 0, err
    module("my_neurons", NEURON.replace("0.3", "0.4").replace('"1.0"', '"1.1"'))
    code, _, err = call(monkeypatch, capsys, "resume", "run", "--trust")
    assert code == 2
    assert "my_neurons" in err
    assert "version 1.0" in err
    assert "version 1.1" in err


def test_a_rule(module, train):
    module("my_rules", RULE)
    small = [item for item in SMALL if not item.startswith("data.train_size")]
    rule = "rule={kind: my_rules:Delta, scale: 3}"
    rates = ("optimizer.learning_rate=1e-3", "optimizer.schedule=exponential", "optimizer.average=null")
    made = train(rule, *rates, "network.layers=[64,40,10]", small=small)
    assert made["test_error"] < 60  # of 90


@pytest.mark.parametrize(
    ("rule", "scale"), [("scaled", 2.0), ("scaled, scale: 5", 5.0), ("ready", 3.0), ("ready, scale: 4", 4.0)]
)
def test_a_rule_may_be_a_function_or_stand_ready(module, root, rule, scale):
    module("my_rules", RULE)
    session = traced(root, f"rule={{kind: my_rules:{rule}}}", "network.layers=[64,12,10]")
    assert (session.experiment.rule.scale, session.experiment.rule.classes) == (scale, 10)


def test_a_connection(module, train):
    module("my_synapses", CONNECTION)
    train("network.layers=[64,{kind: my_synapses:Bands, outputs: 12, width: 0.3},10]")


def test_an_encoder(module, train):
    module("my_encoders", ENCODER)
    assert train("encoding={kind: my_encoders:Latency, longest: 15}")["rates_hz"][0] > 0


FUNCTION = """
import erbp_jax as ej


@ej.local_rule(feedback=ej.RandomFeedback(1.0))
def boxed(pre, post, error):
    return (abs(post.current) < 2) * error
"""


def test_a_rule_that_is_one_function(module, train):
    module("my_function", FUNCTION)
    assert train("rule={kind: my_function:boxed, burn_in: 10}")["error_spikes_per_sample"] > 0


def test_a_task(module, train, tmp_path):
    module("my_tasks", TASK)
    last = train("task={kind: my_tasks:Margin, at_least: 2}")
    assert {"test_margin", "train_margin", "close"} <= set(last)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["measure"] == {"name": "margin", "counted": False, "high_is_good": True}


def test_a_data_set(module, train):
    module("my_data", DATA)
    small = ["network.layers=[36,20,2]", "training.epochs=1", "training.batch_size=10", "training.alignment=false"]
    train("data={kind: my_data:stripes, samples: 60}", small=small)
    assert json.loads(Path("run/summary.json").read_text())["dataset"] == "stripes"


WRONG = {
    "no module": ("network.neuron.kind=nowhere:X", ["network.neuron.kind", "no module nowhere"]),
    "no such name": ("network.neuron.kind=my_neurons:Adaptve", ["network.neuron.kind", "has no 'Adaptve'"]),
    "no neuron": ("network.neuron.kind=my_neurons:NoNeuron", ["network.neuron.kind", "lacks step"]),
    "not what a neuron is": (
        "network.neuron.kind=my_neurons:no_neuron",
        ["network.neuron.kind", "is no neuron", "int"],
    ),
    "not a neuron at all": ("network.neuron.kind=my_neurons:__version__", ["network.neuron.kind", "a class"]),
    "a rule": ("rule.kind=my_neurons:Adaptive", ["rule.kind", "lacks init, block"]),
    "an unknown key": ("network.neuron={kind: my_neurons:Adaptive, jmp: 1}", ["jmp: unknown key", "'jump'"]),
    "a wrong value": ("network.neuron={kind: my_neurons:Adaptive, tau: -1}", ["neuron.tau", "equal to 0"]),
    "no name of a module": ("network.neuron.kind=my neurons:X", ["network.neuron.kind", "package.module:Name"]),
    "a module that fails": ("network.neuron.kind=broken:X", ["network.neuron.kind", "ZeroDivisionError"]),
    "a module that lacks another": ("network.neuron.kind=lacking:X", ["network.neuron.kind", "missing_one"]),
    "no frozen dataclass": ("network.neuron.kind=my_neurons:Mutable", ["network.neuron.kind", "unhashable", "frozen"]),
    "no parameters": ("data.kind=builtins:dict", ["data.kind", "does not say its parameters"]),
    "no data set": ("data.kind=my_neurons:no_neuron", ["data.kind", "Dataset", "int"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_used_is_one_clear_message(module, root, monkeypatch, capsys, case):
    module("my_neurons", NEURON)
    module("broken", "1 / 0")
    module("lacking", "import missing_one")
    override, words = WRONG[case]
    code, _, err = call(monkeypatch, capsys, "train", root / "configs" / "digits.yaml", override, "--out", "run")
    assert code == 2, err
    assert all(word in err for word in words), err
    assert "Traceback" not in err
    assert not Path("run").exists()


FAILS = """
from dataclasses import dataclass
import jax.numpy as jnp

@dataclass(frozen=True)
class Fails:
    def init_state(self, shape, dtype=jnp.float32):
        return jnp.zeros(shape, dtype)

    def step(self, state, current, *, key=None):
        return state, current + None
"""


def test_a_step_that_fails_does_so_before_a_run_folder_is_made(module, root, monkeypatch, capsys):
    module("failing", FAILS)
    given = (root / "configs" / "digits.yaml", "network.neuron.kind=failing:Fails", "rule.kind=stdp", "--out", "run")
    with pytest.raises(TypeError):  # whoever writes a neuron wants to see where
        call(monkeypatch, capsys, "train", *given)
    assert not Path("run").exists()


LIBRARY = {
    "stdp": "{kind: stdp}",
    "nearest pairs": "{kind: stdp, pairing: nearest, kernel: {kind: staircase}, modulator: {kind: class_reward}}",
    "eligibility": "{kind: stdp, tau_eligibility: 20, kernel: {tau_causal: 10}}",
    "mstdp": "{kind: mstdp, modulator: {kind: class_reward}}",
    "mstdpet": "{kind: mstdpet, tau_eligibility: 10, modulator: {kind: class_reward}}",
    "clopath": "{kind: clopath, rest: 0, theta_minus: 0.1, theta_plus: 0.5}",
    "urbanczik_senn": "{kind: urbanczik_senn}",
    "membrane_gated": "{kind: membrane_gated, threshold: 0.5, slope: 2}",
    "ecd": "{kind: ecd, settle: 2}",
    "forward_table_stdp": "{kind: forward_table_stdp, expiry: 80}",
}


@pytest.mark.parametrize("name", LIBRARY)
def test_every_rule_of_the_library_can_be_named(root, name):
    """In a network of two hidden layers; tracing alone."""
    traced(root, f"rule={LIBRARY[name]}", "network.layers=[64,12,11,10]")


def test_a_rule_of_the_three_factor_family_trains(train):
    train("rule={kind: mstdp, modulator: {kind: class_reward}}", "optimizer={learning_rate: 1e-6}")


def test_a_rule_that_does_not_suit_the_outputs_says_so_before_anything_is_trained(root):
    with pytest.raises(UserError, match=r"SpikeReward: .* the network has 10; take ClassReward"):
        traced(root, "rule={kind: mstdp}", "network.layers=[64,12,10]")


def test_the_table_has_every_rule():
    from erbp_jax.config.schema import Rule

    named = {text.split("kind: ")[1].split(",")[0].strip("}") for text in LIBRARY.values()}
    assert named | {"erbp", "perbp", "bp", "rbp"} == set(Rule.known())


@pytest.mark.parametrize(
    "layer",
    [
        "{kind: sparse, outputs: 12, fan_in: 5}",
        "{kind: delayed, outputs: 12, delays: [1, 3]}",
        "{kind: dense, outputs: 12}",
    ],
)
@pytest.mark.parametrize("rule", ["erbp", "perbp"])
def test_connections_of_the_library_can_be_named(root, layer, rule):
    traced(root, f"network.layers=[64,{layer},10]", f"rule.kind={rule}")


def test_a_rule_says_what_it_cannot_do(root, monkeypatch, capsys, tmp_path):
    bad = {
        "network.layers=[64,{kind: sparse, outputs: 12, fan_in: 5},10]": (
            "{kind: forward_table_stdp}",
            "weight matrix",
        ),
        "network.neuron={kind: lif}": ("{kind: ecd, settle: 30}", "burn_in"),
    }
    for override, (rule, word) in bad.items():
        code, _, err = call(
            monkeypatch,
            capsys,
            "train",
            root / "configs" / "digits.yaml",
            override,
            f"rule={rule}",
            "--out",
            tmp_path / "r",
        )
        assert code == 2
        assert word in err
