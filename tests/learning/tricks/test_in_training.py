"""Tricks in the training loops: every pair is traced or refused, what the loops give them, and real learning."""

import json
import sys
from dataclasses import replace
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import erbp_jax as ej
from erbp_jax.cli import train
from erbp_jax.config import check, load_config
from erbp_jax.config.build import build
from erbp_jax.config.build_precision import weight_grids
from erbp_jax.config.schema.training import place_of
from erbp_jax.data import load
from erbp_jax.errors import UserError
from erbp_jax.learning.base import Given
from erbp_jax.learning.tricks import written
from erbp_jax.learning.tricks.steps import ErrorRate
from erbp_jax.registry import entries
from erbp_jax.trace import Tree
from erbp_jax.training.learn import Learning, learn, start
from erbp_jax.training.optimizer import make_optimizer
from erbp_jax.training.session import Session
from erbp_jax.training.transforms import besides, stepped
from tests.learning.tricks.test_contract import KINDS, NEEDED

PLACES = {entry.kind: place_of(entry) for entry in entries("trick")}
PAIRS = list(combinations(KINDS, 2))
SIZES = [kind for kind in KINDS if PLACES[kind] == "normalise"]
SMALL = ["network.layers=[64,12,10]", "encoding.steps=10", "rule.burn_in=0", "training.update_every=10"]


def tricks(*kinds):
    return [{"kind": kind, **NEEDED.get(kind, {})} for kind in kinds]


def config(rule, section):
    return check({"network": {"layers": [64, 12, 10]}, "rule": {"kind": rule}, "optimizer": section}, "t")


@pytest.fixture(scope="module", params=["erbp", "bp"])
def block(request, root):
    """The rule's name, the parameters, and what it made of a block of a real training, as shapes."""
    given = load_config(
        root / "configs" / "digits_rules.yaml", ["network.layers=[64,12,10]", "encoding.steps=20"], rule=request.param
    )
    e = build(given, load("digits", None).subset(40, 20, 0))
    key, k, batch = jax.random.key(0, impl="threefry2x32"), e.update_every, e.batch_size

    def made():
        params, rule_params = e.network.init(key), e.rule.init(e.network, key)
        given = Given(
            jnp.zeros((k, batch, 64)), jnp.zeros(batch, jnp.int32), jnp.arange(k, dtype=jnp.int32),
            jnp.broadcast_to(key, (k, batch)),
        )  # fmt: skip
        made = e.rule.block(e.network, params, rule_params, e.rule.init_state(e.network, batch), given)
        return params.trained, made.update, besides(e.network, made)

    return request.param, *jax.eval_shape(made)


def test_every_pair_is_traced_for_a_block_or_refused_by_name(block):
    """Trained and carried shapes and types stay, whatever goes with what."""
    rule, params, update, extra = block
    refused = 0
    for pair in (*PAIRS, *((kind,) for kind in KINDS)):
        section = {"tricks": tricks(*pair), "momentum": 0.5}
        if sum(kind in SIZES for kind in pair) > 1 or (rule == "bp" and "errors" in pair):
            what = (
                "errors needs error neurons" if rule == "bp" and "errors" in pair else f"{pair[0]} and {pair[1]} both"
            )
            with pytest.raises(UserError, match=what):
                config(rule, section)
            refused += 1
            continue
        one = make_optimizer(config(rule, section).optimizer, 10, 2).network
        state = jax.eval_shape(one.init, params)
        after = jax.eval_shape(lambda u, s, p, x, one=one: stepped(one, u, s, p, **x), update, state, params, extra)
        assert jax.tree.map(lambda x: (x.shape, x.dtype), after) == jax.tree.map(
            lambda x: (x.shape, x.dtype), (params, state)
        ), pair
    assert refused == len(list(combinations(SIZES, 2))) + (len(KINDS) if rule == "bp" else 0)


def test_what_does_not_go_together_is_refused():
    for section, words in (
        ({"kind": "adam", "tricks": tricks("shifts")}, "shifts and kind: adam both set the size"),
        ({"tricks": tricks("max_norm", "errors", "max_norm")}, "max_norm stands there 2 times"),
        ({"tricks": [{"kind": "factored_moment"}]}, r"tricks\.0\.kind: unknown.*did you mean 'factored_moments'"),
        ({"tricks": [{"kind": "factored_moments", "decay": 1}]}, r"tricks\.0\.decay: must be less than 1"),
        ({"tricks": [{"kind": "keep_within", "low": 1, "high": 0}]}, "low must be below high"),
    ):
        with pytest.raises(UserError, match=words):
            config("erbp", section)


