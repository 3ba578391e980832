"""What training has cost so far."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def training_operations(metrics: Sequence[dict[str, Any]]) -> np.ndarray:
    """Synaptic operations and multiply-accumulates after each epoch, each epoch at its own cost per sample."""
    samples = np.asarray([entry["samples"] for entry in metrics], np.float64)
    return np.cumsum(np.diff(samples, prepend=0.0) * [e["training_operations_per_sample"] for e in metrics])
