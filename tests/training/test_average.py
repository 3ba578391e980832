"""The exponential moving average of the weights: against a loop, in stretches, in tests and in what is left behind."""

from dataclasses import replace

import jax
import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax import archive
from erbp_jax.config import load_config
from erbp_jax.errors import UserError
from erbp_jax.training.checkpoint import Checkpoints, Place
from erbp_jax.training.fit import save_weights
from erbp_jax.training.session import Session

SMALL = [
    "data.train_size=300",
    "data.test_size=100",
    "training.batch_size=50",
    "encoding.steps=20",
    "training.epochs=2",
]
REACH = 0.5  # epochs of six batches: three batches


def session_of(root, *more):
    session = Session(load_config(root / "configs" / "digits.yaml", [*SMALL, "training.alignment=false", *more]))
    session.compile(session.start())
    return session


def arrays(params):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(params)]


def test_the_mean_is_that_of_a_loop_and_learning_does_not_see_it(root):
    plain, session = session_of(root, "optimizer.average=null"), session_of(root, f"optimizer.average={REACH}")
    alone, learner = plain.start(), session.start()
    mean = None
    for epoch, batch in [(e, b) for e in range(2) for b in range(session.batches)]:
        learner = session.train(learner, epoch, batch, batch + 1)
        alone = plain.train(alone, epoch, batch, batch + 1)
        share = 1.0 / min(epoch * session.batches + batch + 1, REACH * session.batches)
        new = arrays(learner.params)
        mean = new if mean is None else [(1 - share) * m + share * w for m, w in zip(mean, new, strict=True)]
        for got, want in zip(arrays(learner.weights), mean, strict=True):
            np.testing.assert_allclose(got, want, atol=1e-6)
    jax.tree.map(np.testing.assert_array_equal, learner.params, alone.params)
    assert alone.weights.trained is alone.params
    at_once = session.train(session.train(session.start(), 0, 0, session.batches), 1, 0, session.batches)
    jax.tree.map(np.testing.assert_array_equal, at_once.weights, learner.weights)


def test_tests_and_files_take_the_mean(root, tmp_path):
    session = session_of(root, "optimizer.average=1")
    learner = session.train(session.start(), 0, 0, session.batches)
    assert any(np.any(m != w) for m, w in zip(arrays(learner.weights), arrays(learner.params), strict=True))
    alone = session_of(root, "optimizer.average=null")
    as_weights = replace(alone.start(), params=learner.weights.trained)
    jax.tree.map(np.testing.assert_array_equal, session.test(learner, 1), alone.test(as_weights, 1))
    save_weights(tmp_path, learner)
    first = learner.weights.trained.projections[0]["weight"]
    np.testing.assert_array_equal(archive.load(tmp_path / "weights.npz")["layer0_weight"], first)


def test_a_checkpoint_holds_the_mean(root, tmp_path):
    session = session_of(root, "optimizer.average=1")
    learner = session.train(session.start(), 0, 0, 4)
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    checkpoints.save(4, learner, Place(0, 4))
    restored, place = checkpoints.restore(session.start())
    assert place == Place(0, 4)
    jax.tree.map(np.testing.assert_array_equal, restored.weights, learner.weights)


def test_fit_takes_an_average():
    data, seen = ej.data.load("digits").subset(300, 100), []
    kept = {"epochs": 2, "steps": 20, "batch_size": 50, "progress": False}
    network = ej.mlp(64, 20, 10)
    model = ej.fit(network, ej.ERBP.default, data, average=1, on_epoch=lambda _, learner: seen.append(learner), **kept)
    plain = ej.fit(network, ej.ERBP.default, data, **kept)
    jax.tree.map(np.testing.assert_array_equal, model.params.trained, seen[-1].mean)
    jax.tree.map(np.testing.assert_array_equal, plain.params.trained, seen[-1].params)
    assert any(np.any(m != w) for m, w in zip(arrays(model.params), arrays(plain.params), strict=True))
    with pytest.raises(UserError, match=r"average: .*got 0"):
        ej.fit(network, ej.ERBP.default, data, average=0, **kept)
