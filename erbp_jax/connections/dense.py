"""All-to-all connection."""

from dataclasses import dataclass, field, replace

import jax
import numpy as np

from erbp_jax.connections.base import Weights
from erbp_jax.connections.synapses import ThroughWeights
from erbp_jax.connections.transmission import Reliable, Transmission
from erbp_jax.random import between


@dataclass(frozen=True)
class Dense(ThroughWeights):
    r"""Every unit of one layer onto every unit of the next.

    .. math:: c_o[t] = \sum_i \xi_{io}[t]\, s_i[t]\, w_{io}

    Weights `[I, O]`, initialised as `U(-b, b)` with `b = gain * sqrt(7 / (I + O))`. The paper's initialisation is
    `gain = 1` at its threshold of 0.1; the same network at threshold 1 has `gain = 10`.
    Source: Neftci et al. 2017 and its published code (initialisation); `transmission` draws xi.

    The gradient: to the weights through the synapses that transmitted; to the presynaptic spikes
    through the mean of xi, for an input that did not spike has drawn no xi.

    Raises:
        ValueError: an empty layer.
    """

    inputs: int
    outputs: int
    gain: float = 1.0
    transmission: Transmission = field(default_factory=Reliable)

    def __post_init__(self) -> None:
        if self.inputs < 1 or self.outputs < 1:
            raise ValueError(f"Dense: a layer must have at least one unit, got {self.inputs} -> {self.outputs}")

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (self.outputs,)

    @property
    def label(self) -> str:
        return str(self.outputs)

    def init(self, key: jax.Array) -> Weights:
        bound = self.gain * (7.0 / (self.inputs + self.outputs)) ** 0.5
        shape = (self.inputs, self.outputs)
        return {"weight": between(key, shape, -bound, bound)}

    def current(self, weight: jax.Array, spikes: jax.Array, keys: jax.Array | None) -> jax.Array:
        """Currents `[R, O]` of rows of spikes `[R, I]` with keys `[R]`."""
        return self.transmission.current(weight, spikes, keys)

    def transpose(self, params: Weights, post: jax.Array) -> jax.Array:
        return post @ params["weight"].T

    def plasticity(self, pre: jax.Array, post: jax.Array, *, key: jax.Array | None = None) -> Weights:
        pre, post = pre.reshape(-1, self.inputs), post.reshape(-1, self.outputs)
        return {"weight": self.transmission.outer(pre, post, None if key is None else key.reshape(-1))}

    def reliable(self) -> "Dense":
        return replace(self, transmission=Reliable())

    @property
    def multiplications(self) -> int:
        return self.inputs * self.outputs

    def fan_out(self) -> np.ndarray:
        return np.full(self.inputs, self.outputs, np.int64)
