"""Data sets: found, verified and read with NumPy alone; and images moved on the device while a network learns."""

from pathlib import Path

from erbp_jax.data.dataset import Dataset, Samples
from erbp_jax.data.from_arrays import dataset
from erbp_jax.data.idx_family import from_idx
from erbp_jax.data.npz import from_npz

NAMES = ("digits", "mnist")
"""Those that are known by name; others are found in a folder that is named after them."""


def load(name: str, data_dir: str | None = None) -> Dataset:
    """A data set by name.

    `digits` comes with scikit-learn, `mnist` is verified, `idx` are the four idx files in `data_dir`. Any other name is
    looked for where MNIST is (`data_dir`, else the folder that ERBP_JAX_DATA names, else the user's cache): as a folder
    of that name with four idx files, or prepared there by TFDS.

    Example:
        >>> import erbp_jax as ej
        >>> data = ej.data.load("digits")
        >>> data.train.x.shape, data.test.x.shape
        ((1437, 64), (360, 64))

    Raises:
        UserError: not found, or the files are missing or damaged.
    """
    from erbp_jax.archive import shown
    from erbp_jax.data import idx_family, mnist, prepared
    from erbp_jax.errors import UserError

    if name == "digits":
        from erbp_jax.data import digits

        if data_dir is not None:
            raise UserError(f"data.dir: digits comes with scikit-learn and is in no folder, got {shown(data_dir, 400)}")
        return digits.load()
    if name == "mnist":
        return mnist.load(data_dir)
    if name == "idx" and data_dir is None:
        raise UserError("data.dir: where are the four idx files? data.name=idx needs it")
    looked = []
    for source, root in mnist.candidates(data_dir):
        if name == "idx":
            return from_idx(root)
        folder = inside(root, name)
        if folder is not None and idx_family.sets_in(folder):
            return from_idx(folder, name=name)
        if folder is not None and prepared.find(root, name):
            return prepared.load_any(name, root)
        which = name.replace("_", "-")
        if data_dir is not None and which in idx_family.sets_in(root):
            return from_idx(root, name=name, which=which)
        looked.append(f"  {source}: {shown(str(root), 400)}")
    raise UserError(
        f"data.name: {shown(repr(name))} is neither {' nor '.join(NAMES)}, nor a folder of that name with four idx "
        "files, with recordings of events, or prepared by TFDS. Looked in\n"
        + "\n".join(looked)
        + "\nFor your own data: data.path=FILE.npz (x, y), or data.name=idx data.dir=FOLDER; in Python, "
        "ej.data.from_npz(FILE) or ej.data.from_idx(FOLDER)"
    )


def inside(root: Path, name: str) -> Path | None:
    """The folder of that name in `root`, or of a variant `NAME/VARIANT`; None for a name that would lead elsewhere."""
    parts = name.split("/")
    safe = all(part not in ("", ".", "..") and not set(part) & set("\\\0") for part in parts)
    return root / name if safe and len(parts) <= 2 and len(name) < 100 else None


__all__ = ["NAMES", "Dataset", "Samples", "dataset", "from_idx", "from_npz", "load"]
