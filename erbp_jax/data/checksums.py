"""Where MNIST is published, and the SHA-256 of its files as gzip and as content: compressed anew it is still valid."""

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Published:
    name: str  # without .gz
    gz_sha256: str
    raw_sha256: str
    gz_bytes: int
    raw_bytes: int


MNIST_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"

# gzip sums: TFDS 4.9.10's checksum files. Content sums: computed from files with those sums.
MNIST = {
    "train_images": Published(
        "train-images-idx3-ubyte",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        9912422,
        47040016,
    ),
    "train_labels": Published(
        "train-labels-idx1-ubyte",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        28881,
        60008,
    ),
    "test_images": Published(
        "t10k-images-idx3-ubyte",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        1648877,
        7840016,
    ),
    "test_labels": Published(
        "t10k-labels-idx1-ubyte",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        4542,
        10008,
    ),
}


def contents(images: np.ndarray, labels: np.ndarray) -> str:
    """The SHA-256 of a set of images `[n, ...]` and labels `[n]`, uint8, in whatever order.

    It is taken of the sorted SHA-256 sums of each image's bytes with its label's.
    """
    each = (hashlib.sha256(i.tobytes() + bytes([n])).digest() for i, n in zip(images, labels.tolist(), strict=True))
    return hashlib.sha256(b"".join(sorted(each))).hexdigest()


MNIST_CONTENTS = {
    "train": (60000, "54e1ab866c9484947dd4821c52bb7a43938f555d6b046be6af55247f8e6ffc64"),
    "test": (10000, "97b756d55950f1841ebd48df7379b9b2fc87a10d63e08d6213dad41d564e8508"),
}
"""How many images there are, and `contents` of the files above."""
