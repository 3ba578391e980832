"""From the arrays of a user to those of a data set: checked, never changed without a word."""

from typing import Any

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.errors import UserError


def as_bytes(name: str, given: Any) -> np.ndarray:
    """Images `[n, ...]`, float in [0, 1] or uint8, as uint8: `round(255 x)`.

    Raises:
        UserError: another type, fewer than two axes, no samples, NaN or values outside [0, 1].
    """
    x = as_array(name, given)
    if x.ndim < 2 or 0 in x.shape:
        raise UserError(
            f"{name}: must be samples of at least one value each, [n, ...], got shape {list(x.shape)}"
            + ("; x[:, None] makes rows of single numbers" if x.ndim == 1 and len(x) else "")
        )
    if x.dtype == np.uint8:
        return x
    if x.dtype == np.bool_:
        return np.uint8(255) * x.astype(np.uint8)
    if x.dtype.kind != "f":
        raise UserError(
            f"{name}: must be float in [0, 1] or uint8, 0 to 255, got {x.dtype}; " + _scaled(name, x.astype(np.float64))
        )
    low, high = float(x.min()), float(x.max())  # NaN if there is one
    if not 0 <= low <= high <= 1:
        if np.isnan(low):
            raise UserError(f"{name}: float values must lie in [0, 1], got NaN")
        raise UserError(
            f"{name}: float values must lie in [0, 1], got values from {low:.6g} to {high:.6g}; " + _scaled(name, x)
        )
    return np.round(255 * x.astype(np.float32)).astype(np.uint8)


def not_dark(name: str, x: Any) -> None:
    """Refuse bytes that are hardly pixels: numbers from 0 to 16, or spikes, which would never make an input fire.

    Raises:
        UserError: the largest byte is below 32, and not 0.
    """
    if getattr(x, "dtype", None) == np.uint8 and x.size and 0 < (most := x.max()) < 32:
        raise UserError(
            f"{name}: bytes are pixels from 0 to 255, and the largest here is {most}, almost black; "
            f"{name} / {most} for numbers up to {most}, {name} / 255 for images that are so dark; spikes "
            "[n, T, I] are given with trains=True, in an .npz as `spikes`"
        )


def _scaled(name: str, x: np.ndarray) -> str:
    """How numbers beyond [0, 1] come there."""
    if not np.isfinite(x).all():
        return "leave out or replace what is not finite"
    pixels = f"{name} / 255 for pixels up to 255"
    if x.ndim > 2:
        return pixels
    return (
        f"for a table low, high = x.min(0), x.max(0) of the training samples and ({name} - low) / (high - low), cut to "
        f"[0, 1]; {pixels}"
    )


def as_trains(name: str, given: Any, most: int = 1) -> np.ndarray:
    """Trains of spikes `[n, T, I]`, 0 or 1, or whole numbers up to `most`, 255 at most, as uint8.

    Raises:
        UserError: another shape, or other values.
    """
    x = as_array(name, given)
    if x.ndim != 3 or 0 in x.shape:
        raise UserError(f"{name}: trains of spikes must be [n, T, I], samples by ticks by inputs, got {list(x.shape)}")
    if (
        x.dtype.kind not in "buif"
        or not (np.isin(x, (0, 1)) if most == 1 else (x >= 0) & (x <= most) & (x % 1 == 0)).all()
    ):
        wanted = "0 or 1" if most == 1 else f"whole numbers from 0 to {most}"
        raise UserError(f"{name}: trains of spikes must be {wanted}, got {_range(x)}")
    return x.astype(np.uint8)


