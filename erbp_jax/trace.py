"""What a network leaves and remembers: the trace of a block, and its state between two blocks."""

from typing import Any, NamedTuple

import jax


class Tree(NamedTuple):
    """Arrays of a network by the declared order of its parts: a connection's or neuron's own tree each."""

    projections: tuple[Any, ...]
    populations: tuple[Any, ...]


class PopulationTrace(NamedTuple):
    """What a population did in the k ticks of a block."""

    current: jax.Array  # [k, B, N] what arrived from all projections
    state: Any  # of the neurons after each tick, leaves [k, B, N]
    spikes: jax.Array  # [k, B, N]


class Trace(NamedTuple):
    """What a local rule may see of a block; what nobody reads is not computed. Everything in declared order."""

    inputs: tuple[jax.Array, ...]  # [k, B, I] spikes of each input
    arrived: tuple[Any, ...]  # what reached the synapses of each projection: its connection's own, leaves [k, B, ...]
    populations: tuple[PopulationTrace, ...]


class NetworkState(NamedTuple):
    """What a network remembers between two ticks, in declared order."""

    populations: tuple[Any, ...]  # of the neurons
    connections: tuple[Any, ...]  # of the projections' connections
    in_flight: tuple[jax.Array, ...]  # [delay, B, I] spikes (axonal) or [delay, B, O] currents (dendritic) on their way
