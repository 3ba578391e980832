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
    spike of one and a weight of one. It needs `synapses`, `fan_outs` and `reliable` besides the current."""

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
