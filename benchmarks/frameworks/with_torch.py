"""Gradient and training of a network that is a PyTorch module."""
# pyright: reportMissingImports=false

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from harness import cores

from frameworks.base import GAIN, LEARNING_RATE

torch.set_num_threads(cores())


def linear(weight: np.ndarray) -> torch.nn.Linear:
    """A linear map without bias from `[I, O]`."""
    layer = torch.nn.Linear(*weight.shape, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight.T))
    return layer


class TorchNetwork:
    """A network from linear maps, whose weights are trained, and `apply(spikes[T, B, I]) -> spikes[T, B, K]`."""

    def __init__(
        self,
        apply: Callable[[torch.Tensor], torch.Tensor],
        layers: Sequence[torch.nn.Linear],
        gain: float = 1.0,
    ):
        self.apply, self.parameters = apply, [layer.weight for layer in layers]
        self.optimizer = torch.optim.Adam(self.parameters, lr=LEARNING_RATE / gain)

    def place(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array.astype(np.int64) if array.dtype == np.int32 else array)

    def run(self, spikes: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return self.apply(spikes)

    def gradient(self, spikes: torch.Tensor, cotangent: torch.Tensor) -> list[torch.Tensor]:
        gradient = torch.autograd.grad((self.apply(spikes) * cotangent).sum(), self.parameters)
        return [g.T for g in gradient]

    def train(self, spikes: torch.Tensor, labels: torch.Tensor) -> Any:
        self.optimizer.zero_grad()
        torch.nn.functional.cross_entropy(GAIN * self.apply(spikes).mean(0), labels).backward()
        self.optimizer.step()
        return ()
