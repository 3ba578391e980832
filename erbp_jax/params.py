"""What a part of a network has besides its description: arrays that are trained, and arrays that never are."""

from typing import Any, NamedTuple


class Params(NamedTuple):
    """The arrays of a connection, a neuron, a network or a rule; all of them are arguments of compiled programs."""

    trained: Any  # what optimisers step and `jax.grad` differentiates
    fixed: Any = ()  # lists of synapses, delays, random feedback: never trained
