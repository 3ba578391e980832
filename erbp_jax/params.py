"""Parameters of a part of a network: what is trained, and what is not."""

from typing import Any, NamedTuple


class Params(NamedTuple):
    """Arrays of a connection or a neuron. Both are arguments of `jit`; optimisers and `jax.grad` see `trained` only."""

    trained: Any  # name -> array
    fixed: Any = ()  # name -> array: lists of synapses, delays; () for most
