"""Where learning curves cross an error, and what the ratio of two such crossings is worth."""

import math
from typing import Any

import numpy as np
from scipy.special import stdtr, stdtrit
from sklearn.isotonic import IsotonicRegression


def crossings(found: dict[str, Any], target: float) -> tuple[np.ndarray, np.ndarray]:
    """Digits `[S]` and counts `[S, 4]` where a falling curve through the errors comes to the target; NaN if never."""
    n, errors, counts = (np.asarray(found[key], float) for key in ("digits", "errors", "counts"))
    x, at, spent = np.log(n), [], []
    for s in range(errors.shape[1]):
        y = IsotonicRegression(increasing=False).fit_transform(x, errors[:, s])
        below = np.flatnonzero(y <= target)
        if not len(below):
            at.append(np.nan)
            spent.append(np.full(4, np.nan))
            continue
        j = int(below[0])
        share = 0.0 if j == 0 or y[j - 1] == y[j] else (y[j - 1] - target) / (y[j - 1] - y[j])
        where = x[j] if j == 0 else x[j - 1] + share * (x[j] - x[j - 1])
        at.append(math.exp(where))
        spent.append([float(np.interp(math.exp(where), n, counts[:, s, c])) for c in range(4)])
    return np.asarray(at), np.asarray(spent)


def compared(plain: np.ndarray, other: np.ndarray) -> tuple[float, float, float, float] | None:
    """Geometric mean of plain over other, its 95 % t interval and the p-value; None with fewer than two pairs, and
    where a seed never came there: the mean of the others would flatter."""
    logs = np.log(plain / other)
    if len(logs) < 2 or not np.isfinite(logs).all():
        return None
    mean, error = logs.mean(), logs.std(ddof=1) / math.sqrt(len(logs))
    if error == 0.0:
        return math.exp(mean), math.exp(mean), math.exp(mean), float(mean == 0.0)
    reach = stdtrit(len(logs) - 1, 0.975) * error
    p = 2 * stdtr(len(logs) - 1, -abs(mean) / error)
    return math.exp(mean), math.exp(mean - reach), math.exp(mean + reach), float(p)


def holm(values: dict[str, float], planned: int = 0) -> dict[str, float]:
    """p-values corrected for their number, or for the `planned` one if that is larger: those that are not there yet
    count as larger than all that are."""
    ordered, worst, corrected = sorted(values, key=lambda name: values[name]), 0.0, {}
    for rank, name in enumerate(ordered):
        worst = max(worst, min(1.0, (max(planned, len(ordered)) - rank) * values[name]))
        corrected[name] = worst
    return corrected
