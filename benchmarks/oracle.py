"""A layered network of leaky integrate-and-fire neurons and its gradient, loop by loop in float64."""

from collections.abc import Sequence

import numpy as np
from frameworks import Semantics


def forward(
    weights: Sequence[np.ndarray], spikes: np.ndarray, decay: float, how: Semantics
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Spikes of every layer, the input first, and distances from the threshold that the spikes were read off at."""
    layers, distances = [spikes.astype(np.float64)], []
    for weight in weights:
        current = how.gain * layers[-1] @ weight.astype(np.float64)
        membrane = np.zeros(current.shape[1:])
        previous = np.zeros_like(membrane)
        spiking, distance = np.zeros_like(current), np.zeros_like(current)
        for t, c in enumerate(current):
            if how.reset == "before":
                distance[t] = membrane - 1.0
                spiking[t] = distance[t] > 0
                membrane = decay * membrane + c - spiking[t]
            else:
                membrane = decay * membrane + c - (previous if how.reset == "late" else 0.0)
                distance[t] = membrane - 1.0
                previous = spiking[t] = distance[t] > 0
                if how.reset == "same":
                    membrane = membrane - spiking[t]
        layers.append(spiking)
        distances.append(distance)
    return layers, distances


def gradient(
    weights: Sequence[np.ndarray], spikes: np.ndarray, cotangent: np.ndarray, decay: float, how: Semantics
) -> list[np.ndarray]:
    """The gradient of `sum(cotangent * output)` for every weight matrix, tick by tick backwards."""
    layers, distances = forward(weights, spikes, decay, how)
    result: list[np.ndarray] = []
    back = cotangent.astype(np.float64)
    for weight, before, distance in zip(weights[::-1], layers[-2::-1], distances[::-1], strict=True):
        slope = how.height / (1.0 + how.slope * np.abs(distance)) ** 2
        to_current = np.zeros_like(distance)
        later = np.zeros(distance.shape[1:])  # what the state after this tick is worth
        for t in range(len(distance) - 1, -1, -1):
            to_spike = back[t] - (later_reset(later, decay, how) if how.through_reset else 0.0)
            if how.reset == "before":
                to_current[t] = later
                later = decay * later + slope[t] * to_spike
            else:
                to_membrane = decay * later + slope[t] * to_spike
                to_current[t] = later = to_membrane
        to_current *= how.gain
        result.insert(0, np.einsum("tbi,tbo->io", before, to_current))
        back = to_current @ weight.T.astype(np.float64)
    return result


def later_reset(later: np.ndarray, decay: float, how: Semantics) -> np.ndarray:
    """What a unit of reset takes from the ticks to come."""
    return decay * later if how.reset == "same" else later
