"""How differentiation goes through synapses, the same for every connection that has weights."""

from functools import partial
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from erbp_jax.connections.base import Weights
from erbp_jax.connections.transmission import Transmission


class Weighted(Protocol):
    """A connection whose parameters are `{"weight": ...}` and whose currents are linear in them and in the spikes."""

    @property
    def inputs(self) -> int: ...

    @property
    def outputs(self) -> int: ...

    @property
    def transmission(self) -> Transmission: ...

    def current(self, weight: jax.Array, spikes: jax.Array, keys: jax.Array | None) -> jax.Array:
        """Currents `[R, O]` of rows of spikes `[R, I]` with keys `[R]`."""
        ...

    def plasticity(self, pre: jax.Array, post: jax.Array, *, key: jax.Array | None = None) -> Weights: ...

    def transpose(self, params: Weights, post: jax.Array) -> jax.Array: ...


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def through(connection: Any, weight: jax.Array, backward: jax.Array, spikes: jax.Array, keys: Any) -> jax.Array:
    r"""`connection.current(weight, spikes, keys)`, `[R, O]`, of a `Weighted` connection.

    .. math:: \partial w_{io} = \sum_r \xi_{rio} s_{ri} \delta_{ro}, \qquad
        \partial s_{ri} = \bar\xi \sum_o b_{io} \delta_{ro}

    with b the weights `backward` in the place of w: random back-propagation if they differ. Synapses that share a
    weight add up. To the spikes the error comes through the mean of xi, for an input that did not spike has drawn none;
    where a transmission draws no masks, to the weights too.
    """
    del backward
    return connection.current(weight, spikes, keys)


def _forward(connection, weight, backward, spikes, keys):
    return connection.current(weight, spikes, keys), (backward, spikes, keys)


def _back(connection, kept, error):
    backward, spikes, keys = kept
    mean = connection.transmission.mean
    if connection.transmission.has_masks:
        update = connection.plasticity(spikes, error, key=keys)["weight"]
    else:
        update = mean * connection.plasticity(spikes, error)["weight"]
    return update, jnp.zeros_like(backward), mean * connection.transpose({"weight": backward}, error), None


through.defvjp(_forward, _back)


class ThroughWeights:
    """The call of a `Weighted` connection: rows of all ticks and samples, through its synapses."""

    def __call__(
        self: Weighted,
        params: Weights,
        spikes: jax.Array,
        *,
        key: jax.Array | None = None,
        backward: Weights | None = None,
    ) -> jax.Array:
        rows = spikes.reshape(-1, self.inputs)
        keys = None if key is None else key.reshape(-1)
        back = params if backward is None else backward
        current: jax.Array = through(self, params["weight"], back["weight"], rows, keys)
        return current.reshape(*spikes.shape[:-1], self.outputs)
