"""One experiment."""

from pydantic import model_validator

from erbp_jax.config.schema.base import Section, Whole
from erbp_jax.config.schema.components import Data, Encoding, Rule, Task
from erbp_jax.config.schema.data import DataBase
from erbp_jax.config.schema.network import NetworkSection
from erbp_jax.config.schema.precision import Precision
from erbp_jax.config.schema.training import Optimizer, Training
from erbp_jax.config.sections import default_section


class Config(Section):
    """One experiment."""

    seed: Whole = 0
    """Seed of all random numbers."""
    data: Data = DataBase()
    """The data set."""
    task: Task | None = None
    """How the output is read. If not given, classification for labels and regression for curves."""
    encoding: Encoding = default_section("encoder")
    """How samples become spikes."""
    network: NetworkSection = NetworkSection()
    """Layers, neurons, synapses."""
    rule: Rule = default_section("rule")
    """How weights change."""
    optimizer: Optimizer = Optimizer()
    """What the rule's updates become."""
    training: Training = Training()
    """How long, in which portions, where."""
    precision: Precision = Precision()
    """Bits of weights and states; floats unless given."""

    @model_validator(mode="after")
    def _a_rate_for_each_layer(self) -> "Config":
        given, layers = self.optimizer.layer_rates, len(self.network.layers) - 1
        if given is not None and len(given) != layers:
            raise ValueError(f"optimizer.layer_rates: one for each of the {layers} layers, got {len(given)}")
        return self

    @model_validator(mode="after")
    def _tricks_have_what_they_need(self) -> "Config":
        rule = self.rule.entry
        for trick in self.optimizer.tricks:
            if trick.entry.about.get("needs") == "errors" and not (rule.outside or rule.about.get("errors")):
                raise ValueError(
                    f"optimizer.tricks: {trick.kind} needs error neurons, and the rule {self.rule.kind} has none"
                )
        return self
