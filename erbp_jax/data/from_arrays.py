"""A data set made of arrays: samples and labels or curves, in memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.data.arrays import as_array, as_bytes, as_targets, as_trains, check_seed, divided, flat, not_dark
from erbp_jax.data.dataset import UNNAMED, Dataset, Samples
from erbp_jax.errors import UserError


def dataset(
    x: Any,
    y: Any = None,
    x_test: Any = None,
    y_test: Any = None,
    *,
    test: float | None = None,
    seed: int = 0,
    name: str = UNNAMED,
    trains: bool | None = None,
) -> Dataset:
    """A data set from arrays.

    Images: `x` float in [0, 1] (they become bytes here, once) or uint8 (0 to 255), `[n, ...]` of any shape: rows of
    numbers, grey or colour images. With `trains`, spikes that are given instead: 0 or 1, `[n, T, I]`. Truth values of
    three axes may be either, and `trains` has to be said.
    `y` of one axis are labels: integers or strings of any values (whole floats count as integers, booleans as 0 and 1),
    which become the classes 0 to K-1, and back in every output. `y` of two or three axes are curves of spikes per tick
    in [0, 1] to follow: `[n, K]` for all ticks, or `[n, T, K]` (with trains of K ticks the latter alone). One-hot rows
    are not labels: `y.argmax(1)` are; what trains on them asks for a task.

    Without `y`, `x` is anything with a length that yields `(sample, label)` by index.
    Without `x_test` and `y_test` the share `test` of the samples (0.2 if not given), drawn by `seed`, is kept for the
    test; of every label at least one sample stays in training.

    Example:
        >>> import numpy as np, erbp_jax as ej
        >>> x, y = np.random.rand(200, 20, 30), np.arange(200) % 3 + 7
        >>> data = ej.dataset(x, y)
        >>> data.train.x.shape, data.labels, data.sizes(50)
        ((160, 600), array([7, 8, 9]), (600, 50, 3))

    Raises:
        UserError: values or labels that are not as above, other numbers of samples than of labels, a label in the test
            set that is not in training; says which.
    """
    if test is not None and (isinstance(test, bool) or not isinstance(test, (int, float))):
        raise UserError(f"test: a share of the samples, got {type(test).__name__}; a test set is x_test=, y_test=")
    check_seed(seed)
    if y is None:
        x, y = _collected(x)
    x = as_array("x", x)
    if trains is None and x.ndim == 3 and x.dtype == np.bool_:
        raise UserError(
            f"x: truth values {list(x.shape)} may be trains of spikes or images; trains=True says [n, T, I], "
            "trains=False [n, height, width]"
        )
    make = as_trains if trains else as_bytes
    if not trains:
        not_dark("x", x)
    x, (y, labels) = make("x", x), as_targets("y", y)
    _as_many(x, y, "x", "y")
    if labels is not None and len(labels) < 2:
        raise UserError(f"y: needs at least two different labels, got {shown(labels.tolist())}")
    if (x_test is None) != (y_test is None):
        raise UserError("x_test and y_test: give both or none")
    if x_test is not None and test is not None:
        raise UserError(f"test: a share of x, or x_test and y_test; give one of the two, got both ({test})")
    if x_test is None:
        test = 0.2 if test is None else test
        if not 0 < test < 1:
            raise UserError(f"test: the share of samples kept for the test must lie between 0 and 1, got {test}")
        train, held = divided(y, labels is not None, test, seed)
        parts = (x[train], y[train]), (x[held], y[held])
    else:
        x_test = as_array("x_test", x_test)
        if not trains:
            not_dark("x_test", x_test)
        x_test, (y_test, labels_test) = make("x_test", x_test), as_targets("y_test", y_test)
        _as_many(x_test, y_test, "x_test", "y_test")
        if (labels is None) != (labels_test is None):
            kind = {True: "curves", False: "labels"}
            raise UserError(f"y_test: {kind[labels_test is None]} beside {kind[labels is None]} in y")
        for what, ours, others in (("x", x, x_test), ("y", y, y_test)):
            if ours.shape[1:] != others.shape[1:]:
                raise UserError(
                    f"{what}_test: samples of shape {list(others.shape[1:])} beside {list(ours.shape[1:])} in {what}"
                )
        if labels is not None and labels_test is not None:
            y_test = _in_terms_of(labels, labels_test, y_test)
        parts = (x, y), (x_test, y_test)
    if trains and y.ndim == 2 and 1 < x.shape[1] == y.shape[1]:
        raise UserError(
            f"y: {list(y.shape)} beside trains of {x.shape[1]} ticks may be one curve or {x.shape[1]} constants; "
            f"y[..., None] is the former, np.repeat(y[:, None], {x.shape[1]}, 1) the latter"
        )
    if trains and y.ndim == 3 and y.shape[1] != x.shape[1]:
        raise UserError(f"y: curves of {y.shape[1]} ticks beside trains of {x.shape[1]} in x")
    shape = x.shape[2:] if trains else x.shape[1:]
    rows = [Samples(x if trains else flat(x), y) for x, y in parts]
    return Dataset(name, *rows, shape=shape, labels=labels, ticks=x.shape[1] if trains else None)


def as_classes(y: Any, y_test: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of training and of test as classes, int32 from 0, and what these are called.

    Raises:
        UserError: what are no labels; a label in the test set that is not in training, or a single one.
    """
    (classes, labels), (classes_test, labels_test) = as_targets("y", y), as_targets("y_test", y_test)
    if labels is None or labels_test is None or len(labels) < 2:
        raise UserError(f"y: needs labels, at least two different ones, got {shown(str(np.unique(y)[:10]))}")
    return classes, _in_terms_of(labels, labels_test, classes_test), labels


def _in_terms_of(labels: np.ndarray, labels_test: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Classes of the test set, numbered as those of training are."""
    if unknown := sorted(set(labels_test.tolist()) - set(labels.tolist())):
        raise UserError(f"y_test: the labels {shown(unknown[:10])} are in the test set and not in training")
    return np.searchsorted(labels, labels_test)[classes].astype(np.int32)


def _as_many(x: np.ndarray, y: np.ndarray, named_x: str, named_y: str) -> None:
    if len(x) != len(y):
        raise UserError(f"{named_y}: {len(y)} for {len(x)} samples in {named_x}")


def _collected(source: Any) -> tuple[np.ndarray, np.ndarray]:
    """All samples and labels of something indexable."""
    if not isinstance(source, Sequence) and not (hasattr(source, "__len__") and hasattr(source, "__getitem__")):
        raise UserError(
            f"x: without y it must have a length and yield (sample, label) by index, got {type(source).__name__}"
        )
    pairs = [source[i] for i in range(len(source))]
    try:
        x, y = zip(*pairs, strict=True)
        return np.stack([np.asarray(sample) for sample in x]), np.asarray(y)
    except (ValueError, TypeError) as error:
        raise UserError(
            f"y: is missing, and the items of x are not all (sample, label) with samples of one shape: {error}"
        ) from None
