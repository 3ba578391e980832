"""Shapes and the order of units: NIR has channels first, maps of this package have them last."""

from collections.abc import Sequence

import numpy as np

Shape = tuple[int, ...]


def ours(shape: Sequence[int]) -> Shape:
    """A NIR shape `(C, H, W)` as `(H, W, C)`; one axis stays as it is."""
    shape = tuple(int(n) for n in shape)
    return (*shape[1:], shape[0]) if len(shape) > 1 else shape


def theirs(shape: Sequence[int]) -> Shape:
    """The opposite of `ours`."""
    shape = tuple(int(n) for n in shape)
    return (shape[-1], *shape[:-1]) if len(shape) > 1 else shape


def units(array: np.ndarray) -> np.ndarray:
    """An array of a NIR shape with one entry for each unit, `[N]`, in the order of units here."""
    return np.moveaxis(array, 0, -1).reshape(-1) if array.ndim > 1 else array.reshape(-1)


def places(shape: Sequence[int]) -> np.ndarray:
    """Where the units of a shape `(H, W, C)` are, in the order in which NIR counts them: `[N]`."""
    numbers = np.arange(int(np.prod(shape))).reshape(tuple(shape))
    return np.moveaxis(numbers, -1, 0).reshape(-1) if len(shape) > 1 else numbers


def windows(size: int, kernel: int, stride: int, before: int, after: int, dilation: int = 1) -> int:
    """How many windows fit into a padded line."""
    return (size + before + after - dilation * (kernel - 1) - 1) // stride + 1
