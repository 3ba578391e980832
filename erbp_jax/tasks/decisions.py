"""Who has won: the class with the most output spikes, if it is alone at the top. NumPy or JAX arrays."""

from typing import Any, TypeVar

import numpy as np

Counts = TypeVar("Counts", bound=Any)  # np.ndarray or jax.Array


def leaders(counts: Counts) -> Counts:
    """Whether a class has the most spikes, bool `[..., K]`, by `counts[..., K]`; all have for silence."""
    return counts == counts.max(-1, keepdims=True)


def alone(first: Counts) -> Counts:
    """Whether there is one leader, bool `[...]`, among `first[..., K]`: no tie and no silence."""
    return first.sum(-1, dtype=np.int32) == 1


def decide(counts: Counts) -> tuple[Counts, Counts]:
    """The class with the most output spikes, int32 `[...]`, and whether it is alone at the top, bool `[...]`."""
    return counts.argmax(-1).astype(np.int32), alone(leaders(counts))


def wrong(counts: Counts, labels: Counts) -> Counts:
    """Whether the class decided for is not the label, bool `[...]`; ties and silence are wrong."""
    choice, decided = decide(counts)
    return (choice != labels) | ~decided
