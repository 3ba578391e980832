"""One experiment."""

from pydantic import model_validator

from erbp_jax.config.schema.base import Section, Whole
from erbp_jax.config.schema.data import Data
from erbp_jax.config.schema.encoding import Encoding, PoissonEncoding
from erbp_jax.config.schema.network import NetworkSection
from erbp_jax.config.schema.precision import Precision
from erbp_jax.config.schema.rule import ERBPRule, Rule
from erbp_jax.config.schema.task import Task
from erbp_jax.config.schema.training import Optimizer, Training


class Config(Section):
    """One experiment."""

    seed: Whole = 0
    data: Data = Data()
    task: Task | None = None
    """What the output means. If not given: a class where the data has labels, a curve where it has curves."""
    encoding: Encoding = PoissonEncoding()
    network: NetworkSection = NetworkSection()
    rule: Rule = ERBPRule()
    optimizer: Optimizer = Optimizer()
    training: Training = Training()
    precision: Precision = Precision()

    @model_validator(mode="after")
    def _a_rate_for_each_layer(self) -> "Config":
        given, layers = self.optimizer.layer_rates, len(self.network.layers) - 1
        if given is not None and len(given) != layers:
            raise ValueError(f"optimizer.layer_rates: one for each of the {layers} layers, got {len(given)}")
        return self

    @model_validator(mode="after")
    def _a_mean_needs_floats(self) -> "Config":
        if self.optimizer.average is not None and self.precision.weight_bits is not None:
            raise ValueError(
                f"optimizer.average: the mean of weights of {self.precision.weight_bits} bits (precision.weight_bits) "
                "has more bits; leave one of the two out"
            )
        return self
