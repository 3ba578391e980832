"""Connections whose synapses are known only together with their parameters: lists of synapses, delays."""

from abc import abstractmethod

import jax
import jax.numpy as jnp

from erbp_jax.connections.base import Arrived
from erbp_jax.connections.counts import unit_currents
from erbp_jax.connections.linear import LinearConnection
from erbp_jax.counting import Wide, wide_total
from erbp_jax.params import Params


class PlacedConnection(LinearConnection):
    """A connection that has arrays in `params.fixed` which say where its synapses are, with a current of one for a
    spike of one and a weight of one. It needs `synapses`, `fan_outs` and `reliable` besides the current.

    Example:
        >>> from dataclasses import dataclass
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> from erbp_jax.connections import PlacedConnection
        >>> @dataclass(frozen=True)
        ... class Permuted(PlacedConnection):
        ...     inputs: int
        ...     transmission = ej.Reliable()
        ...     outputs = synapses = property(lambda self: self.inputs)
        ...     def init(self, key):
        ...         order = jax.random.permutation(key, self.inputs)
        ...         return ej.Params({"weight": jnp.ones(self.inputs)}, {"post": order})
        ...     def current(self, params, spikes, keys):
        ...         return jnp.zeros_like(spikes).at[:, params.fixed["post"]].add(spikes * params.trained["weight"])
        ...     def fan_outs(self, params):
        ...         return jnp.ones(self.inputs, jnp.int32)
        >>> layer = Permuted(3)
        >>> params, spikes = layer.init(jax.random.key(0)), jnp.array([[[1.0, 0.0, 1.0]]])
        >>> _, current, arrived = layer(params, (), spikes)
        >>> float(current.sum()), int(layer.reached(params, arrived).sum())
        (2.0, 2)
    """

    @abstractmethod
    def fan_outs(self, params: Params) -> jax.Array:
        """Synapses addressed by one spike of each presynaptic unit, int32 `[I]`."""

    @property
    def learns(self) -> bool:
        """It has weights."""
        return True

    def addressed(self, params: Params, arrived: Arrived) -> Wide:
        """Synapses that the arriving spikes address, `[k, B]`."""
        fan_out = self.fan_outs(params).reshape((1,) * (arrived.spikes.ndim - 1) + (-1,))
        return wide_total(jnp.where(arrived.spikes != 0, fan_out, 0), self.synapses)

    def reached(self, params: Params, arrived: Arrived) -> jax.Array:
        """Spikes that reach each postsynaptic unit, int32 `[k, B, O]`."""
        return unit_currents(self.reliable(), _ones(params), Arrived(arrived.spikes))

    def crossed(self, params: Params, arrived: Arrived) -> jax.Array:
        """Spikes that were transmitted to each unit, int32 `[k, B, O]`."""
        return unit_currents(self, _ones(params), arrived)


def _ones(params: Params) -> Params:
    return Params(jax.tree.map(jnp.ones_like, params.trained), params.fixed)
