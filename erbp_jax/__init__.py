"""Spiking networks that learn on line with local rules: event-driven random back-propagation in JAX.

What a notebook needs, in one place::

    import jax, erbp_jax as ej
    network = ej.sequential(ej.Dense(784, 100), ej.LIF(), ej.Dense(100, 10), ej.LIF())
    rule = ej.ERBP(ej.LabelNeurons(10))
    params, rule_params = network.init(jax.random.key(0)), rule.init(network, jax.random.key(1))

Names are imported when they are used, so that the command line answers before JAX is loaded.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from erbp_jax import nnx as nnx
    from erbp_jax.connections import (
        BlankOut,
        Conv2d,
        Delayed,
        Delays,
        Dense,
        Pool2d,
        Reliable,
        SharedBlankOut,
        Sparse,
        SynapseList,
    )
    from erbp_jax.encoding import Analog, ExponentialEscape, LabelNeurons, Poisson, Regular
    from erbp_jax.learning import (
        ERBP,
        BackProp,
        Boxcar,
        CrossEntropy,
        Direct,
        Layerwise,
        LearnedReadout,
        LocalReadout,
        RandomFeedback,
        SquaredError,
        Symmetric,
    )
    from erbp_jax.learning.base import Block, Given, LocalRule, Step
    from erbp_jax.network import Network, sequential
    from erbp_jax.neurons import (
        LIF,
        Dendrite,
        ErrorNeurons,
        Firing,
        GaussianNoise,
        ParametricLIF,
        PoissonKicks,
        Surrogate,
    )
    from erbp_jax.params import Params
    from erbp_jax.projection import Population, Projection
    from erbp_jax.simulate import run

_HOME = {
    "connections": (
        "BlankOut",
        "Conv2d",
        "Delayed",
        "Delays",
        "Dense",
        "Pool2d",
        "Reliable",
        "SharedBlankOut",
        "Sparse",
        "SynapseList",
    ),
    "encoding": ("Analog", "ExponentialEscape", "LabelNeurons", "Poisson", "Regular"),
    "learning": (
        "ERBP",
        "BackProp",
        "Boxcar",
        "CrossEntropy",
        "Direct",
        "Layerwise",
        "LearnedReadout",
        "LocalReadout",
        "RandomFeedback",
        "SquaredError",
        "Symmetric",
    ),
    "learning.base": ("Block", "Given", "LocalRule", "Step"),
    "network": ("Network", "sequential"),
    "neurons": (
        "LIF",
        "Dendrite",
        "ErrorNeurons",
        "Firing",
        "GaussianNoise",
        "ParametricLIF",
        "PoissonKicks",
        "Surrogate",
    ),
    "params": ("Params",),
    "projection": ("Population", "Projection"),
    "simulate": ("run",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "ERBP",
    "LIF",
    "Analog",
    "BackProp",
    "BlankOut",
    "Block",
    "Boxcar",
    "Conv2d",
    "CrossEntropy",
    "Delayed",
    "Delays",
    "Dendrite",
    "Dense",
    "Direct",
    "ErrorNeurons",
    "ExponentialEscape",
    "Firing",
    "GaussianNoise",
    "Given",
    "LabelNeurons",
    "Layerwise",
    "LearnedReadout",
    "LocalReadout",
    "LocalRule",
    "Network",
    "ParametricLIF",
    "Params",
    "Poisson",
    "PoissonKicks",
    "Pool2d",
    "Population",
    "Projection",
    "RandomFeedback",
    "Regular",
    "Reliable",
    "SharedBlankOut",
    "Sparse",
    "SquaredError",
    "Step",
    "Surrogate",
    "Symmetric",
    "SynapseList",
    "run",
    "sequential",
]


def __getattr__(name: str) -> object:
    if name == "nnx":  # flax, for those who use it
        return importlib.import_module("erbp_jax.nnx")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'erbp_jax' has no attribute {name!r}")
    return getattr(importlib.import_module(f"erbp_jax.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
