"""A set that comes in pieces gives the numbers of one that is there as a whole."""

import jax
import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax.config import load_config
from erbp_jax.errors import NonFiniteError
from erbp_jax.training.session import Session


def without_time(history):
    return [{key: value for key, value in entry.items() if key != "train_seconds"} for entry in history]


def test_no_number_changes():
    data = ej.data.load("digits").subset(210, 45)
    options = {"epochs": 2, "batch_size": 20, "progress": False, "alignment": True}
    whole = ej.fit(ej.mlp(64, 10, 10), ej.ERBP.default, data, **options)
    for piece in (20, 70):
        parts = ej.fit(ej.mlp(64, 10, 10), ej.ERBP.default, data, piece=piece, **options)
        jax.tree.map(np.testing.assert_array_equal, parts.params, whole.params)
        assert without_time(parts.history) == without_time(whole.history)


def small(root, *overrides):
    few = ["data.train_size=90", "data.test_size=30", "training.batch_size=10", "training.seeds=2"]
    return Session(load_config(root / "configs" / "digits.yaml", ["network.layers=[auto,10,auto]", *few, *overrides]))


def test_seeds_have_orders_of_their_own_and_a_mean_of_weights(root):
    found = []
    for piece in ([], ["training.piece=30"]):
        session = small(root, "optimizer.average=0.5", "encoding.steps=20", *piece)
        learner = session.start()
        session.compile(learner)
        for first, last in ((0, 4), (4, 9)):
            learner = session.train(learner, 1, first, last)
        found.append((learner, session.test(learner, 2)))
    jax.tree.map(np.testing.assert_array_equal, found[0], found[1])


def test_a_divergence_is_located_in_its_piece(root):
    said = []
    for piece in ([], ["training.piece=30"]):
        session = small(root, "optimizer.learning_rate=1e37", "encoding.steps=20", *piece)
        learner = session.start()
        session.compile(learner)
        with pytest.raises(NonFiniteError) as caught:
            session.train(learner, 0, 0, 9)
        said.append(str(caught.value))
    assert said[0] == said[1]
