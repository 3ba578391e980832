"""A data set in memory: samples and what they should be answered with, for training and for test."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.data.arrays import check_classes
from erbp_jax.errors import UserError
from erbp_jax.files import check_folder, write_arrays
from erbp_jax.wording import plural

if TYPE_CHECKING:
    from erbp_jax.encoding import Frames

UNNAMED = "arrays"
"""The name of a set that was given none."""
LONGEST_NAME = 40
"""Of a test set."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples and their targets: pytrees whose leaves are arrays with one axis for the samples in front.

    Example:
        >>> import numpy as np, erbp_jax as ej
        >>> data = ej.dataset(np.zeros((10, 8, 8)), np.arange(10) % 2, test=0.2)
        >>> data.train.x.dtype, len(data.train)
        (dtype('uint8'), 8)
    """

    x: Any
    y: Any

    def __len__(self) -> int:
        if isinstance(self.y, np.ndarray):
            return len(self.y)
        import jax  # only pytrees need it

        return len(jax.tree.leaves(self.y)[0])

    def __getitem__(self, which: Any) -> "Samples":
        if isinstance(self.x, np.ndarray) and isinstance(self.y, np.ndarray):
            return Samples(self.x[which], self.y[which])
        import jax

        return Samples(*jax.tree.map(lambda leaf: leaf[which], (self.x, self.y)))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples for training and for test, as the trainer wants them; made of arrays by `dataset`.

    `train.x` and `test.x` are images in flat rows of bytes, uint8 `[n, H*W*C]` (0 to 255); given trains of spikes,
    uint8 `[n, T, I]`; or any pytree that a custom encoder accepts. `y` are classes int32 `[n]`, or curves float32
    `[n, K]` or `[n, T, K]`, or a pytree that a custom task accepts.

    Example:
        >>> import numpy as np, erbp_jax as ej
        >>> data = ej.dataset(np.zeros((10, 8, 8)), np.arange(10) % 2, test=0.2)
        >>> data.train.x.shape, data.classes
        ((8, 64), 2)
        >>> data.subset(5, None).train.x.shape
        (5, 64)

    Raises:
        UserError: with `labels`, classes that are not whole numbers `[n]` from 0 to one below their number; a `dt` or
            `test_name` that is none.
    """

    name: str
    train: Samples
    test: Samples
    shape: tuple[int, ...] | None
    """Of one sample, or one tick, before it became a row: `(H, W)`, `(H, W, C)` or `(I,)`; None for pytrees."""
    labels: np.ndarray | None = None
    """What the classes 0 to K-1 are called in the data, in order; None if the targets are not classes."""
    ticks: int | None = None
    """Length of given trains; None for samples that an encoder makes spikes of."""
    packed: bool = False
    """Trains are `[n, T, ceil(I / 8)]`, a bit per input, the first the highest, as `np.packbits` has it."""
    dt: float = 1.0
    """Length of a tick of given trains in ms, for rates reported in Hz."""
    copies: int = 0
    """Changed copies that stand behind each training sample; `subset` takes sizes without them and holds out none."""
    test_name: str = "test"
    """What texts and pictures call `test`: `held-out` where it was held out of the training samples."""

    def __post_init__(self) -> None:
        if not 0 < self.dt < float("inf"):
            raise UserError(f"{self.called}: dt must be a finite number of ms above 0, got {self.dt!r}")
        if not 0 < len(self.test_name) <= LONGEST_NAME or not self.test_name.isprintable():
            raise UserError(
                f"{self.called}: test_name must be 1 to {LONGEST_NAME} letters, got {shown(repr(self.test_name), 60)}"
            )
        if self.labels is not None:
            check_classes(f"{self.called}: train.y", self.train.y, len(self.labels))
            check_classes(f"{self.called}: test.y", self.test.y, len(self.labels))

    @property
    def called(self) -> str:
        """What messages call the set: its name, or "the data" if it was given none."""
        return "the data" if self.name == UNNAMED else self.name

    @property
    def features(self) -> int:
        """Inputs that a network needs.

        Raises:
            UserError: samples that are no arrays.
        """
        if self.shape is None:
            raise UserError(f"{self.called}: its samples are no arrays of one shape; say the network's inputs yourself")
        return int(np.prod(self.shape))

    @property
    def classes(self) -> int:
        """Outputs that a network needs: classes, or curves to follow.

        Raises:
            UserError: targets that are no arrays, or neither classes nor curves.
        """
        if self.labels is not None:
            return len(self.labels)
        if not isinstance(self.train.y, np.ndarray):
            raise UserError(f"{self.called}: its targets are no arrays; say the network's outputs yourself")
        if self.train.y.ndim < 2:
            given = f"{self.train.y.dtype} {list(self.train.y.shape)}"
            raise UserError(
                f"{self.called}: its targets are {given}, neither curves [n, K] or [n, T, K] nor classes with the "
                "labels that they stand for; ej.dataset(x, y) makes these of labels"
            )
        return int(self.train.y.shape[-1])

    @property
    def mean(self) -> float:
        """Of the training samples: brightness from 0 to 1 of images, spikes per input and tick of trains.

        1 of samples that are no arrays.
        """
        if not isinstance(self.train.x, np.ndarray):
            return 1.0
        if self.packed:
            spikes = sum(int(np.bitwise_count(part).sum()) for part in self.train.x)
            return spikes / (len(self.train) * (self.ticks or 1) * self.features)
        return float(self.train.x.mean()) / (255.0 if self.ticks is None else 1.0)

    @property
    def curve_ticks(self) -> int | None:
        """Length of curves `[n, T, K]`; None for other targets."""
        y = self.train.y
        return y.shape[1] if self.labels is None and isinstance(y, np.ndarray) and y.ndim == 3 else None

    @property
    def most(self) -> int:
        """Spikes an input and tick of given trains."""
        if self.packed or not isinstance(self.train.x, np.ndarray):
            return 1
        return max(1, int(self.train.x.max(initial=0)), int(self.test.x.max(initial=0)))

    def frames(self) -> "Frames":
        """The encoder of given trains."""
        from erbp_jax.encoding import Frames  # with jax

        return Frames(self.features if self.packed else None, self.most)

    @property
    def variance(self) -> float:
        """Of the training set's curves, over samples, ticks and outputs.

        Raises:
            UserError: targets that are no curves, or curves that never vary.
        """
        if self.labels is not None or not isinstance(self.train.y, np.ndarray):
            raise UserError(f"{self.called}: its targets are not curves; pass a custom task")
        spread = float(self.train.y.astype(np.float64).var())
        if spread == 0:
            raise UserError(f"{self.called}: its curves never vary; there is nothing to follow")
        return spread

    @property
    def image_shape(self) -> tuple[int, ...]:
        """`shape`, as an image: a row of numbers is an image of one row."""
        shape = self.shape or ()
        return shape if len(shape) in (2, 3) else (1, self.features)

    def sizes(self, *hidden: int) -> tuple[int, ...]:
        """Inputs, the hidden sizes, outputs: `ej.mlp(*data.sizes(100))`.

        Raises:
            UserError: sizes that are no whole numbers from 1.
        """
        for size in hidden:
            if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
                raise UserError(f"sizes: must be whole numbers from 1 on, got {size!r}")
        return (self.features, *hidden, self.classes)

    def named(self, classes: np.ndarray) -> np.ndarray:
        """Classes 0 to K-1 as the data calls them, as `named`."""
        return classes if self.labels is None else named(self.labels, classes)

    @property
    def targets_text(self) -> str:
        """What a network has outputs for: `3 classes (7, 8, 9)`, `2 curves`."""
        if self.labels is None:
            return plural(self.classes, "curve")
        few = self.labels.tolist() if self.classes <= 20 else [*self.labels[:19].tolist(), "..."]
        return f"{self.classes} classes ({shown(', '.join(map(str, few)), 200)})"

    def __repr__(self) -> str:
        what = f"of {self.shape}" if self.labels is None else f"of {self.shape}, {len(self.labels)} classes"
        parts = f"{len(self.train)} training and {len(self.test)} {self.test_name} samples"
        return f"Dataset({self.name}: {parts} {what})"

    def save(self, path: Path | str) -> None:
        """Write the set as `.npz`, from which `data.path` and `from_npz` make the same one: `x` (or `spikes`), `y`,
        `x_test`, `y_test`, `shape`, `labels` if it has classes; and `dt`, `copies` and `test_name` where they are not
        1, 0 and `test`.

        Raises:
            UserError: samples or targets that are no arrays, or a folder that is not there.
        """
        check_folder(Path(path))
        arrays, what = {}, "x" if self.ticks is None else "spikes"
        for suffix, part in (("", self.train), ("_test", self.test)):
            if self.shape is None or not isinstance(part.x, np.ndarray) or not isinstance(part.y, np.ndarray):
                raise UserError(f"{self.called}: its samples or targets are no arrays and have no place in an .npz")
            arrays[what + suffix] = self._stored(part.x)
            arrays["y" + suffix] = part.y if self.labels is None else self.labels[part.y]
        arrays |= {"shape": np.asarray(self.shape, np.int64)} | ({} if self.labels is None else {"labels": self.labels})
        arrays |= {} if self.dt == 1.0 else {"dt": np.float64(self.dt)}
        arrays |= {} if self.copies == 0 else {"copies": np.int64(self.copies)}
        arrays |= {} if self.test_name == "test" else {"test_name": np.str_(self.test_name)}
        write_arrays(Path(path), arrays, compressed=True)

    def _stored(self, x: np.ndarray) -> np.ndarray:
        if self.ticks is None:
            return x.reshape(-1, *(self.shape or ()))
        return np.unpackbits(x, axis=-1, count=self.features) if self.packed else x

    def only(self, *labels: Any) -> "Dataset":
        """The samples with these labels alone. The classes keep their numbers and names, so that a network for the
        whole set takes it: tasks that are learned one after another.

        Example:
            >>> import erbp_jax as ej
            >>> low = ej.data.load("digits").only(0, 1, 2)
            >>> low.classes, set(low.named(low.test.y).tolist())
            (10, {0, 1, 2})

        Raises:
            UserError: targets that are no labels, no labels or unknown ones.
        """
        if self.labels is None:
            raise UserError(f"only: the targets of {self.called} are not labels")
        unknown = [x for x in labels if x not in self.labels.tolist()]
        if unknown or not labels:
            raise UserError(f"only: must be some of {shown(self.labels.tolist(), 200)}, got {unknown or 'none'}")
        classes = np.flatnonzero(np.isin(self.labels, labels))
        train, test = (part[np.flatnonzero(np.isin(part.y, classes))] for part in (self.train, self.test))
        if not len(train) or not len(test):
            raise UserError(f"only: {self.called} has no {'test' if len(train) else 'training'} samples of {labels}")
        return replace(self, train=train, test=test)

    def subset(self, train_size: int | None, test_size: int | None, validation: int = 0) -> "Dataset":
        """The first `train_size` and `test_size` samples; copies of training samples go with them and are not counted.

        With `validation` the last that many training samples take the place of the test set: for choosing
        hyper-parameters without looking at it.

        Raises:
            UserError: more samples are asked for than there are.
        """
        train, test, test_name = self.train, self.test, self.test_name
        for key, value in (("train_size", train_size), ("test_size", test_size), ("validation_size", validation)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0):
                raise UserError(f"data.{key}: must be a whole number from 0 on, got {value!r}")
        group = 1 + self.copies
        there = len(train) // group
        if validation:
            if validation >= there:
                raise UserError(
                    f"data.validation_size: {validation} leaves nothing to train on; {self.called} has {there}"
                )
            first = group * (there - validation)
            train, test, test_name = train[:first], train[first::group], "held-out"
            there -= validation
        for key, want, have in (("train_size", train_size, there), ("test_size", test_size, len(test))):
            if want is not None and want > have:
                raise UserError(f"data.{key}: {want} asked for, {self.called} has {have}")
        size = None if train_size is None else group * train_size
        return replace(self, train=train[:size], test=test[:test_size], test_name=test_name)


def named(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Classes 0 to K-1 as `labels[K]` calls them. Undecided, and an output of no class, is -1, or `undecided` among
    words; where a label is called so, the next number below it that is none, or with a `?` behind it."""
    called, taken = labels[np.clip(classes, 0, len(labels) - 1)], set(labels.tolist())
    if called.dtype.kind in "iu":
        called, mark = called.astype(np.int64), -1  # -1 has no place among unsigned ones
        while mark in taken:
            mark -= 1
    else:
        mark = "undecided"
        while mark in taken:
            mark += "?"
    return np.where((classes < 0) | (classes >= len(labels)), mark, called)
