"""The shape of a config: what does not belong to one component. These declare their keys themselves.

Times are in milliseconds and rates in hertz, so that a config says the same at any `encoding.dt`; keys that count
ticks say so. `erbp_jax.config.construct` turns them into ticks, once.
"""

from erbp_jax.config.schema.base import Count, FilePath, Finite, NonNegative, Positive, Probability, Section, Whole
from erbp_jax.config.schema.components import Data, Encoding, LayerSpec, Neuron, Rule, Task
from erbp_jax.config.schema.config import Config
from erbp_jax.config.schema.data import DataBase
from erbp_jax.config.schema.encoding import EncodingBase
from erbp_jax.config.schema.network import (
    MOST_LAYERS,
    BlankOutTransmission,
    NetworkSection,
    ReliableTransmission,
    Transmission,
)
from erbp_jax.config.schema.precision import Precision
from erbp_jax.config.schema.training import MeshSection, Optimizer, Training

__all__ = [
    "MOST_LAYERS",
    "BlankOutTransmission",
    "Config",
    "Count",
    "Data",
    "DataBase",
    "Encoding",
    "EncodingBase",
    "FilePath",
    "Finite",
    "LayerSpec",
    "MeshSection",
    "NetworkSection",
    "Neuron",
    "NonNegative",
    "Optimizer",
    "Positive",
    "Precision",
    "Probability",
    "ReliableTransmission",
    "Rule",
    "Section",
    "Task",
    "Training",
    "Transmission",
    "Whole",
]
