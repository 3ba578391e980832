"""Spiking networks that learn on line with local rules: event-driven random back-propagation in JAX.

What a notebook needs, in one place::

    import jax, erbp_jax as ej
    network = ej.Network((ej.Layer(ej.Dense(784, 100), ej.LIF()), ej.Layer(ej.Dense(100, 10), ej.LIF())))
    rule = ej.ERBP(ej.LabelNeurons(10), gates=(ej.Boxcar(),) * 2, feedback=(ej.RandomFeedback(),))

Names are imported when they are used, so that the command line answers before JAX is loaded.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from erbp_jax.connections import BlankOut, Conv2d, Dense, GaussianBlankOut, Pool2d, Reliable, SharedBlankOut
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
    from erbp_jax.network import Layer, Network
    from erbp_jax.neurons import LIF, Dendrite, ErrorNeurons, GaussianNoise, PoissonKicks, Surrogate, TwoCompartment
    from erbp_jax.simulate import run

_HOME = {
    "connections": ("BlankOut", "Conv2d", "Dense", "GaussianBlankOut", "Pool2d", "Reliable", "SharedBlankOut"),
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
    "network": ("Layer", "Network"),
    "neurons": ("LIF", "Dendrite", "ErrorNeurons", "GaussianNoise", "PoissonKicks", "Surrogate", "TwoCompartment"),
    "simulate": ("run",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "ERBP",
    "LIF",
    "Analog",
    "BackProp",
    "BlankOut",
    "Boxcar",
    "Conv2d",
    "CrossEntropy",
    "Dendrite",
    "Dense",
    "Direct",
    "ErrorNeurons",
    "ExponentialEscape",
    "GaussianBlankOut",
    "GaussianNoise",
    "LabelNeurons",
    "Layer",
    "Layerwise",
    "LearnedReadout",
    "LocalReadout",
    "Network",
    "Poisson",
    "PoissonKicks",
    "Pool2d",
    "RandomFeedback",
    "Regular",
    "Reliable",
    "SharedBlankOut",
    "SquaredError",
    "Surrogate",
    "Symmetric",
    "TwoCompartment",
    "run",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'erbp_jax' has no attribute {name!r}")
    return getattr(importlib.import_module(f"erbp_jax.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
