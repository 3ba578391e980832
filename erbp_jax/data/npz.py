"""A user's data set in an `.npz` file."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from erbp_jax.archive import MAX_BYTES, open_archive, shown
from erbp_jax.data.arrays import as_bytes, as_targets, as_trains, flat
from erbp_jax.data.dataset import Dataset, Samples
from erbp_jax.data.from_arrays import dataset
from erbp_jax.errors import UserError

BESIDE = ("shape", "labels", "dt", "copies", "test_name")
"""What may stand beside samples and targets."""
KINDS = (
    ("dt", "fiu", "a number of ms above 0"),
    ("copies", "iu", "a whole number from 0 on"),
    ("test_name", "U", "text"),
)
MOST_BYTES = 64 * MAX_BYTES
"""Of the arrays: 32 GiB."""


def from_npz(path: Path | str) -> Dataset:
    """The set in an `.npz` with the arrays `x` and `y`, and, if the test set is not to be drawn from them, `x_test` and
    `y_test`; all as `dataset` takes them. `spikes` (and `spikes_test`) in place of `x` are given trains. These may be
    there too: `dt`, the length of a tick in ms (1); `copies`, how many changed copies stand behind each training sample
    (0); and `test_name`, what texts call the test set (`test`). With `shape`, that of a sample (of a tick, for trains),
    it is what `Dataset.save` wrote, and is taken as it is: nothing is guessed of dark images, and the classes are those
    of `labels`.

    Example:
        >>> import os, tempfile
        >>> import numpy as np, erbp_jax as ej
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "mine.npz")
        ...     np.savez(path, x=np.zeros((10, 8, 8), np.uint8), y=np.arange(10) % 2)
        ...     data = ej.data.from_npz(path)
        >>> data.train.x.shape, data.classes
        ((8, 64), 2)

    Raises:
        UserError: with the path: no such file, not an archive of plain arrays, arrays missing or unknown, or what
            `dataset` refuses.
    """
    path = Path(path)
    with open_archive(path, MOST_BYTES) as archive:
        names = set(archive.names)
        what = "spikes" if "spikes" in names else "x"
        known = {what, "y", f"{what}_test", "y_test", *BESIDE}
        if missing := [name for name in (what, "y") if name not in names]:
            raise UserError(
                f"{' and '.join(missing)} missing: it must hold x (or spikes) and y, and may hold x_test, y_test, "
                f"{', '.join(BESIDE)}; got {shown(', '.join(sorted(names)) or 'nothing', 200)}"
            )
        if unknown := sorted(names - known):
            raise UserError(f"{shown(', '.join(unknown), 200)}: not known; it holds {', '.join(sorted(known))}")
        arrays = {name: archive[name] for name in (what, "y", f"{what}_test", "y_test") if name in names}
        beside = {name: archive[name] for name in BESIDE if name in names}
        if "shape" in beside:
            made = _saved(path.stem, what, arrays, beside["shape"], beside.get("labels"))
        elif "labels" in beside:
            raise UserError("labels: are those of a set with its shape; without it they are the values of y")
        else:
            made = dataset(
                arrays[what], arrays["y"], arrays.get(f"{what}_test"), arrays.get("y_test"),
                name=path.stem, trains=what == "spikes",
            )  # fmt: skip
        return _with(made, beside, drawn=f"{what}_test" not in names)


def _saved(
    name: str, what: str, arrays: dict[str, np.ndarray], shape: np.ndarray, labels: np.ndarray | None
) -> Dataset:
    """The set that `Dataset.save` wrote."""
    if shape.ndim != 1 or shape.dtype.kind not in "iu" or not len(shape) or (shape < 1).any():
        raise UserError(f"shape: must be that of a sample, whole numbers above 0, got {shown(str(shape.tolist()))}")
    if labels is not None and (labels.ndim != 1 or not np.array_equal(np.unique(labels), labels)):
        raise UserError(f"labels: must be different and ascending, got {shown(str(labels.tolist()))}")
    trains, rows = what == "spikes", []
    for suffix in ("", "_test"):
        if f"{what}{suffix}" not in arrays or f"y{suffix}" not in arrays:
            raise UserError(f"{what}_test and y_test: a set with its shape has both")
        given, y = arrays[f"{what}{suffix}"], arrays[f"y{suffix}"]
        x = as_trains(what + suffix, given, most=255) if trains else flat(as_bytes(what + suffix, given))
        if x.shape[-1] != shape.prod() or len(x) != len(y):
            raise UserError(
                f"{what}{suffix}: {list(given.shape)} and y{suffix} {list(y.shape)} do not fit one another and samples "
                f"of shape {shape.tolist()}"
            )
        if labels is None:
            y = as_targets(f"y{suffix}", y)[0]
        elif y.ndim != 1 or not np.isin(y, labels).all():
            raise UserError(f"y{suffix}: must be [n], some of labels")
        else:
            y = np.searchsorted(labels, y).astype(np.int32)
        rows.append(Samples(x, y))
    ticks = rows[0].x.shape[1] if trains else None
    return Dataset(name, *rows, shape=tuple(shape.tolist()), labels=labels, ticks=ticks)


def _with(made: Dataset, beside: dict[str, np.ndarray], *, drawn: bool) -> Dataset:
    """The set with what stands beside its arrays."""
    for name, kinds, wanted in KINDS:
        if name in beside and (beside[name].ndim or beside[name].dtype.kind not in kinds):
            raise UserError(f"{name}: must be {wanted}, got {beside[name].dtype} {list(beside[name].shape)}")
    if "dt" in beside and made.ticks is None:
        raise UserError("dt: is the length of a tick of trains, and x are images; leave it out")
    dt, copies = float(beside.get("dt", made.dt)), int(beside.get("copies", made.copies))
    if copies < 0 or len(made.train) % (1 + copies) or (copies and drawn):
        raise UserError(
            f"copies: {copies} behind each sample need a test set of their own and training samples in groups of "
            f"{1 + copies}; {len(made.train)} are there"
        )
    return replace(made, dt=dt, copies=copies, test_name=str(beside.get("test_name", made.test_name)))
