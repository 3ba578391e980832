"""MNIST from a folder that TFDS has prepared, read through `tfds.data_source`, which needs no TensorFlow."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.data.checksums import MNIST_CONTENTS, contents
from erbp_jax.data.dataset import Dataset
from erbp_jax.errors import UserError


def find(root: Path) -> Path | None:
    """The TFDS data folder at `root`: the one that holds `mnist/VERSION/dataset_info.json`."""
    try:
        return root if any(root.glob("mnist/*/dataset_info.json")) else None
    except OSError:  # a name that is too long, a folder that may not be looked into
        return None


def load(root: Path, published: Mapping[str, tuple[int, str]] = MNIST_CONTENTS) -> Dataset:
    """MNIST as TFDS stores it: the same digits as the idx files, verified, in TFDS's own order.

    `published`: of each split its size and the sum of its `contents`.

    Raises:
        UserError: the `data` extra is not installed, the folder cannot be read, or holds other digits.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise UserError(
            f"{root} is a prepared TFDS folder; to read it needs the data extra ({error}): pip install 'erbp-jax[data]'"
        ) from None
    parts = []
    where = shown(str(root), 400)
    try:
        for split, (size, wanted) in published.items():
            source: Any = tfds.data_source("mnist", data_dir=root, split=split, download=False)
            if len(source) != size:
                raise UserError(f"{where}: the prepared MNIST there has {len(source)} {split} images, not {size}")
            records = [source[i] for i in range(size)]
            images = np.stack([np.asarray(r["image"], np.uint8).reshape(784) for r in records])
            labels = np.asarray([r["label"] for r in records], np.int32)
            if (found := contents(images, labels)) != wanted:
                raise UserError(
                    f"{where}: the prepared {split} images there are not those of MNIST\n  expected sha256 {wanted}\n"
                    f"  found    sha256 {found} (of images and labels, in any order)"
                )
            parts += [images, labels]
    except UserError:
        raise
    except Exception as error:  # whatever TFDS says about the folder, the user gets one message
        reason = shown(" ".join(str(error).split()), 400)
        raise UserError(
            f"{where}: TFDS cannot read the prepared MNIST there: {type(error).__name__}: {reason}"
        ) from None
    return Dataset("mnist", (28, 28), 10, *parts)
