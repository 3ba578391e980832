"""The parts of a network: populations of neurons, and projections onto them."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from erbp_jax.connections import Connection
from erbp_jax.neurons import Neuron

DelaySide = Literal["axonal", "dendritic"]


@dataclass(frozen=True)
class Population:
    """N neurons of one model, under a name."""

    name: str
    neuron: Neuron
    size: int


@dataclass(frozen=True)
class Projection:
    """Synapses from an input or a population onto a population.

    `delay` in ticks. An `"axonal"` delay lies before the synapse: a rule sees the spike when it arrives. A
    `"dendritic"` one lies behind it: a rule sees the spike when it is fired, so that a spike and the postsynaptic one
    that it causes are `delay` ticks apart, the causal way round. Connections may add delays of single synapses on top.
    What is not `plastic` is drawn once and never trained, by no rule.

    Raises:
        ValueError: a delay that is no whole number of ticks from 0 on, or an unknown side.
    """

    source: str
    target: str
    connection: Connection
    delay: int = 0
    delay_side: DelaySide = "axonal"
    plastic: bool = True

    def __post_init__(self) -> None:
        if not self.delay >= 0 or int(self.delay) != self.delay:
            raise ValueError(f"Projection {self.name}: delay must be a whole number of ticks >= 0, got {self.delay}")
        if self.delay_side not in ("axonal", "dendritic"):
            raise ValueError(f"Projection {self.name}: delay_side must be axonal or dendritic, got {self.delay_side!r}")

    @property
    def name(self) -> str:
        return f"{self.source} -> {self.target}"

    @property
    def learns(self) -> bool:
        """Whether a rule finds something to move."""
        return self.plastic and self.connection.learns


class Layer(NamedTuple):
    """A link of a chain: a connection and the neurons that it drives."""

    connection: Connection
    neuron: Neuron
    delay: int = 0