def test_places_do_not_depend_on_the_order_in_a_config():
    """Sizes before momentum, bounds after the rate: two orders of one list step alike, and not like another chain."""
    params = {"weight": jnp.ones((3, 2))}
    kinds = ("max_norm", "errors", "neuron_rms", "write_threshold")
    moved = []
    for order in (kinds, kinds[::-1]):
        section = {"tricks": tricks(*order), "momentum": 0.5, "learning_rate": 0.7, "schedule": "constant"}
        one = make_optimizer(config("erbp", section).optimizer, 10, 2).network
        state, at = one.init(params), params
        for n in range(4):
            update = {"weight": jnp.full((3, 2), -(10.0**n))}
            step, state = one.update(update, state, at, errors=jnp.float32(2.0))
            at = optax.apply_updates(at, step)
        moved.append(np.asarray(at["weight"]))
    np.testing.assert_array_equal(moved[0], moved[1])
    np.testing.assert_allclose(np.sqrt((moved[0] ** 2).sum(0)), NEEDED["max_norm"]["bound"], rtol=1e-4)


OUTSIDE = """
import optax
from erbp_jax.registry import register

halves = optax.scale(0.5)

def times(by: float = 3.0):
    return optax.scale(by)

@register("trick", "late_scale", place="write")
def late(by: float):
    return optax.scale(by)

def nothing():
    return 3
"""


def test_links_of_ones_own_have_a_place(tmp_path, monkeypatch):
    """A transformation that stands ready, a function that makes one, and one that says its place."""
    (tmp_path / "my_links.py").write_text(OUTSIDE)
    monkeypatch.syspath_prepend(str(tmp_path))

    def step(*kinds):
        section = {"tricks": [*map(dict, kinds)], "learning_rate": 1.0, "schedule": "constant", "weight_decay": 1.0}
        one = make_optimizer(config("erbp", section).optimizer, 1, 1).network
        params = Tree(({"weight": jnp.ones(())},), ({},))
        return float(one.update(params, one.init(params), params)[0].projections[0]["weight"])

    halves, times = {"kind": "my_links:halves"}, {"kind": "my_links:times", "by": 10}
    late = {"kind": "my_links:late", "by": 7}
    assert step() == -2.0
    assert step(halves, times) == -(0.5 * 10 + 1)
    assert step(late, halves) == -(0.5 + 1) * 7
    with pytest.raises(UserError, match=r"tricks\.0\.kind: 'my_links:nothing' is no trick, which has init, update"):
        step({"kind": "my_links:nothing"})
    with pytest.raises(UserError, match=r"tricks\.0\.buy: unknown key \(did you mean 'by'"):
        step({**times, "buy": 3})
    del sys.modules["my_links"]


def test_weights_of_the_rule_go_by_the_sizes_alone():
    section = {"tricks": tricks("neuron_rms", "errors", "max_norm"), "learning_rate": 0.5, "schedule": "constant"}
    own = make_optimizer(config("erbp", section).optimizer, 10, 2).rule
    start = {"weight": jnp.full((3, 2), 9.0)}
    step, _ = own.update({"weight": jnp.full((3, 2), 40.0)}, own.init(start), start)
    np.testing.assert_array_equal(step["weight"], -0.5)


def gather():
    """Moves nothing, and keeps what the loop gives."""

    def update(updates, state, params=None, *, errors, eligibility, **_):
        del params
        new = jnp.stack([errors, *eligibility])
        return jax.tree.map(jnp.zeros_like, updates), jnp.concatenate([state[1:], new[None]])

    return optax.GradientTransformationExtraArgs(lambda params: jnp.zeros((3, 1 + len(params.projections))), update)


def test_the_loop_gives_errors_and_eligibility():
    """Three blocks of five ticks, against sums over the spikes themselves."""
    lif = ej.LIF(tau_mem=0.0, tau_syn=0.5)
    network = ej.sequential(ej.Dense(6, 5, 20.0), lif, ej.Dense(5, 3, 20.0), lif)
    rule = ej.ERBP(ej.LabelNeurons(3))
    key = jax.random.key(0, impl="threefry2x32")
    learning = Learning(network, rule, gather())
    stream = start(learning, network.init(key), rule.init(network, key), batch=2)
    spikes = jax.random.bernoulli(key, 0.6, (15, 2, 6)).astype(jnp.float32)

    def record(made, params):
        del params
        return made.events.error_spikes, made.trace.populations[0].spikes

    stream, (errors, hidden) = learn(
        learning, stream, spikes, jnp.array([0, 2]), key=jax.random.split(key, 2), block=5, record=record
    )
    got = np.asarray(stream.optimizer[0])
    np.testing.assert_allclose(got[:, 0], np.asarray(errors).sum((1, 2)) / 2)
    for column, sent in ((1, np.asarray(spikes).reshape(3, 5, 2, 6)), (2, np.asarray(hidden))):
        np.testing.assert_allclose(got[:, column], [np.mean((block.sum(0) ** 2).sum(-1)) for block in sent])
    assert got.min() > 0


