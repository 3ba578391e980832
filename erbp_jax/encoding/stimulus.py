"""Input currents for looking at neurons: `[T, N]` arrays, one row a tick."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from erbp_jax.errors import UserError


def pieces(values: Sequence[tuple[float, float]], ticks: int, dt: float) -> np.ndarray:
    """`(value, ms)` after `(value, ms)`, and 0 when they are over: float64 `[T]`."""
    out = np.zeros(ticks)
    at = 0.0
    for value, length in values:
        first, at = round(at / dt), at + length
        out[first : round(at / dt)] = value
    return out


def step(value: float, start: float, before: float, ticks: int, dt: float) -> np.ndarray:
    """`before` until `start` ms, then `value`."""
    return np.where(np.arange(ticks) < round(start / dt), before, value).astype(np.float64)


def noise(mean: float, sigma: float, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Independent normal numbers."""
    return rng.normal(mean, sigma, shape)


def poisson(rate: float, weight: float, shape: tuple[int, int], dt: float, rng: np.random.Generator) -> np.ndarray:
    """`weight` times the number of events in the tick, at `rate` Hz."""
    return weight * rng.poisson(rate * 1e-3 * dt, shape)


def from_file(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """A current from `.npy`, `.npz` or text; one column serves all neurons; rows that are missing are 0.

    Raises:
        UserError: not readable, or of a shape that does not fit; says both.
    """
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                if len(archive.files) != 1:
                    raise UserError(f"{path}: holds {len(archive.files)} arrays, wanted one")
                read = archive[archive.files[0]]
        elif path.suffix == ".npy":
            read = np.load(path, allow_pickle=False)
        else:
            read = np.loadtxt(path, ndmin=2, delimiter="," if path.suffix == ".csv" else None)
    except (OSError, ValueError) as error:
        raise UserError(f"input.path: {path} cannot be read: {error}") from None
    current = np.atleast_2d(read.T).T.astype(np.float64)
    if current.ndim != 2 or current.shape[1] not in (1, shape[1]) or len(current) > shape[0]:
        raise UserError(
            f"input.path: {path} has shape {read.shape}; wanted at most {shape[0]} rows (ticks) and 1 or {shape[1]} "
            "columns"
        )
    out = np.zeros(shape)
    out[: len(current)] = current
    return out
