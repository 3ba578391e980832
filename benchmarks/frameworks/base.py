"""What a framework has to say about a network, and what benchmarks get from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

LEARNING_RATE = 5e-3
GAIN = 10.0
"""Logits are the output's mean rates times this."""


@dataclass(frozen=True)
class Semantics:
    """How a framework's leaky integrate-and-fire neuron differs from the others', all with reset by subtraction.

    `gain` scales the input; `reset` says when a spike takes effect: in its own tick (`same`), in the next (`late`), or
    in the next while the spike itself is also read off before the input comes in (`before`). `through_reset`: whether
    the gradient goes through the subtraction. The surrogate derivative is `height / (1 + slope |V - threshold|)^2`.
    """

    gain: float = 1.0
    reset: Literal["same", "late", "before"] = "same"
    through_reset: bool = False
    slope: float = 25.0
    height: float = 1.0


class Built(Protocol):
    """A network of a framework, with weights `[I, O]` a layer and Adam. Results may still be on their way."""

    def place(self, array: np.ndarray) -> Any:
        """An array as the framework takes it."""
        ...

    def run(self, spikes: Any) -> Any:
        """`[T, B, I] -> [T, B, K]`."""
        ...

    def gradient(self, spikes: Any, cotangent: Any) -> Sequence[Any]:
        """The gradient of `sum(cotangent * run(spikes))` for every weight matrix."""
        ...

    def train(self, spikes: Any, labels: Any) -> Any:
        """One step of Adam on the cross entropy of the output's mean rates; the network keeps the new weights."""
        ...


@dataclass(frozen=True)
class Framework:
    """`build(weights, decay)`; weights for an input that is scaled by `semantics(decay).gain`."""

    name: str
    build: Callable[[Sequence[np.ndarray], float], Built]
    semantics: Callable[[float], Semantics] = lambda _: Semantics()
