"""snnTorch: a loop over the ticks; a spike is subtracted in the next tick, and not differentiated there."""
# pyright: reportMissingImports=false

from collections.abc import Sequence

import numpy as np
import snntorch as snn
import torch
from snntorch import surrogate

from frameworks.base import Framework, Semantics
from frameworks.with_torch import TorchNetwork, linear


def build(weights: Sequence[np.ndarray], decay: float) -> TorchNetwork:
    layers = [linear(weight) for weight in weights]
    gradient = surrogate.fast_sigmoid(slope=Semantics().slope)
    neurons = [snn.Leaky(beta=decay, spike_grad=gradient) for _ in weights]

    def apply(spikes: torch.Tensor) -> torch.Tensor:
        membranes, recorded = [neuron.init_leaky() for neuron in neurons], []
        for x in spikes:
            for i, (layer, neuron) in enumerate(zip(layers, neurons, strict=True)):
                x, membranes[i] = neuron(layer(x), membranes[i])
            recorded.append(x)
        return torch.stack(recorded)

    return TorchNetwork(apply, layers)


FRAMEWORK = Framework("snnTorch", build, lambda _: Semantics(reset="late"))
