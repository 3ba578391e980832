"""Input currents for looking at neurons: `[T, N]` arrays, one row per tick."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from erbp_jax.archive import read_table, shown
from erbp_jax.errors import UserError

MOST_EVENTS = 1e6
"""In a tick of one Poisson train: a float32 tells them apart up to 1.6e7."""


def pieces(values: Sequence[tuple[float, float]], ticks: int, dt: float) -> np.ndarray:
    """`(value, ms)` after `(value, ms)`, and 0 when they are over: float64 `[T]`."""
    out = np.zeros(ticks)
    at = 0.0
    for value, length in values:
        first, at = _tick(at, ticks, dt), at + length
        out[first : _tick(at, ticks, dt)] = value
    return out


def step(value: float, start: float, before: float, ticks: int, dt: float) -> np.ndarray:
    """`before` until `start` ms, then `value`."""
    return np.where(np.arange(ticks) < _tick(start, ticks, dt), before, value).astype(np.float64)


def _tick(time: float, ticks: int, dt: float) -> int:
    """The tick that begins at a `time` in ms, at most the last one's end."""
    return round(min(time / dt, float(ticks)))


def noise(mean: float, sigma: float, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Independent normal numbers."""
    return rng.normal(mean, sigma, shape)


def poisson(rate: float, weight: float, shape: tuple[int, int], dt: float, rng: np.random.Generator) -> np.ndarray:
    """`weight` times the number of events in the tick, at `rate` Hz.

    Raises:
        ValueError: more than `MOST_EVENTS` in a tick.
    """
    events = rate * 1e-3 * dt
    if events > MOST_EVENTS:
        raise ValueError(
            f"input.rate: {rate:g} Hz are {events:.3g} events in a tick of {dt:g} ms, more than {MOST_EVENTS:g}"
        )
    return weight * rng.poisson(events, shape)


def from_file(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """A current from `.npy`, `.npz` or text; one column serves all neurons; rows that are missing are 0.

    Raises:
        UserError: not readable, not real finite numbers, or of a shape that does not fit; says both.
    """
    delimiter = "," if path.suffix == ".csv" else None
    try:
        read = read_table(path, np.float64, delimiter=delimiter)
    except UserError as error:
        raise UserError(f"input.path: {error}") from None
    where = f"input.path: {shown(str(path), 400)}"
    if read.dtype.kind not in "iuf":
        raise UserError(f"{where}: must hold real numbers, got {shown(str(read.dtype))}")
    current = read.reshape(-1, 1) if read.ndim == 1 else read
    if current.ndim != 2 or current.shape[1] not in (1, shape[1]) or not 0 < len(current) <= shape[0]:
        raise UserError(
            f"{where} has shape {shown(str(read.shape))}; wanted 1 to {shape[0]} rows (ticks) and 1 or {shape[1]} "
            "columns"
        )
    if not np.isfinite(current).all():
        raise UserError(f"{where}: must hold finite numbers, got {current[~np.isfinite(current)][0]}")
    out = np.zeros(shape)
    out[: len(current)] = current
    return out
