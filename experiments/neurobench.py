"""NeuroBench's complexity metrics, for one layer or many."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class SynapticOperations(NamedTuple):
    """Operations per sample."""

    dense: float  # all synapses, whatever is on them
    macs: float  # multiply-accumulates: a real-valued activation on a weight, both not zero
    acs: float  # accumulates: a spike on a weight that is not zero


def synaptic_operations(layers: Sequence[tuple[np.ndarray, np.ndarray]]) -> SynapticOperations:
    """Count the operations of dense layers, given as `(weight[O, I], activations[samples, steps, I])`.

    A layer whose activations are all 0 or +-1 accumulates, any other multiplies. Biases, pooling and normalisation are
    not counted. Source: NeuroBench (Yik et al. 2025), `SynapticOperations`.

    Raises:
        ValueError: shapes that do not fit.
    """
    dense = macs = acs = 0.0
    for weight, activation in layers:
        if activation.ndim != 3 or weight.ndim != 2 or activation.shape[-1] != weight.shape[1]:
            raise ValueError(f"synaptic_operations: weight {weight.shape} does not fit activations {activation.shape}")
        if not activation.size:
            raise ValueError(f"synaptic_operations: no samples, steps or inputs in activations {activation.shape}")
        samples, steps = activation.shape[:2]
        fan_out = (weight != 0).sum(0)
        effective = float(((activation != 0) * fan_out).sum()) / samples
        dense += weight.size * steps
        if np.isin(activation, (-1.0, 0.0, 1.0)).all():
            acs += effective
        else:
            macs += effective
    return SynapticOperations(dense, macs, acs)


def activation_sparsity(activations: Sequence[np.ndarray]) -> float:
    """Zeros among all neuron outputs, over layers, steps and samples.

    Raises:
        ValueError: no outputs.
    """
    size = sum(a.size for a in activations)
    if not size:
        raise ValueError("activation_sparsity: no outputs to count zeros in")
    return 1.0 - sum(int(np.count_nonzero(a)) for a in activations) / size


def connection_sparsity(weights: Sequence[np.ndarray]) -> float:
    """Zero weights among all, to four decimals as NeuroBench reports it.

    Raises:
        ValueError: no weights.
    """
    size = sum(w.size for w in weights)
    if not size:
        raise ValueError("connection_sparsity: no weights to count zeros in")
    return round(1.0 - sum(int(np.count_nonzero(w)) for w in weights) / size, 4)


def footprint(weights: Sequence[np.ndarray], states: Sequence[np.ndarray] = ()) -> int:
    """Bytes of parameters and buffers."""
    return sum(a.nbytes for a in (*weights, *states))
