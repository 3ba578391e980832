"""Neuron models, one a file: frozen hyper-parameters, explicit state, one tick at a time."""

from erbp_jax.neurons.base import Neuron
from erbp_jax.neurons.dendrite import Dendrite
from erbp_jax.neurons.error import ErrorNeurons, ErrorState
from erbp_jax.neurons.lif import LIF, LIFState
from erbp_jax.neurons.noise import GaussianNoise, Noise, PoissonKicks
from erbp_jax.neurons.static import Static, StaticState, Transfer
from erbp_jax.neurons.surrogate import SURROGATES, Surrogate, spike
from erbp_jax.neurons.two_compartment import TwoCompartment, TwoCompartmentState

__all__ = [
    "LIF",
    "SURROGATES",
    "Dendrite",
    "ErrorNeurons",
    "ErrorState",
    "GaussianNoise",
    "LIFState",
    "Neuron",
    "Noise",
    "PoissonKicks",
    "Static",
    "StaticState",
    "Surrogate",
    "Transfer",
    "TwoCompartment",
    "TwoCompartmentState",
    "spike",
]
