"""The parts of a network: populations of neurons, and projections onto them."""

from dataclasses import dataclass
from inspect import signature
from numbers import Integral
from typing import Any, Literal, NamedTuple

from erbp_jax.connections import Connection
from erbp_jax.declared import fits
from erbp_jax.neurons import Neuron

DelaySide = Literal["axonal", "dendritic"]


@dataclass(frozen=True)
class Population:
    """N neurons of one model, under a name.

    Example:
        >>> import erbp_jax as ej
        >>> ej.Population("hidden", ej.LIF(), 100).size
        100

    Raises:
        ValueError: a name that is no text, what is no neuron, or a size that is no whole number from 1 on.
    """

    name: str
    neuron: Neuron
    size: int

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise ValueError(f"Population: the name must be a text, got {self.name!r}")
        if isinstance(self.neuron, type) or not isinstance(self.neuron, Neuron):
            raise ValueError(f"Population {self.name!r}: must have a neuron{_instead(self.neuron)}")
        if not _takes_a_key(self.neuron):
            raise ValueError(
                f"Population {self.name!r}: {type(self.neuron).__name__}.step must take (state, current, *, key=None)"
            )
        if isinstance(self.size, bool) or not isinstance(self.size, Integral) or self.size < 1:
            raise ValueError(f"Population {self.name!r}: size must be a whole number >= 1, got {self.size!r}")


def _takes_a_key(neuron: Any) -> bool:
    try:
        signature(neuron.step).bind_partial(None, None, key=None)
    except TypeError:
        return False
    return True


def _instead(given: Any) -> str:
    """What was given in place of a neuron, and what it lacks."""
    if isinstance(given, type):
        return f", got the class {given.__name__}; an instance is {given.__name__}()"
    missing = [name for name in ("init_state", "step") if not hasattr(given, name)]
    return f" with {' and '.join(missing)}, got {given!r}"


@dataclass(frozen=True)
class Projection:
    """Synapses from an input or a population onto a population.

    `delay` in ticks. An `"axonal"` delay lies before the synapse: a rule sees the spike when it arrives. A
    `"dendritic"` one lies behind it: a rule sees the spike when it is fired, so that a spike and the postsynaptic one
    that it causes are `delay` ticks apart, the causal way round. Connections may add delays of single synapses on top.
    What is not `plastic` is drawn once and never trained, by no rule.

    Example:
        >>> import erbp_jax as ej
        >>> feedback = ej.Projection("output", "hidden", ej.Dense(10, 100), delay=2)
        >>> feedback.delay, feedback.plastic
        (2, True)

    Raises:
        ValueError: names that are no texts, what is no connection, a delay that is no whole number of ticks from 0 on,
            an unknown side, or a `plastic` that is no truth value.
    """

    source: str
    target: str
    connection: Connection
    delay: int = 0
    delay_side: DelaySide = "axonal"
    plastic: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.source, str) or not isinstance(self.target, str):
            raise ValueError(f"Projection: source and target must be names, got {self.source!r} and {self.target!r}")
        if isinstance(self.connection, type) or not hasattr(self.connection, "outputs"):
            raise ValueError(f"Projection {self.name}: must have a connection, got {self.connection!r}")
        if isinstance(self.delay, bool) or not isinstance(self.delay, Integral) or self.delay < 0:
            raise ValueError(f"Projection {self.name}: delay must be a whole number of ticks >= 0, got {self.delay!r}")
        if self.delay_side not in ("axonal", "dendritic"):
            raise ValueError(f"Projection {self.name}: delay_side must be axonal or dendritic, got {self.delay_side!r}")
        if not fits(self.plastic, bool):
            raise ValueError(f"Projection {self.name}: plastic must be True or False, got {self.plastic!r}")

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
