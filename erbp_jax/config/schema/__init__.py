"""The shape of a config: every key, its type, its range and its unit.

Times are in milliseconds and rates in hertz, so that a config says the same at any `encoding.dt`; keys that count
ticks say so. `erbp_jax.config.build` turns them into ticks, once.
"""

from erbp_jax.config.schema.base import Count, FilePath, Finite, NonNegative, Positive, Probability, Section, Whole
from erbp_jax.config.schema.config import Config
from erbp_jax.config.schema.data import Data
from erbp_jax.config.schema.encoding import Encoding, EncodingBase, EscapeEncoding, PoissonEncoding, RegularEncoding
from erbp_jax.config.schema.layers import PLAIN, ConvLayer, LayerSpec, PoolLayer
from erbp_jax.config.schema.network import BlankOutTransmission, NetworkSection, ReliableTransmission, Transmission
from erbp_jax.config.schema.neuron import (
    DualCompartmentNeuron,
    FiringNeuron,
    GaussianNoise,
    KickNoise,
    LeakyNeuron,
    LIFNeuron,
    MihalasNieburNeuron,
    Neuron,
    Noise,
    NoNoise,
    SecondOrderNeuron,
)
from erbp_jax.config.schema.precision import Precision
from erbp_jax.config.schema.rule import (
    BPRule,
    CrossEntropyLoss,
    ERBPRule,
    Gate,
    GradientRule,
    Loss,
    RBPRule,
    Rule,
    SquaredErrorLoss,
    SurrogateSection,
)
from erbp_jax.config.schema.task import ChoiceTask, ClassificationTask, RegressionTask, Task
from erbp_jax.config.schema.training import MeshSection, Optimizer, Training

__all__ = [
    "PLAIN",
    "BPRule",
    "BlankOutTransmission",
    "ChoiceTask",
    "ClassificationTask",
    "Config",
    "ConvLayer",
    "Count",
    "CrossEntropyLoss",
    "Data",
    "DualCompartmentNeuron",
    "ERBPRule",
    "Encoding",
    "EncodingBase",
    "EscapeEncoding",
    "FilePath",
    "Finite",
    "FiringNeuron",
    "Gate",
    "GaussianNoise",
    "GradientRule",
    "KickNoise",
    "LIFNeuron",
    "LayerSpec",
    "LeakyNeuron",
    "Loss",
    "MeshSection",
    "MihalasNieburNeuron",
    "NetworkSection",
    "Neuron",
    "NoNoise",
    "Noise",
    "NonNegative",
    "Optimizer",
    "PoissonEncoding",
    "PoolLayer",
    "Positive",
    "Precision",
    "Probability",
    "RBPRule",
    "RegressionTask",
    "RegularEncoding",
    "ReliableTransmission",
    "Rule",
    "SecondOrderNeuron",
    "Section",
    "SquaredErrorLoss",
    "SurrogateSection",
    "Task",
    "Training",
    "Transmission",
    "Whole",
]
