"""Where MNIST is published, and the SHA-256 of its files as gzip and as content: compressed anew it is still valid."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    name: str  # without .gz
    gz_sha256: str
    raw_sha256: str
    gz_bytes: int


MNIST_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"

# gzip sums: TFDS 4.9.10's checksum files. Content sums: computed from files with those sums.
MNIST = {
    "train_images": Published(
        "train-images-idx3-ubyte",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        9912422,
    ),
    "train_labels": Published(
        "train-labels-idx1-ubyte",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        28881,
    ),
    "test_images": Published(
        "t10k-images-idx3-ubyte",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        1648877,
    ),
    "test_labels": Published(
        "t10k-labels-idx1-ubyte",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        4542,
    ),
}
