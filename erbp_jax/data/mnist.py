"""MNIST from the four idx files: where they are looked for, and how they are verified."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from erbp_jax.archive import read_bytes, shown
from erbp_jax.cache import expanded, user_cache
from erbp_jax.data import idx, prepared
from erbp_jax.data.checksums import MNIST, Published
from erbp_jax.data.dataset import Dataset, Samples
from erbp_jax.errors import UserError

ENVIRONMENT = "ERBP_JAX_DATA"


def cache_folder() -> Path | None:
    """The folder that `erbp-jax data fetch` fills; None for a user without a home."""
    cache = user_cache()
    return None if cache is None else cache / "data"


def candidates(data_dir: str | None) -> Iterator[tuple[str, Path]]:
    """Folders that may hold `mnist/` (or the files themselves), in order, with where each was named."""
    if data_dir:
        yield "data.dir", expanded(data_dir, "data.dir")
        return  # a folder that was named must be the one that is used
    if value := os.environ.get(ENVIRONMENT):
        yield ENVIRONMENT, expanded(value, ENVIRONMENT)
    if folder := cache_folder():
        yield "user cache", folder


def locate(data_dir: str | None = None) -> Path:
    """The folder of the four files, or the TFDS data folder that holds MNIST prepared.

    Raises:
        UserError: they are nowhere; says where was looked and how to get them.
    """
    looked = []
    for source, root in candidates(data_dir):
        for folder in (root / "mnist", root):
            if find(folder, MNIST["train_images"]):
                return folder
        if folder := prepared.find(root):
            return folder
        looked.append(f"  {source}: {shown(str(root), 400)}")
    raise UserError(
        "MNIST was not found. Looked in\n" + "\n".join(looked) + "\nThree ways to get it:\n"
        "  erbp-jax data fetch mnist        (downloads it into the user cache and verifies it)\n"
        f"  {ENVIRONMENT}=FOLDER             (holds mnist/ with the four idx files, or prepared by TFDS)\n"
        "  data.dir=FOLDER                  (the same, in the config or on the command line)\n"
        "Or train on the digits that need no download: erbp-jax train configs/digits.yaml"
    )


def find(folder: Path, published: Published) -> Path | None:
    """The file under any of its usual names: `.gz` or raw, with a dash or a dot before `idx`."""
    dotted = published.name.replace("-idx", ".idx")
    for name in (published.name, dotted):
        for suffix in (".gz", ""):
            path = folder / (name + suffix)
            if os.path.isfile(path):  # noqa: PTH113 (no path raises here, however long)
                return path
    return None


def verify(path: Path, published: Published) -> bytes:
    """The file's content, if it is the published one: as published, or the same content compressed anew.

    Raises:
        UserError: damaged, truncated or another file; gives both checksums.
    """
    raw = read_bytes(path, published.raw_bytes + idx.OVERHEAD)
    compressed = raw[:2] == idx.GZIP_MAGIC
    content: bytes | None = raw
    if compressed:
        try:
            content = idx.decompress(raw, published.raw_bytes)
        except ValueError:
            content = None
    if content is not None and hashlib.sha256(content).hexdigest() == published.raw_sha256:
        return content
    expected = published.gz_sha256 if compressed else published.raw_sha256
    raise UserError(
        f"{shown(str(path), 400)}: damaged, or not the MNIST file\n  expected sha256 {expected}\n"
        f"  found    sha256 {hashlib.sha256(raw).hexdigest()}"
    )


def load(data_dir: str | None = None) -> Dataset:
    """MNIST, verified: 60,000 training and 10,000 test images of 28 x 28.

    Raises:
        UserError: files missing, damaged, or of the wrong kind.
    """
    folder = locate(data_dir)
    if prepared.find(folder):
        return prepared.load(folder)
    arrays = {}
    for part, published in MNIST.items():
        path = find(folder, published)
        if path is None:
            raise UserError(f"{folder}: {published.name}[.gz] is missing; `erbp-jax data fetch mnist` gets it")
        arrays[part] = idx.parse(verify(path, published), path)
    train, test = (
        Samples(arrays[f"{part}_images"].reshape(-1, 784), arrays[f"{part}_labels"].astype("int32"))
        for part in ("train", "test")
    )
    return Dataset("mnist", train, test, shape=(28, 28), labels=np.arange(10))
