"""Networks that sample: spiking Boltzmann machines with noise in the neurons or in the synapses."""

from erbp_jax.sampling.machine import MachineState, SamplingMachine
from erbp_jax.sampling.neurons import NoisyIF, SamplingNeuron, ThresholdNeuron
from erbp_jax.sampling.training import Presentation, generate, present, recognise

__all__ = [
    "MachineState",
    "NoisyIF",
    "Presentation",
    "SamplingMachine",
    "SamplingNeuron",
    "ThresholdNeuron",
    "generate",
    "present",
    "recognise",
]
