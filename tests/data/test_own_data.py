"""Data of one's own: arrays, archives, idx files, anything indexable; and what is refused."""

import gzip
from dataclasses import replace

import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax import data
from erbp_jax.config import load_config
from erbp_jax.config.build_data import load_data
from erbp_jax.data.dataset import Dataset, Samples
from erbp_jax.errors import UserError

RNG = np.random.default_rng(0)
X, Y = RNG.random((60, 4, 5)).astype(np.float32), np.asarray([3, -7, 40] * 20)


def test_float_images_become_bytes_once_and_labels_become_classes():
    made = ej.dataset(X, Y, test=0.25, seed=1)
    assert (len(made.train), len(made.test), made.shape, made.sizes(9)) == (45, 15, (4, 5), (20, 9, 3))
    np.testing.assert_array_equal(made.labels, [-7, 3, 40])
    together = np.concatenate([made.train.x, made.test.x])
    assert together.dtype == np.uint8
    rows = np.round(255 * X).astype(np.uint8).reshape(60, 20)
    assert {r.tobytes() for r in together} == {r.tobytes() for r in rows}
    label_of = {row.tobytes(): label for row, label in zip(rows, Y, strict=True)}
    for part in (made.train, made.test):
        assert part.y.dtype == np.int32
        assert [label_of[row.tobytes()] for row in part.x] == made.named(part.y).tolist()
    np.testing.assert_array_equal(made.named(np.asarray([-1, 2])), [-1, 40])
    beside = ej.dataset(X, Y % 3 - 1)
    np.testing.assert_array_equal(beside.named(np.asarray([-1, 0])), [-2, -1])


def test_the_same_seed_divides_alike_and_every_label_stays_in_training():
    y = np.asarray([0] * 58 + [1, 2])
    first, again, other = (ej.dataset(X, y, seed=seed, test=0.5) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.train.x, again.train.x)
    assert (first.train.x != other.train.x).any()
    assert set(first.train.y.tolist()) == {0, 1, 2}


def test_words_truth_values_colours_and_bytes():
    colour = RNG.integers(0, 256, (30, 4, 4, 3), dtype=np.uint8)
    made = ej.dataset(colour, np.asarray(["cat", "dog", "eel"] * 10))
    assert (made.shape, made.features, made.labels.tolist()) == ((4, 4, 3), 48, ["cat", "dog", "eel"])
    assert ej.dataset(X > 0.5, Y > 0, trains=False).train.x.max() == 255


def test_a_class_may_be_missing_in_the_test_set():
    made = ej.dataset(X, Y, X[:2], Y[:2])
    assert (made.classes, made.named(made.test.y).tolist()) == (3, [3, -7])


def test_curves_and_given_trains():
    spikes, curves = RNG.integers(0, 2, (30, 12, 7)), RNG.random((30, 12, 2))
    made = ej.dataset(spikes, curves, trains=True)
    assert (made.ticks, made.features, made.classes, made.labels) == (12, 7, 2, None)
    assert (made.train.x.dtype, made.train.y.dtype) == (np.uint8, np.float32)


def test_anything_that_yields_samples_and_labels_by_index():
    made = ej.dataset([(x, int(y)) for x, y in zip(X, Y, strict=True)])
    np.testing.assert_array_equal(made.train.x, ej.dataset(X, Y).train.x)
    with pytest.raises(UserError, match="yield \\(sample, label\\) by index"):
        ej.dataset(iter([]))
    with pytest.raises(UserError, match="samples of one shape"):
        ej.dataset([(X[0], 1), (X[0, :2], 2)])


@pytest.mark.parametrize("trains", [False, True])
def test_a_saved_set_comes_back(tmp_path, trains):
    x = RNG.integers(0, 2, (60, 4, 5)) if trains else X
    made = ej.dataset(x, Y, trains=trains)
    made.save(tmp_path / "mine.npz")
    back = data.from_npz(tmp_path / "mine.npz")
    assert (back.name, back.shape, back.ticks) == ("mine", made.shape, made.ticks)
    for a, b in ((made.train, back.train), (made.test, back.test)):
        np.testing.assert_array_equal(a.x, b.x)
        np.testing.assert_array_equal(a.y, b.y)