def as_targets(name: str, given: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Labels `[n]` as classes int32 and what these are called; or curves `[n, K]`, `[n, T, K]` as float32, and None.

    Raises:
        UserError: labels that are fractional or missing; curves that are not finite in [0, 1].
    """
    y = as_array(name, given, words=True)
    if y.ndim == 1:
        return _as_classes(name, y)
    if y.ndim not in (2, 3) or 0 in y.shape:
        raise UserError(f"{name}: must be labels [n], or curves [n, K] or [n, T, K], got shape {list(y.shape)}")
    if y.dtype.kind not in "f":
        hint = f"{name}.argmax(1) makes labels of one-hot rows" if is_one_hot(y) else "labels have one axis"
        hint = f"{name}[:, 0] are labels" if y.ndim == 2 and y.shape[1] == 1 else hint
        raise UserError(f"{name}: curves of spikes per tick must be float, got {y.dtype}; {hint}")
    if not (np.isfinite(y).all() and y.min() >= 0 and y.max() <= 1):
        raise UserError(f"{name}: curves are spikes per tick and must lie in [0, 1], got {_range(y)}")
    return y.astype(np.float32), None


def _as_classes(name: str, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise UserError(f"{name}: labels must be whole numbers, got {y[~np.isfinite(y)][0]}")
        if (fractional := y[y != np.floor(y)]).size:
            raise UserError(
                f"{name}: labels must be whole numbers, got {fractional[0]:g}; curves to follow are [n, K] or [n, T, K]"
                f", and a number to predict for each sample is {name}[:, None], scaled to [0, 1]"
            )
        y = y.astype(np.int64)
        if (many := len(np.unique(y))) > max(20, len(y) // 10):
            raise UserError(
                f"{name}: {many} different whole floats among {len(y)}: as labels they are {name}.astype(int), "
                f"as numbers to predict {name}[:, None], scaled to [0, 1]"
            )
    if y.dtype.kind not in "biuU":
        raise UserError(f"{name}: labels must be integers or strings, got {y.dtype}")
    y = y.astype(np.int64) if y.dtype.kind == "b" else y  # no and yes are 0 and 1: -1 is undecided
    labels, classes = np.unique(y, return_inverse=True)
    return classes.astype(np.int32).reshape(-1), labels


def is_one_hot(y: Any) -> bool:
    """Whether targets are rows `[n, K]` of one 1 and else 0, K at least 2: labels in another form."""
    return (
        isinstance(y, np.ndarray)
        and y.ndim == 2
        and y.shape[1] > 1
        and bool(((y == 0) | (y == 1)).all() and (y.sum(1, dtype=np.float64) == 1).all())
    )


def check_classes(name: str, y: Any, classes: int) -> None:
    """Refuse what are not classes `[n]` from 0 to `classes - 1`; pytrees are their task's business.

    Raises:
        UserError: says what was given, and of which sample.
    """
    if not hasattr(y, "dtype"):
        return
    wanted = f"must be classes, whole numbers [n] from 0 to {classes - 1}"
    if y.ndim != 1 or y.dtype.kind not in "iu":
        raise UserError(f"{name} {wanted}, got {y.dtype} {list(y.shape)}; ej.dataset(x, y) takes labels of any values")
    given = np.asarray(y)
    beyond = np.flatnonzero((given < 0) | (given >= classes))
    if len(beyond):
        sample = int(beyond[0])
        raise UserError(
            f"{name} {wanted}, got {given[sample]} for sample {sample}; ej.dataset(x, y) takes labels of any values"
        )


def divided(y: np.ndarray, classes: bool, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices for training and for test, drawn by a seed: the first sample drawn of every class is for training.

    Raises:
        UserError: too few samples to divide.
    """
    order = np.random.default_rng(seed).permutation(len(y))
    kept = np.unique(y[order], return_index=True)[1] if classes else np.zeros(1, np.int64)
    first = np.isin(np.arange(len(order)), kept)
    order = np.concatenate([order[first], order[~first]])
    held = min(max(1, round(share * len(y))), len(y) - len(kept))
    if held < 1:
        raise UserError(f"{len(y)} samples are too few to keep some for the test; give x_test and y_test")
    return order[:-held], order[-held:]


def flat(x: np.ndarray) -> np.ndarray:
    """A row per sample."""
    return np.ascontiguousarray(x.reshape(len(x), -1))


def check_seed(seed: Any) -> None:
    """Refuse what is no seed of a draw.

    Raises:
        UserError: says what was given.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise UserError(f"seed: must be a whole number >= 0, got {seed!r}")


def as_array(name: str, given: Any, *, words: bool = False) -> np.ndarray:
    """One array of numbers, or, where they are allowed, of words.

    Raises:
        UserError: samples of different shapes, or objects.
    """
    try:
        x = np.asarray(given)
    except ValueError:  # rows of different lengths
        raise UserError(f"{name}: must be one array, got samples of different shapes") from None
    if words and x.dtype.kind == "O" and x.size and all(isinstance(item, str) for item in x.flat):
        return x.astype(np.str_)  # words of a table
    if words and x.dtype.kind == "O" and x.size:
        raise UserError(f"{name}: {_objects(name, x)}")
    if x.dtype.kind in "OV" or (not words and x.dtype.kind in "US"):
        raise UserError(f"{name}: must be an array of numbers, got {type(given).__name__} of {x.dtype}")
    return x


def _objects(name: str, x: np.ndarray) -> str:
    """What is wrong with labels in an array of objects that are not all strings."""
    kinds = sorted({type(item).__name__ for item in x.flat})
    if set(kinds) <= {"bool", "int", "float"}:
        number = "float" if "float" in kinds else "int"
        return (
            f"must be an array of numbers, got one of objects ({', '.join(kinds)}); {name}.astype({number}) makes one"
        )
    odd = next(item for item in x.flat if not isinstance(item, str))
    return f"labels must be all numbers or all strings, got {' and '.join(kinds)}, for example {shown(repr(odd), 60)}"


def _range(x: np.ndarray) -> str:
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        return f"{x[~np.isfinite(x)][0]}"
    return f"values from {x.min():g} to {x.max():g}"
