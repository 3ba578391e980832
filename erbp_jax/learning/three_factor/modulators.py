"""The third factor: what tells a synapse whether, and in which direction, its events count."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.learning.base import ErrorSpikes
from erbp_jax.network import Network


class Modulation(NamedTuple):
    """The third factor for the k ticks of a block."""

    layers: tuple[jax.Array, ...]  # per layer [k, B, O], or [k, B, 1] where all neurons share it
    errors: ErrorSpikes  # what the error neurons that made it did


class Modulator(ABC):
    """A third factor. Frozen, hashable."""

    def init(self, network: Network, key: jax.Array) -> Any:
        """What is fixed for the whole training; nothing unless a modulator has it."""
        del network, key
        return ()

    def init_state(self, network: Network, batch: int) -> Any:
        """What lives for one presentation."""
        del network, batch
        return ()

    @abstractmethod
    def over(
        self, network: Network, fixed: Any, state: Any, output: jax.Array, target: jax.Array, ticks: jax.Array
    ) -> tuple[Any, Modulation]:
        """`output[k, B, K]` spikes of the last layer, `target[B]`, `ticks[k]` -> `(state, modulation)`."""

    def to_hidden(self, fixed: Any) -> tuple[jax.Array, ...]:
        """What carries an error to the hidden layers, `[K, N]` each; nothing unless a modulator does."""
        del fixed
        return ()


@dataclass(frozen=True)
class Unmodulated(Modulator):
    """1, always: plain Hebbian or spike-timing plasticity."""

    def over(self, network, fixed, state, output, target, ticks):
        del fixed, target, ticks
        one = jnp.ones((*output.shape[:2], 1), output.dtype)
        return state, Modulation((one,) * len(network.layers), ErrorSpikes.none(*output.shape[:2]))


@dataclass(frozen=True)
class SpikeReward(Modulator):
    """A reward at every output spike, shared by all synapses: `+1` where a sample's target is 1, `-1` where it is 0.

    The reward acts on what is eligible in the tick of the output spike; the weights are new in the tick after it.
    Source: Florian 2007, Neural Computation 19:1468, section 4.
    """

    def over(self, network, fixed, state, output, target, ticks):
        del fixed, ticks
        sign = jnp.where(target == 1, 1.0, -1.0).astype(output.dtype)
        reward = (output.sum(-1) * sign[None])[..., None]
        return state, Modulation((reward,) * len(network.layers), ErrorSpikes.none(*output.shape[:2]))


@dataclass(frozen=True)
class Schedule(Modulator):
    """A global signal g(t) of the tick alone, the same for all synapses: learning phases.

    `signal` maps `ticks[k]` (int32) to g, `[k]` float.
    """

    signal: Callable[[jax.Array], jax.Array]

    def over(self, network, fixed, state, output, target, ticks):
        del fixed, target
        g = jnp.broadcast_to(self.signal(ticks)[:, None, None], (*output.shape[:2], 1)).astype(output.dtype)
        return state, Modulation((g,) * len(network.layers), ErrorSpikes.none(*output.shape[:2]))