def error_rate(state):
    (found,) = [
        s for s in jax.tree.leaves(state, is_leaf=lambda s: isinstance(s, ErrorRate)) if isinstance(s, ErrorRate)
    ]
    return found


def test_all_places_at_once_in_a_training_with_few_bits(root):
    """On the grid, in any stretches; writes are the weights that change, errors those of the counters."""
    kinds = ["factored_moments", "errors", "write_threshold", "error_triggered", "max_norm", "count_writes"]
    section = tricks(*kinds)
    section[1] |= {"decay": 0.0}
    section[2] |= {"threshold": 0.02}
    section[4] |= {"bound": 20.0}
    words = str(section).replace("'", "")
    more = [f"optimizer.tricks={words}", "optimizer.learning_rate=0.01", "optimizer.momentum=0.5"]
    few = ["precision.weight_bits=8", "training.seeds=2", "data.train_size=100", "data.test_size=20"]
    session = Session(load_config(root / "configs" / "digits.yaml", [*SMALL, *more, *few]))
    session.compile(session.start())
    whole = session.train(session.start(), 0, 0, session.batches)
    learner, counted = session.start(), np.zeros(2, np.int64)
    before = jax.tree.map(np.asarray, learner.params)
    for batch in range(session.batches):
        spikes = learner.counters.values().error_spikes
        learner = session.train(learner, 0, batch, batch + 1)
        for old, new in zip(before.projections, learner.params.projections, strict=True):
            counted += (old["weight"] != np.asarray(new["weight"])).sum((1, 2))
        before = jax.tree.map(np.asarray, learner.params)
        now = (learner.counters.values().error_spikes - spikes) / session.experiment.batch_size
        np.testing.assert_allclose(error_rate(learner.optimizer).mean, now, rtol=1e-6)
    jax.tree.map(np.testing.assert_array_equal, learner, whole)
    np.testing.assert_array_equal(written(learner.optimizer), counted)
    assert np.all(counted > 100)
    assert np.all(counted < 0.7 * session.batches * (64 * 12 + 12 * 10))
    grids = weight_grids(session.config.precision, session.experiment.network)
    for layer, grid in zip(whole.params.projections, grids, strict=True):
        points = np.asarray(layer["weight"], np.float64) / grid.step
        np.testing.assert_array_equal(points, points.round())


def test_a_feedback_of_the_wrong_size_learns_all_the_same(root):
    """32 times the feedback: plain eRBP has 47 % errors after an epoch of digits; by factored moments the weights are
    those with the right feedback to the last bit, and err in 13 %."""
    small = ["encoding.steps=20", "rule.burn_in=5", "network.layers=[64,50,10]", "rule.rate_penalty=0"]
    small += ["optimizer.average=null", "optimizer.learning_rate=2e-4", "rule.gate=[-1.87,1.87]"]
    errors = {}
    for name, more in {
        "plain": [],
        "factored": ["optimizer.tricks=[{kind: factored_moments}]", "optimizer.learning_rate=0.01"],
    }.items():
        session = Session(load_config(root / "configs" / "digits.yaml", [*small, *more]))
        learner = session.start()
        wrong = learner.rule_params._replace(fixed=jax.tree.map(lambda x: 32 * x, learner.rule_params.fixed))
        session.compile(learner)
        right = session.train(learner, 0, 0, session.batches)
        wrong = session.train(replace(learner, rule_params=wrong), 0, 0, session.batches)
        errors[name] = float(session.test(wrong, 1).scores["error"].mean())
        same = [np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (right.params, wrong.params)), strict=True)]
        assert all(same) == (name == "factored")
    assert errors["factored"] < 0.2
    assert errors["plain"] > 0.35


def test_a_run_that_counts_its_writes_has_them_in_its_summary(root, tmp_path):
    few = [
        "training.seeds=2",
        "data.train_size=100",
        "data.test_size=20",
        "training.epochs=1",
        "training.alignment=false",
    ]
    with jax.numpy_dtype_promotion("standard"):
        train(
            root / "configs/digits.yaml",
            [*SMALL, *few, "optimizer.tricks=[{kind: count_writes}]"],
            out=tmp_path / "run",
        )
    found = json.loads((tmp_path / "run" / "summary.json").read_text())["weight_writes_per_seed"]
    assert len(found) == 2
    assert min(found) > 100
