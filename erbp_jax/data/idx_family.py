"""Sets of four idx files, as MNIST has them: Fashion-MNIST, KMNIST, EMNIST, or one's own."""

import re
from pathlib import Path

import numpy as np

from erbp_jax.archive import read_bytes, shown
from erbp_jax.data import idx
from erbp_jax.data.dataset import Dataset
from erbp_jax.data.from_arrays import dataset
from erbp_jax.errors import UserError

MOST_BYTES = 2**31
"""Of one file's content."""

PARTS = {
    "train images": re.compile(r"(.*)train[-_]images[-.]idx\d[-_]ubyte(\.gz)?"),
    "train labels": re.compile(r"(.*)train[-_]labels[-.]idx1[-_]ubyte(\.gz)?"),
    "test images": re.compile(r"(.*)(?:test|t10k)[-_]images[-.]idx\d[-_]ubyte(\.gz)?"),
    "test labels": re.compile(r"(.*)(?:test|t10k)[-_]labels[-.]idx1[-_]ubyte(\.gz)?"),
}
"""What the files are called; what stands in front tells the sets of a folder apart, as in `emnist-letters-`."""


def sets_in(folder: Path) -> dict[str, dict[str, Path]]:
    """The sets of a folder by what stands in front of their names, each with its parts that are there."""
    found: dict[str, dict[str, Path]] = {}
    try:
        paths = sorted(folder.iterdir(), reverse=True)  # of `a` and `a.gz`, `a` is taken
    except OSError:
        return {}
    for path in paths:
        for part, pattern in PARTS.items():
            if match := pattern.fullmatch(path.name):
                found.setdefault(match[1].rstrip("-_."), {})[part] = path
    return found


def from_idx(folder: Path | str, *, name: str = "idx", which: str | None = None) -> Dataset:
    """The set of four idx files in a folder, gzip or raw: `train-images-idx3-ubyte`, `t10k-labels-idx1-ubyte.gz`, ...

    `which` is what stands in front of the files' names, where a folder holds several sets: `emnist-letters`.

    Example:
        >>> import erbp_jax as ej
        >>> try:
        ...     ej.data.from_idx("no_such_folder")
        ... except ej.UserError as error:
        ...     print("no_such_folder" in str(error))
        True

    Raises:
        UserError: a file is missing or damaged, several sets and no `which`, or what `dataset` refuses.
    """
    where, found = shown(str(folder), 400), sets_in(Path(folder))
    if which is None and len(found) > 1:
        raise UserError(f"{where}: holds several sets: {', '.join(map(shown, sorted(found)))}; say which")
    if not found or (which is not None and which not in found):
        there = f"; there: {', '.join(map(shown, sorted(found)))}" if found else ""
        raise UserError(
            f"{where}: no idx files{f' of {shown(which)}' if which else ''}; wanted four, as "
            f"train-images-idx3-ubyte and t10k-labels-idx1-ubyte, or with .gz{there}"
        )
    parts = found[which] if which is not None else next(iter(found.values()))
    if missing := [part for part in PARTS if part not in parts]:
        raise UserError(f"{where}: the {' and the '.join(missing)} are missing (idx files)")
    x, y, x_test, y_test = (_read(parts[part]) for part in PARTS)
    try:
        return dataset(x, y.astype(np.int64), x_test, y_test.astype(np.int64), name=name)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _read(path: Path) -> np.ndarray:
    raw = read_bytes(path, MOST_BYTES)
    if raw[:2] == idx.GZIP_MAGIC:
        try:
            raw = idx.decompress(raw, MOST_BYTES)
        except ValueError as error:
            raise UserError(f"{shown(str(path), 400)}: damaged gzip: {error}") from None
    return idx.parse(raw, path)
