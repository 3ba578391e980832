"""Networks that sample: spiking Boltzmann machines with noise in the neurons or in the synapses."""

from boltzmann.machine import MachineState, SamplingMachine
from boltzmann.neurons import NoisyIF, SamplingNeuron, ThresholdNeuron
from boltzmann.training import Presentation, generate, present, recognise

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
