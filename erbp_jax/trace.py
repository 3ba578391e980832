"""What a network leaves and remembers: the trace of a block, and its state between two blocks."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax


class Tree(NamedTuple):
    """Arrays of a network by the declared order of its parts: a connection's or neuron's own tree each.

    Example:
        >>> import jax, erbp_jax as ej
        >>> params = ej.mlp(4, 3, 2).init(jax.random.key(0))
        >>> type(params.trained).__name__, [p["weight"].shape for p in params.trained.projections]
        ('Tree', [(4, 3), (3, 2)])
    """

    projections: tuple[Any, ...]
    populations: tuple[Any, ...]


class PopulationTrace(NamedTuple):
    """What a population did in the k ticks of a block.

    Example:
        >>> from erbp_jax.trace import PopulationTrace
        >>> PopulationTrace._fields
        ('current', 'state', 'spikes')
    """

    current: jax.Array  # [k, B, N] what arrived from all projections
    state: Any  # of the neurons after each tick, leaves [k, B, N]
    spikes: jax.Array  # [k, B, N]


class Trace(NamedTuple):
    """What a local rule may see of a block; what nobody reads is not computed. Everything in declared order.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> network, key = ej.mlp(4, 3), jax.random.key(0)
        >>> params, keys = network.init(key), jax.random.split(key, (5, 2))
        >>> def advance(spikes):
        ...     return network.advance(params, network.init_state(2), spikes, key=keys)
        >>> state, trace = jax.eval_shape(advance, jnp.ones((5, 2, 4)))
        >>> trace.inputs[0].shape, trace.populations[0].spikes.shape
        ((5, 2, 4), (5, 2, 3))
    """

    inputs: tuple[jax.Array, ...]  # [k, B, I] spikes of each input
    arrived: tuple[Any, ...]  # what reached the synapses of each projection: its connection's own, leaves [k, B, ...]
    populations: tuple[PopulationTrace, ...]


class NetworkState(NamedTuple):
    """What a network remembers between two ticks, in declared order.

    Example:
        >>> import erbp_jax as ej
        >>> state = ej.mlp(4, 3, 2).init_state(5)
        >>> [neurons.membrane.shape for neurons in state.populations]
        [(5, 3), (5, 2)]
    """

    populations: tuple[Any, ...]  # of the neurons
    connections: tuple[Any, ...]  # of the projections' connections
    in_flight: tuple[jax.Array, ...]  # [delay, B, I] spikes (axonal) or [delay, B, O] currents (dendritic) on their way


def member(state: Any, name: str) -> Any:
    """A field of a neuron's state, or an entry of one that is a dict; None if there is none."""
    return state.get(name) if isinstance(state, Mapping) else getattr(state, name, None)
