"""Pooling: fixed synapses from a window of each map onto one unit of the same map."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.connections.base import Arrived
from erbp_jax.connections.maps import OnMaps
from erbp_jax.connections.windows import Padding, Windows
from erbp_jax.params import Params
from erbp_jax.registry import register
from erbp_jax.units import Count, Positive

MODES = ("average", "sum")


@register("connection", "pool", maps=True)
@dataclass(frozen=True)
class Pool2d(OnMaps):
    r"""Every map onto a smaller one, through equal synapses that neither learn nor fail.

    .. math:: c_{yxc}[t] = v \sum_{ij} s_{\sigma y + i - a,\ \sigma x + j - a,\ c}[t]

    v is `gain` for "sum" and `gain / size**2` for "average", at the border too. It has no parameters, so rules find
    nothing to move, and drives neurons as every connection does. Sum pooling with a gain above the threshold of
    neurons without memory is the spiking maximum: a unit fires when one of its inputs does.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> layer = ej.Pool2d((4, 4, 1), 2)
        >>> layer(layer.init(jax.random.key(0)), (), jnp.ones((1, 1, 16)))[1].tolist()
        [[[1.0, 1.0, 1.0, 1.0]]]

    Raises:
        ValueError: an unknown mode, or no window that fits.
    """

    input_shape: tuple[int, int, int]
    size: Count
    """Height and width of the window."""
    stride: Count | None = None
    """Distance between windows; equal to the size if not given."""
    padding: Padding = "valid"
    """Whether windows extend beyond the edge."""
    mode: Literal["average", "sum"] = "average"
    """Whether a unit receives the average or the sum of its window."""
    gain: Positive = 1.0
    """Weight of a synapse; for averages it is divided by the area of the window."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"Pool2d: mode must be one of {', '.join(MODES)}, got {self.mode!r}")
        self._check_windows()

    @cached_property
    def windows(self) -> Windows:  # pyright: ignore[reportIncompatibleVariableOverride]
        stride = self.size if self.stride is None else self.stride
        return Windows(*self.input_shape[:2], self.size, stride, self.padding)

    @property
    def channels(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Maps: as many as come in."""
        return self.input_shape[2]

    @property
    def label(self) -> str:
        stride = "" if self.stride in (None, self.size) else f"s{self.stride}"
        return f"p{self.size}{stride}"

    @property
    def weight(self) -> float:
        """The weight v of every synapse."""
        return self.gain / self.size**2 if self.mode == "average" else self.gain

    def init(self, key: jax.Array) -> Params:
        del key
        return Params({})

    def current(self, params: Params, spikes: jax.Array, keys: jax.Array | None) -> jax.Array:
        del params, keys
        seen = self.windows.cut(spikes.reshape(-1, *self.input_shape))  # [R, Ho, Wo, size, size, C]
        return (self.weight * seen.sum((3, 4))).reshape(-1, self.outputs)

    def fan_out(self) -> np.ndarray:
        return self.windows.coverage.reshape(-1, 1).repeat(self.input_shape[2], 1).reshape(-1).astype(np.int64)

    def reached(self, params: Params, arrived: Arrived) -> jax.Array:
        """Spikes that reach each postsynaptic unit, int32 `[k, B, O]`."""
        del params
        maps = arrived.spikes.reshape(-1, *self.input_shape) != 0
        return self.windows.total(maps.astype(jnp.int32)).reshape(*arrived.spikes.shape[:-1], self.outputs)
