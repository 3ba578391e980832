"""Neuron models, one per file: frozen hyper-parameters, explicit state, one tick at a time."""

from erbp_jax.neurons.adaptive import Adapted, Adapting, MembraneNorm, SynapticScaling, TargetRate
from erbp_jax.neurons.base import Differentiable, Neuron, Parametric, Rated, Transfer
from erbp_jax.neurons.dendrite import Dendrite
from erbp_jax.neurons.dual_compartment import DualCompartmentLIF, DualCompartmentState
from erbp_jax.neurons.error import ErrorNeurons, ErrorState
from erbp_jax.neurons.firing import Fired, Firing
from erbp_jax.neurons.firing_patterns import PATTERNS, FiringPattern
from erbp_jax.neurons.leaky import LeakyIF, LeakyState
from erbp_jax.neurons.lif import LIF, LIFState
from erbp_jax.neurons.mihalas_niebur import MihalasNiebur, MihalasNieburState
from erbp_jax.neurons.noise import GaussianNoise, Noise, PoissonKicks
from erbp_jax.neurons.parametric import ParametricLIF
from erbp_jax.neurons.population import run_population
from erbp_jax.neurons.second_order import SecondOrderLIF, SecondOrderState
from erbp_jax.neurons.static import Static, StaticState
from erbp_jax.neurons.surrogate import SURROGATES, Surrogate, spike

__all__ = [
    "LIF",
    "PATTERNS",
    "SURROGATES",
    "Adapted",
    "Adapting",
    "Dendrite",
    "Differentiable",
    "DualCompartmentLIF",
    "DualCompartmentState",
    "ErrorNeurons",
    "ErrorState",
    "Fired",
    "Firing",
    "FiringPattern",
    "GaussianNoise",
    "LIFState",
    "LeakyIF",
    "LeakyState",
    "MembraneNorm",
    "MihalasNiebur",
    "MihalasNieburState",
    "Neuron",
    "Noise",
    "Parametric",
    "ParametricLIF",
    "PoissonKicks",
    "Rated",
    "SecondOrderLIF",
    "SecondOrderState",
    "Static",
    "StaticState",
    "Surrogate",
    "SynapticScaling",
    "TargetRate",
    "Transfer",
    "run_population",
    "spike",
]
