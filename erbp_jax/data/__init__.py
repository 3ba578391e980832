"""Data sets: found, verified and read with NumPy alone; and images moved on the device while a network learns."""

from erbp_jax.data.dataset import Dataset

NAMES = ("digits", "mnist")


def load(name: str, data_dir: str | None = None) -> Dataset:
    """A data set by name: `mnist` or `digits`.

    Raises:
        UserError: unknown name, or the files are missing or damaged.
    """
    from erbp_jax.archive import shown
    from erbp_jax.errors import UserError

    if name == "digits":
        from erbp_jax.data import digits

        return digits.load()
    if name == "mnist":
        from erbp_jax.data import mnist

        return mnist.load(data_dir)
    raise UserError(f"data.name: {shown(repr(name))} is not known; there are {' and '.join(NAMES)}")


__all__ = ["NAMES", "Dataset", "load"]
