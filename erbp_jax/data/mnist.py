"""MNIST from the four idx files: where they are looked for, and how they are verified."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from erbp_jax.data import idx, prepared
from erbp_jax.data.checksums import MNIST, Published
from erbp_jax.data.dataset import Dataset
from erbp_jax.errors import UserError

ENVIRONMENT = "ERBP_JAX_DATA"


def user_cache() -> Path:
    """The folder that `erbp-jax data fetch` fills."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "erbp_jax" / "data"


def candidates(data_dir: str | None) -> Iterator[tuple[str, Path]]:
    """Folders that may hold `mnist/` (or the files themselves), in order, with where each was named."""
    if data_dir:
        yield "data.dir", Path(data_dir)
        return  # a folder that was named must be the one that is used
    if value := os.environ.get(ENVIRONMENT):
        yield ENVIRONMENT, Path(value)
    yield "user cache", user_cache()


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
        looked.append(f"  {source}: {root}")
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
            if path.is_file():
                return path
    return None


def verify(path: Path, published: Published) -> bytes:
    """The file's content, if it is the published one: as published, or the same content compressed anew.

    Raises:
        UserError: damaged, truncated or another file; gives both checksums.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    found = hashlib.sha256(raw).hexdigest()
    compressed = raw[:2] == idx.GZIP_MAGIC
    expected = published.gz_sha256 if compressed else published.raw_sha256
    if found != expected:
        try:
            content = idx.read_bytes(path)
        except UserError:
            content = b""
        if hashlib.sha256(content).hexdigest() != published.raw_sha256:
            raise UserError(
                f"{path}: damaged, or not the MNIST file\n  expected sha256 {expected}\n  found    sha256 {found}"
            )
        return content
    return idx.read_bytes(path)


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
    return Dataset(
        "mnist",
        (28, 28),
        10,
        arrays["train_images"].reshape(-1, 784),
        arrays["train_labels"].astype("int32"),
        arrays["test_images"].reshape(-1, 784),
        arrays["test_labels"].astype("int32"),
    )
