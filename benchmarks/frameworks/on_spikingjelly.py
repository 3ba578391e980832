"""SpikingJelly in its multi-step mode: products for all ticks at once, then the neurons tick by tick."""
# pyright: reportMissingImports=false

from collections.abc import Sequence

import numpy as np
import torch
from spikingjelly.activation_based import functional, layer, neuron, surrogate

from frameworks.base import Framework, Semantics
from frameworks.with_torch import TorchNetwork, linear


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha):
        ctx.save_for_backward(x)
        ctx.alpha = alpha
        return (x >= 0).to(x)

    @staticmethod
    def backward(ctx, *gradients):
        (x,) = ctx.saved_tensors
        return gradients[0] / (1.0 + ctx.alpha * x.abs()).square(), None


class FastSigmoid(surrogate.SurrogateFunctionBase):
    """The surrogate of the other frameworks, which SpikingJelly does not have."""

    def __init__(self) -> None:
        super().__init__(alpha=Semantics().slope, spiking=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _Spike.apply(x, self.alpha)  # type: ignore[return-value]


def build(weights: Sequence[np.ndarray], decay: float) -> TorchNetwork:
    maps = [linear(weight) for weight in weights]
    parts: list[torch.nn.Module] = []
    for one in maps:
        wrapped = layer.Linear(one.in_features, one.out_features, bias=False, step_mode="m")
        wrapped.weight = one.weight
        tau = 1.0 / (1.0 - decay)
        parts += [wrapped, neuron.LIFNode(tau, False, 1.0, None, FastSigmoid(), detach_reset=True, step_mode="m")]
    network = torch.nn.Sequential(*parts)

    def apply(spikes: torch.Tensor) -> torch.Tensor:
        functional.reset_net(network)
        return network(spikes)

    return TorchNetwork(apply, maps)


FRAMEWORK = Framework("SpikingJelly", build)
