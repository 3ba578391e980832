"""Parameters in two parts: what is trained, and what stays as it was drawn."""

from typing import Any, NamedTuple


class Params(NamedTuple):
    """The parameters of a neuron, a connection or a rule, as `init` makes them.

    Both parts are pytrees of arrays, hence arguments of `jit`. An optimiser and `jax.grad` see `trained` alone.
    """

    trained: Any
    fixed: Any = ()
