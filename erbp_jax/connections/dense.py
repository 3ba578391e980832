"""All-to-all connection."""

from dataclasses import dataclass, field, replace
from typing import Annotated

import jax
import numpy as np

from erbp_jax.connections.base import Arrived, Weights
from erbp_jax.connections.counts import spike_counts
from erbp_jax.connections.linear import LinearConnection
from erbp_jax.connections.transmission import Reliable, Transmission
from erbp_jax.params import Params
from erbp_jax.random import between
from erbp_jax.registry import register
from erbp_jax.units import Count, FromBuilder


@register("connection", "dense")
@dataclass(frozen=True)
class Dense(LinearConnection):
    r"""Every unit of one layer onto every unit of the next.

    .. math:: c_o[t] = \sum_i \xi_{io}[t]\, s_i[t]\, w_{io}

    Weights `[I, O]`, initialised as `U(-b, b)` with `b = gain * sqrt(7 / (I + O))`. The paper's initialisation is
    `gain = 1` at its threshold of 0.1; the same network at threshold 1 has `gain = 10`.
    Source: Neftci et al. 2017 and its published code (initialisation); `transmission` draws xi.

    The gradient: to the weights through the synapses that transmitted; to the presynaptic spikes
    through the mean of xi, for an input that did not spike has drawn no xi.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> layer = ej.Dense(4, 2, gain=10.0)
        >>> params = layer.init(jax.random.key(0))
        >>> state, current, arrived = layer(params, layer.init_state(3), jnp.ones((5, 3, 4)))
        >>> params.trained["weight"].shape, current.shape
        ((4, 2), (5, 3, 2))

    Raises:
        ValueError: an empty layer.
    """

    inputs: int
    outputs: Count
    """Units of the layer."""
    gain: Annotated[float, FromBuilder("init_gain")] = 1.0
    transmission: Transmission = field(default_factory=Reliable)

    def __post_init__(self) -> None:
        if self.inputs < 1 or self.outputs < 1:
            raise ValueError(f"Dense: a layer must have at least one unit, got {self.inputs} -> {self.outputs}")

    def init(self, key: jax.Array) -> Params:
        bound = self.gain * (7.0 / (self.inputs + self.outputs)) ** 0.5
        shape = (self.inputs, self.outputs)
        return Params({"weight": between(key, shape, -bound, bound)})

    def current(self, params: Params, spikes: jax.Array, keys: jax.Array | None) -> jax.Array:
        return self.transmission.current(params.trained["weight"], spikes, keys)

    def transpose(self, params: Params, post: jax.Array) -> jax.Array:
        return post @ params.trained["weight"].T

    def plasticity(
        self,
        params: Params,
        arrived: Arrived,
        post: jax.Array,
        *,
        factor: jax.Array | None = None,
        gated: bool = False,
    ) -> Weights:
        del params
        return {"weight": self.transmission.outer(*self._rows(arrived, post, factor, gated))}

    def reliable(self) -> "Dense":
        return replace(self, transmission=Reliable())

    def fan_out(self) -> np.ndarray:
        return np.full(self.inputs, self.outputs, np.int64)

    def reached(self, params: Params, arrived: Arrived) -> jax.Array:
        """All units receive the same, `[k, B, 1]`."""
        del params
        return spike_counts(self, arrived.spikes)[..., None]
