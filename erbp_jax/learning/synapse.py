"""What rules read of the synapses of a population: their current, and the gain of their filter."""

from typing import Any

from erbp_jax.projection import Population
from erbp_jax.trace import member


def synaptic_current(population: str, state: Any) -> Any:
    """The current of a population's synapses, which a boxcar reads: the field `synaptic` of its neurons' state.

    Raises:
        ValueError: a state without it.
    """
    if (current := member(state, "synaptic")) is None:
        raise ValueError(
            f"the boxcar reads the synaptic current, and the state of population {population!r}, "
            f"{type(state).__name__}, has no field `synaptic`: give the neuron one, or write the rule "
            "with ej.local_rule"
        )
    return current


def synaptic_gain(population: Population) -> float:
    """The synaptic current that an input of 1 in every tick settles at.

    Raises:
        ValueError: a neuron that does not know it.
    """
    neuron: Any = population.neuron
    while not hasattr(neuron, "steady_current") and hasattr(neuron, "neuron"):
        neuron = neuron.neuron  # what adapts, or is stored in few bits, has the synapse of the model inside
    if not hasattr(neuron, "steady_current"):
        raise ValueError(
            f"ERBP: per_gain needs neurons that know the gain of their synapse (`steady_current`); those of "
            f"{population.name!r}, {type(neuron).__name__}, do not"
        )
    return float(neuron.steady_current(1.0))