COUNTS = RNG.integers(0, 4, (60, 4, 5)).astype(np.uint8)
SIDES = (Y % 2).astype(np.int32)
SAVED = {
    "dark": lambda: ej.dataset(0.1 * X, Y),
    "some labels": lambda: ej.dataset(X, Y).only(40, -7),
    "a test set without a class": lambda: ej.dataset(X, Y, X[Y == 3], Y[Y == 3]),
    "a class that is in the test set alone": lambda: ej.data.load("digits").subset(5, 100),
    "words": lambda: ej.dataset(X, np.array(["b", "a"])[np.arange(60) % 2]),
    "curves": lambda: ej.dataset(X, X[:, 0]),
    "counts": lambda: Dataset("counts", *[Samples(COUNTS, SIDES)] * 2, shape=(5,), labels=np.arange(2), ticks=4),
    "held out": lambda: ej.dataset(X, Y, X[:5], Y[:5]).subset(None, None, validation=20),
    "maps of events": lambda: Dataset(
        "maps", *[Samples(np.packbits(COUNTS > 2, axis=-1), SIDES)] * 2, shape=(1, 5, 1), labels=np.arange(2), ticks=4,
        packed=True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("which", SAVED)
def test_any_saved_set_is_the_same_when_it_comes_back(tmp_path, which):
    made = SAVED[which]()
    made.save(tmp_path / "mine.npz")
    back = data.from_npz(tmp_path / "mine.npz")
    assert (back.shape, back.ticks, back.classes, back.most) == (made.shape, made.ticks, made.classes, made.most)
    assert back.test_name == made.test_name == ("held-out" if which == "held out" else "test")
    assert (back.labels is None) == (made.labels is None)
    if made.labels is not None:
        np.testing.assert_array_equal(back.labels, made.labels)
    for a, b in ((made.train, back.train), (made.test, back.test)):
        np.testing.assert_array_equal(made._stored(a.x), back._stored(b.x))
        np.testing.assert_array_equal(a.y, b.y)
        assert a.y.dtype == b.y.dtype


def test_a_set_is_saved_where_there_is_a_folder(tmp_path):
    made = ej.dataset(X, Y)
    with pytest.raises(UserError, match=r"nofolder/x.npz: cannot be written, there is no folder .*nofolder$"):
        made.save(tmp_path / "nofolder" / "x.npz")
    with pytest.raises(OSError, match=f"'{tmp_path}'$"):  # and nothing more behind the name
        made.save(tmp_path)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["a", "b", None], "y: labels must be all numbers or all strings, got NoneType and str, for example None"),
        (["a", "b", 3.0], "y: labels must be all numbers or all strings, got float and str, for example 3.0"),
        ([1, 2, 3], r"y: must be an array of numbers, got one of objects \(int\); y.astype\(int\) makes one"),
    ],
)
def test_objects_that_are_no_labels_are_told(labels, said):
    with pytest.raises(UserError, match=said):
        ej.dataset(X, np.array(labels * 20, dtype=object))


def test_some_labels_alone_keep_the_numbers_of_all():
    made = ej.dataset(X, Y)
    some = made.only(40, -7)
    assert some.classes == 3
    assert {*made.named(some.train.y).tolist(), *made.named(some.test.y).tolist()} == {40, -7}
    np.testing.assert_array_equal(some.train.x, made.train.x[made.named(made.train.y) != 3])
    for labels, said in (((), "got none"), ((5,), r"only: must be some of \[-7, 3, 40\], got \[5\]")):
        with pytest.raises(UserError, match=said):
            made.only(*labels)
    with pytest.raises(UserError, match="only: the targets of the data are not labels"):
        ej.dataset(X, X[:, 0]).only(1)


