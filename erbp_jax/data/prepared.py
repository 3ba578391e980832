"""MNIST from a folder that TFDS has prepared, read through `tfds.data_source`, which needs no TensorFlow."""

from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.data.dataset import Dataset
from erbp_jax.errors import UserError


def find(root: Path) -> Path | None:
    """The TFDS data folder at `root`: the one that holds `mnist/VERSION/dataset_info.json`."""
    return root if any(root.glob("mnist/*/dataset_info.json")) else None


def load(root: Path) -> Dataset:
    """MNIST as TFDS stores it: the same digits as the idx files, in TFDS's own order.

    Raises:
        UserError: the `data` extra is not installed, or the folder cannot be read.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise UserError(
            f"{root} is a prepared TFDS folder; to read it needs the data extra ({error}): pip install 'erbp-jax[data]'"
        ) from None
    parts = []
    try:
        for split in ("train", "test"):
            source: Any = tfds.data_source("mnist", data_dir=root, split=split, download=False)
            records = [source[i] for i in range(len(source))]
            images = np.stack([np.asarray(r["image"], np.uint8).reshape(784) for r in records])
            parts += [images, np.asarray([r["label"] for r in records], np.int32)]
    except Exception as error:  # whatever TFDS says about the folder, the user gets one message
        raise UserError(f"{root}: TFDS cannot read the prepared MNIST there: {type(error).__name__}: {error}") from None
    return Dataset("mnist", (28, 28), 10, *parts)
