"""Spyx (Flax NNX): the network inside one scan; a spike is read off the membrane before the input comes in."""
# pyright: reportMissingImports=false

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from spyx import axn
from spyx import nn as snn

from frameworks.base import Framework, Semantics
from frameworks.with_jax import JaxNetwork


def build(weights: Sequence[np.ndarray], decay: float) -> JaxNetwork:
    rngs, layers = nnx.Rngs(0), []
    for weight in weights:
        layers.append(nnx.Linear(*weight.shape, use_bias=False, rngs=rngs))
        activation = axn.superspike(Semantics().slope)
        layers.append(snn.LIF((weight.shape[1],), beta=decay, activation=activation, rngs=rngs))
    model = snn.Sequential(*layers)
    linear = nnx.All(nnx.Param, lambda path, _: "kernel" in path)
    definition, kernels, rest = nnx.split(model, linear, ...)
    places = [path for path, _ in sorted(nnx.to_flat_state(kernels), key=lambda item: _place(item[0]))]

    def apply(weights, spikes):
        state: Any = nnx.from_flat_state([(p, nnx.Param(w)) for p, w in zip(places, weights, strict=True)])
        return snn.run(nnx.merge(definition, state, rest), spikes)[0]

    return JaxNetwork(apply, [jnp.asarray(w) for w in weights])


def _place(path: tuple[Any, ...]) -> int:
    """Where in the sequence a kernel belongs."""

    return next(int(part) for part in path if isinstance(part, int) or str(part).isdigit())


FRAMEWORK = Framework("Spyx", build, lambda _: Semantics(reset="before", through_reset=True))
