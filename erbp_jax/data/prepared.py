"""Image data sets from a folder that TFDS has prepared, read through `tfds.data_source`, which needs no TensorFlow."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.data.checksums import MNIST_CONTENTS, contents
from erbp_jax.data.dataset import Dataset, Samples
from erbp_jax.data.from_arrays import dataset
from erbp_jax.errors import UserError


def find(root: Path, name: str = "mnist") -> Path | None:
    """The TFDS data folder at `root`: the one that holds `NAME/VERSION/dataset_info.json`."""
    try:
        return root if any((root / name).glob("*/dataset_info.json")) else None
    except (OSError, ValueError):  # a name that is too long, a folder that may not be looked into
        return None


def load(root: Path, published: Mapping[str, tuple[int, str]] = MNIST_CONTENTS) -> Dataset:
    """MNIST as TFDS stores it: the same digits as the idx files, verified, in TFDS's own order.

    `published`: of each split its size and the sum of its `contents`.

    Raises:
        UserError: the `data` extra is not installed, the folder cannot be read, or holds other digits.
    """
    where, parts = shown(str(root), 400), []
    for split, (size, wanted) in published.items():
        images, labels = _read("mnist", root, split, size)
        if (found := contents(images, labels.astype(np.uint8))) != wanted:
            raise UserError(
                f"{where}: the prepared {split} images there are not those of MNIST\n  expected sha256 {wanted}\n"
                f"  found    sha256 {found} (of images and labels, in any order)"
            )
        parts.append(Samples(images.reshape(len(images), -1), labels))
    return Dataset("mnist", *parts, shape=(28, 28), labels=np.arange(10))


def load_any(name: str, root: Path) -> Dataset:
    """Any image data set with labels that TFDS has prepared at `root`, with its own splits `train` and `test`; where
    there is no `test`, a fifth of `train` is drawn.

    Raises:
        UserError: the `data` extra is not installed, or the folder cannot be read as images with labels.
    """
    train = _read(name, root, "train")
    try:
        test = _read(name, root, "test")
    except UserError as error:
        if "no split" not in str(error):
            raise
        test = (None, None)
    try:
        return dataset(*train, *test, name=name)
    except UserError as error:
        raise UserError(f"{shown(str(root), 400)}: {shown(name)}: {error}") from None


def _read(name: str, root: Path, split: str, size: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 and labels int32 of one split."""
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise UserError(
            f"{root} is a prepared TFDS folder; to read it needs the data extra ({error}): pip install 'erbp-jax[data]'"
        ) from None
    where = shown(str(root), 400)
    try:
        if split not in tfds.builder(name, data_dir=root).info.splits:
            raise UserError(f"{where}: the prepared {shown(name)} there has no split {split!r}")
        source: Any = tfds.data_source(name, data_dir=root, split=split, download=False)
        if size is not None and len(source) != size:
            raise UserError(f"{where}: the prepared MNIST there has {len(source)} {split} images, not {size}")
        records = [source[i] for i in range(len(source))]
        if records and not {"image", "label"} <= set(records[0]):
            raise UserError(
                f"{where}: {shown(name)} has no images with labels; its features: {', '.join(sorted(records[0]))}"
            )
        images = np.stack([np.asarray(r["image"], np.uint8) for r in records])
        if images.ndim == 4 and images.shape[-1] == 1:
            images = images[..., 0]
        return images, np.asarray([r["label"] for r in records], np.int32)
    except UserError:
        raise
    except Exception as error:  # whatever TFDS says about the folder, the user gets one message
        reason = shown(" ".join(str(error).split()), 400)
        raise UserError(
            f"{where}: TFDS cannot read the prepared {shown(name)} there: {type(error).__name__}: {reason}"
        ) from None
