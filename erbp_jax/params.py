"""What a part of a network has besides its description: arrays that are trained, and arrays that never are."""

from typing import Any, NamedTuple


class Params(NamedTuple):
    """The arrays of a connection, a neuron, a network or a rule; all of them are arguments of compiled programs.

    Example:
        >>> import jax, erbp_jax as ej
        >>> params = ej.Dense(3, 2).init(jax.random.key(0))
        >>> params.trained["weight"].shape, params.fixed
        ((3, 2), ())
    """

    trained: Any  # what optimisers step and `jax.grad` differentiates
    fixed: Any = ()  # lists of synapses, delays, random feedback: never trained