def test_a_saved_set_keeps_its_tick_and_its_copies(tmp_path):
    x = RNG.integers(0, 2, (60, 4, 5))
    made = replace(ej.dataset(x, Y, x[:20], Y[:20], trains=True), dt=5.0, copies=2)
    made.save(tmp_path / "mine.npz")
    back = data.from_npz(tmp_path / "mine.npz")
    assert (back.dt, back.copies) == (5.0, 2)
    assert len(back.subset(10, None).train) == 30
    own = [f"data.path={tmp_path / 'mine.npz'}", "network.layers=[auto,4,auto]", "encoding={steps: 4}"]
    with pytest.raises(UserError, match=r"encoding.dt: is 1 ms, .* is 5 ms; add encoding.dt=5"):
        load_data(load_config("configs/digits.yaml", own))


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": X, "y": Y, "dt": np.zeros(2)}, r"dt: must be a number of ms above 0, got float64 \[2\]"),
        ({"spikes": X > 0.5, "y": Y, "dt": -1.0}, "dt must be a finite number of ms above 0, got -1"),
        ({"x": X, "y": Y, "dt": 5.0}, "dt: is the length of a tick of trains, and x are images"),
        ({"x": X, "y": Y, "copies": 1}, "copies: 1 behind each sample need a test set of their own"),
        ({"x": X, "y": Y, "copies": 0.5}, "copies: must be a whole number from 0 on, got float64"),
        ({"x": X, "y": Y, "test_name": 3}, "test_name: must be text, got int64"),
        ({"x": X, "y": Y, "test_name": "a\nb"}, r"test_name must be 1 to 40 letters, got 'a\\nb'"),
        ({"x": X, "y": Y, "test_name": "a" * 41}, "test_name must be 1 to 40 letters"),
        ({"x": X, "y": Y, "labels": [1, 2]}, "labels: are those of a set with its shape"),
        ({"x": X, "y": Y, "shape": [4, 5]}, "x_test and y_test: a set with its shape has both"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y, "shape": [4, 4]}, r"x: \[60, 4, 5\] and y \[60\] do not fit"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y, "shape": [4, 5], "labels": [3, 4]}, "y: must be .*some of labels"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y, "shape": [4, 5], "labels": [4, 3]}, "labels: must be different"),
        ({"x": X, "y": Y, "x_test": X, "y_test": X[:, 0]}, "y_test: curves beside labels in y"),
        ({"x": X[:, 0, 0], "y": Y}, r"x: must be samples .* got shape \[60\]"),
        ({"x": X * 2, "y": Y}, r"x: float values must lie in \[0, 1\], got values from .* to 1.9"),
        ({"x": np.where(X > 0.9, np.nan, X), "y": Y}, "got NaN"),
        ({"x": (255 * X).astype(int), "y": Y}, "x: must be float in .* got int64"),
        ({"x": X, "y": Y + 0.5}, "y: labels must be whole numbers, got 3.5"),
        ({"x": X, "y": Y[:50]}, "y: 50 for 60 samples in x"),
        ({"x": X, "y": Y * 0}, "at least two different labels"),
        ({"x": X, "y": np.where(Y == 3, np.nan, Y)}, "y: labels must be whole numbers, got nan"),
        ({"x": X, "y": Y, "x_test": X}, "give both or none"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y + 1}, r"labels \[-6, 4, 41\] are in the test set and not in train"),
        ({"x": X, "y": Y, "x_test": X[:, :3], "y_test": Y}, r"x_test: samples of shape \[3, 5\] beside \[4, 5\]"),
        ({"x": X, "y": X * 2}, r"curves are spikes per tick and must lie in \[0, 1\]"),
        ({"x": X, "y": Y.astype(complex)}, "got complex128"),
        ({"spikes": X[:, :, :4] > 0.5, "y": X[:, 0, :4]}, r"y: \[60, 4\] beside trains of 4 ticks may be one curve or"),
        ({"spikes": X, "y": Y}, "trains of spikes must be 0 or 1"),
        ({"y": Y}, "x missing: it must hold x"),
        ({"x": X, "y": Y, "z": Y}, "z: not known"),
        ({"x": X.astype(object), "y": Y}, "Python objects"),
    ],
)
def test_what_is_refused_is_named(tmp_path, arrays, said):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(UserError, match=said) as caught:
        data.from_npz(tmp_path / "bad.npz")
    assert "bad.npz: " in str(caught.value)


def _idx(path, array, packed=True):
    content = b"\0\0\x08" + bytes([array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if packed else content)


def _four(folder, prefix="", packed=True):
    folder.mkdir(exist_ok=True)
    images, labels = RNG.integers(0, 256, (12, 3, 3), dtype=np.uint8), np.arange(12, dtype=np.uint8) % 3 + 1
    suffix = ".gz" if packed else ""
    _idx(folder / f"{prefix}train-images-idx3-ubyte{suffix}", images, packed)
    _idx(folder / f"{prefix}train-labels-idx1-ubyte{suffix}", labels, packed)
    _idx(folder / f"{prefix}t10k-images-idx3-ubyte{suffix}", images[:5], packed)
    _idx(folder / f"{prefix}t10k-labels-idx1-ubyte{suffix}", labels[:5], packed)
    return images, labels


@pytest.mark.parametrize("packed", [True, False])
def test_any_four_idx_files(tmp_path, packed):
    images, labels = _four(tmp_path / "fashion_mnist", packed=packed)
    for made in (
        data.load("idx", str(tmp_path / "fashion_mnist")),
        data.load("fashion_mnist", str(tmp_path)),
        ej.data.from_idx(tmp_path / "fashion_mnist"),
    ):
        np.testing.assert_array_equal(made.train.x, images.reshape(12, 9))
        np.testing.assert_array_equal(made.named(made.train.y), labels)
        assert made.labels.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "safe"), [("kmnist", True), ("emnist/letters", True), ("../x", False), ("a/b/c", False), ("a/..", False)]
)
def test_names_lead_nowhere_else(tmp_path, name, safe):
    assert data.inside(tmp_path, name) == (tmp_path / name if safe else None)
    given = [f"data.name={name}"]
    if safe:
        assert load_config("configs/digits.yaml", given).data.name == name
    else:
        with pytest.raises(UserError, match=r"data\.name"):
            load_config("configs/digits.yaml", given)


def test_a_folder_with_several_sets_wants_to_know_which(tmp_path):
    _four(tmp_path, "emnist-letters-")
    _four(tmp_path, "emnist-digits-")
    with pytest.raises(UserError, match="several sets: emnist-digits, emnist-letters; say which"):
        data.load("idx", str(tmp_path))
    assert data.load("emnist_letters", str(tmp_path)).name == "emnist_letters"
    (tmp_path / "emnist-digits-t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UserError, match="the test labels are missing"):
        data.from_idx(tmp_path, which="emnist-digits")


def test_a_name_that_is_nowhere_says_where_was_looked(tmp_path):
    for name in ("cifar", "..", "a/b", "x" * 300, ""):
        with pytest.raises(UserError, match=r"neither digits nor mnist.*Looked in"):
            data.load(name, str(tmp_path))
