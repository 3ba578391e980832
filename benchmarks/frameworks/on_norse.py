"""Norse: feed-forward neurons without a synaptic state, a loop over the ticks. Its surrogate has a fixed slope of 1."""
# pyright: reportMissingImports=false

from collections.abc import Sequence

import norse.torch as norse
import numpy as np
import torch
from norse.torch.functional.lif_box import LIFBoxParameters
from norse.torch.functional.reset import reset_subtract

from frameworks.base import Framework, Semantics
from frameworks.with_torch import TorchNetwork, linear


def build(weights: Sequence[np.ndarray], decay: float) -> TorchNetwork:
    parameters = LIFBoxParameters(tau_mem_inv=torch.as_tensor(1.0 - decay), reset_method=reset_subtract)
    maps = [linear(weight) for weight in weights]
    parts: list[torch.nn.Module] = []
    for one in maps:
        parts += [one, norse.LIFBoxCell(parameters, dt=1.0)]
    network = norse.SequentialState(*parts)

    def apply(spikes: torch.Tensor) -> torch.Tensor:
        state, recorded = None, []
        for x in spikes:
            x, state = network(x, state)
            recorded.append(x)
        return torch.stack(recorded)

    return TorchNetwork(apply, maps, 1.0 - decay)


FRAMEWORK = Framework("Norse", build, lambda decay: Semantics(1.0 - decay, through_reset=True, slope=1.0))
