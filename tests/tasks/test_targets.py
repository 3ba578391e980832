"""Targets that no task can read as they are: classes without an output, labels in the form of curves."""

import jax.numpy as jnp
import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax.config import check
from erbp_jax.config.build import build
from erbp_jax.config.build_data import load_data
from erbp_jax.data.arrays import is_one_hot
from erbp_jax.data.dataset import Samples
from erbp_jax.errors import UserError

N = 12
X = np.random.default_rng(0).random((N, 6)).astype(np.float32)
Y = np.arange(N) % 3
ONE_HOT, LABELS = np.eye(3)[Y], np.arange(3)


def by_hand(train, test=Y, labels=LABELS):
    rows = np.uint8(255 * X)
    return ej.Dataset("mine", Samples(rows, train), Samples(rows, test), shape=(6,), labels=labels)


@pytest.mark.parametrize(
    ("y", "given"),
    [
        (np.where(Y == 1, -1, Y), "-1 for sample 1"),
        (np.where(np.arange(N) > 9, 3, Y), "3 for sample 10"),
        (Y + 0.5, r"float64 \[12\]"),
        (ONE_HOT, r"float64 \[12, 3\]"),
        (jnp.asarray([0, 1, 7]), "7 for sample 2"),
    ],
)
def test_classes_are_those_of_the_labels(y, given):
    """A class without an output was trained on as one that no output is right for."""
    for part, make in (("train", lambda: by_hand(y)), ("test", lambda: by_hand(Y, y))):
        with pytest.raises(UserError, match=rf"mine: {part}.y must be classes, .* from 0 to 2, got {given}"):
            make()


def test_targets_without_labels_are_curves():
    with pytest.raises(UserError, match=r"targets are int64 \[12\], neither curves .* nor classes with the labels"):
        ej.fit(ej.mlp(6, 3), ej.ERBP.default, by_hand(Y, labels=None), epochs=0)


@pytest.mark.parametrize("task", [None, ej.Classification(by="first")])
def test_a_class_without_an_output_is_named(task):
    y = np.where(np.arange(N) == 4, 12, Y)
    with pytest.raises(UserError, match=r"network: has 3 outputs, but the data has 4 classes \(0, 1, 2, 12\)"):
        ej.fit(ej.mlp(6, 3), ej.ERBP.default, ej.dataset(X, y, X, y), task=task, epochs=0)


def test_outputs_of_no_class_are_the_tasks_business():
    data = ej.dataset(X, Y, X, Y)
    assert ej.fit(ej.mlp(6, 5), ej.ERBP.default, data, task=ej.Classification(), epochs=0).network.classes == 5
    curves = ej.dataset(X, X[:, :3], X, X[:, :3])
    with pytest.raises(UserError, match="a classification needs labels, but the targets of the data are not labels"):
        ej.fit(ej.mlp(6, 3), ej.ERBP.default, curves, task=ej.Classification(), epochs=0)


def test_one_hot_labels_are_not_followed_as_curves_unawares(tmp_path):
    data, net = ej.dataset(X, ONE_HOT, X, ONE_HOT), ej.mlp(6, 3)
    with pytest.raises(UserError, match=r"one-hot labels have; y\.argmax\(1\) are the labels; for a regression"):
        ej.fit(net, ej.ERBP.default, data, epochs=0)
    for task in (ej.Regression(variance=data.variance), ej.Choice()):
        assert ej.fit(net, ej.BackProp(), data, task=task, epochs=0).task == task
    with pytest.raises(UserError, match=r"must be float, got int64; y\.argmax\(1\) makes labels of one-hot rows"):
        ej.dataset(X, ONE_HOT.astype(int))
    np.savez(tmp_path / "mine.npz", x=X, y=ONE_HOT)
    config = {
        "data": {"path": str(tmp_path / "mine.npz")},
        "network": {"layers": [6, 3]},
        "training": {"batch_size": 2},
    }
    for task, refused in ((None, True), ("regression", False), ("choice", False)):
        asked = check({**config, **({"task": {"kind": task}} if task else {})}, "here")
        if refused:
            with pytest.raises(UserError, match=r"y\.argmax\(1\) are the labels"):
                build(asked, load_data(asked))
        else:
            build(asked, load_data(asked))


def test_other_curves_are_none():
    assert is_one_hot(ONE_HOT)
    two, none = ONE_HOT + np.eye(3)[Y - 1], np.zeros((N, 3))
    for y in (ONE_HOT * 0.5, two, none, np.ones((N, 1)), ONE_HOT[:, None], Y, {"a": ONE_HOT}):
        assert not is_one_hot(y)
