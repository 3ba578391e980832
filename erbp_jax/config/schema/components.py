"""The groups of keys whose `kind` names a component; what is in them the components themselves declare."""

from typing import TYPE_CHECKING, Any, Literal

from erbp_jax.config.schema.base import Count
from erbp_jax.config.schema.data import DataBase
from erbp_jax.config.schema.encoding import EncodingBase
from erbp_jax.config.sections import kinds

if TYPE_CHECKING:
    Neuron = Adaptation = Encoding = Rule = LayerSpec = Data = Task = Trick = Any
else:
    Neuron = kinds("neuron")
    Adaptation = kinds("adaptation")
    Encoding = kinds("encoder", base=EncodingBase)
    Rule = kinds("rule")
    LayerSpec = kinds("connection", plain=Count | Literal["auto"])
    Data = kinds("data", base=DataBase, bare=True)
    Task = kinds("task")
    Trick = kinds("trick")
