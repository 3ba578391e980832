"""Convolution: every position of a map uses the same synapses."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.connections import conv_transmission
from erbp_jax.connections.base import Arrived, Weights
from erbp_jax.connections.maps import OnMaps
from erbp_jax.connections.transmission import BlankOut, Reliable, Transmission
from erbp_jax.connections.windows import Padding, Windows
from erbp_jax.params import Params
from erbp_jax.random import between, fold_each
from erbp_jax.registry import register
from erbp_jax.units import Count, FromBuilder


@register("connection", "conv", maps=True)
@dataclass(frozen=True)
class Conv2d(OnMaps):
    r"""Maps onto maps, through one kernel for all positions.

    .. math::
        c_{yxo}[t] = \sum_{ijc} \xi_{yxijco}[t]\, s_{\sigma y + i - a,\ \sigma x + j - a,\ c}[t]\, w_{ijco}

    with stride :math:`\sigma` and padding a (see `Windows`). Units are flat outside: `[..., H * W * C]`, the channel
    the fastest. Weights `[kernel, kernel, C, channels]`, initialised as `U(-b, b)` with `b = gain * sqrt(7 / (I + O))`,
    I the synapses onto a unit and `O = kernel**2 channels / stride**2` those from one; or as `U(*initial)`.

    Contributions of all positions to a shared weight add up, as those of ticks and samples do: one summed update a
    block. `transmission` draws its xi for every position anew: a convolution is a dense layer on the windows' inputs,
    whose rows are positions as well as ticks and samples, each drawing for itself.
    Source: Neftci et al. 2017 (convolutional network), its published code (sharing).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> layer, key = ej.Conv2d((8, 8, 1), 4, kernel=5, stride=2), jax.random.key(0)
        >>> params = layer.init(key)
        >>> params.trained["weight"].shape, layer.output_shape, layer.outputs
        ((5, 5, 1, 4), (4, 4, 4), 64)
        >>> layer(params, layer.init_state(3), jnp.ones((2, 3, 64)))[1].shape
        (2, 3, 64)

    Raises:
        ValueError: no channels, no window that fits, or initial bounds out of order.
    """

    input_shape: tuple[int, int, int]
    channels: Count
    """Maps."""
    kernel: Count
    """Height and width of the window."""
    stride: Count = 1
    """Distance between windows."""
    padding: Padding = "same"
    """Whether windows extend beyond the edge, so that the maps keep their size at a stride of 1."""
    gain: Annotated[float, FromBuilder("init_gain")] = 1.0
    initial: tuple[float, float] | None = None
    """Weights start as U(low, high); if not given as U(-b, b), b = network.init_gain sqrt(7 / (synapses onto a unit +
    synapses from a unit))."""
    transmission: Transmission = field(default_factory=Reliable)

    def __post_init__(self) -> None:
        if self.channels < 1 or self.input_shape[2] < 1:
            raise ValueError(f"Conv2d: needs at least one channel, got {self.input_shape[2]} -> {self.channels}")
        if self.initial is not None and not self.initial[0] <= self.initial[1]:
            raise ValueError(f"Conv2d: initial: the lower bound first, got {list(self.initial)}")
        self._check_windows()
        if isinstance(self.transmission, BlankOut):
            conv_transmission.check_probability(self.transmission.p)

    @cached_property
    def windows(self) -> Windows:  # pyright: ignore[reportIncompatibleVariableOverride]
        return Windows(*self.input_shape[:2], self.kernel, self.stride, self.padding)

    @property
    def label(self) -> str:
        stride = f"s{self.stride}" if self.stride > 1 else ""
        return f"{self.channels}c{self.kernel}{stride}{'v' if self.padding == 'valid' else ''}"

    def init(self, key: jax.Array) -> Params:
        synapses = self.kernel**2 * self.input_shape[2]
        bound = self.gain * (7.0 / (synapses + self.kernel**2 * self.channels / self.stride**2)) ** 0.5
        low, high = self.initial or (-bound, bound)
        shape = (self.kernel, self.kernel, self.input_shape[2], self.channels)
        return Params({"weight": between(key, shape, low, high)})

    def transpose(self, params: Params, post: jax.Array) -> jax.Array:
        rows = post.reshape(-1, self.outputs)
        spikes = jax.ShapeDtypeStruct((rows.shape[0], self.inputs), rows.dtype)
        (pre,) = jax.linear_transpose(lambda s: self._reliably(params.trained["weight"], s), spikes)(rows)
        return pre.reshape(*post.shape[:-1], self.inputs)

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
        pre, post, keys = self._rows(arrived, post, factor, gated)
        shape = (self.kernel, self.kernel, self.input_shape[2], self.channels)
        if keys is None:
            weight = jax.ShapeDtypeStruct(shape, post.dtype)
            (update,) = jax.linear_transpose(lambda w: self._reliably(w, pre), weight)(post)
            return {"weight": update}
        if isinstance(self.transmission, BlankOut):
            maps, at_maps = pre.reshape(-1, *self.input_shape), post.reshape(-1, *self.output_shape)
            return {"weight": conv_transmission.outer(self.transmission.p, self.windows, maps, at_maps, keys)}
        seen, keys = self._seen(pre), self._position_keys(keys)
        return {"weight": self.transmission.outer(seen, post.reshape(-1, self.channels), keys).reshape(shape)}

    def reliable(self) -> "Conv2d":
        return replace(self, transmission=Reliable())

    def fan_out(self) -> np.ndarray:
        per_channel = self.windows.coverage.reshape(-1, 1).repeat(self.input_shape[2], 1)
        return per_channel.reshape(-1).astype(np.int64) * self.channels

    def reached(self, params: Params, arrived: Arrived) -> jax.Array:
        """Spikes that reach each postsynaptic unit, int32 `[k, B, O]`."""
        del params
        maps = arrived.spikes.reshape(-1, *self.input_shape) != 0
        seen = self.windows.total(maps.sum(-1, keepdims=True, dtype=jnp.int32))
        every = jnp.broadcast_to(seen, (*seen.shape[:-1], self.channels))
        return every.reshape(*arrived.spikes.shape[:-1], self.outputs)

    def current(self, params: Params, spikes: jax.Array, keys: jax.Array | None) -> jax.Array:
        weight = params.trained["weight"]
        if self.transmission == Reliable():
            return self._reliably(weight, spikes)
        if isinstance(self.transmission, BlankOut) and keys is not None:
            maps = spikes.reshape(-1, *self.input_shape)
            current = conv_transmission.current(self.transmission.p, self.windows, maps, weight, keys)
            return current.reshape(-1, self.outputs)
        keys = None if keys is None else self._position_keys(keys)
        matrix = weight.reshape(-1, self.channels)
        return self.transmission.current(matrix, self._seen(spikes), keys).reshape(-1, self.outputs)

    def _reliably(self, weight: jax.Array, spikes: jax.Array) -> jax.Array:
        return self.windows.convolve(spikes.reshape(-1, *self.input_shape), weight).reshape(-1, self.outputs)

    def _seen(self, spikes: jax.Array) -> jax.Array:
        """What every position sees, a row each: `[R * Ho * Wo, kernel**2 * C]`."""
        return self.windows.cut(spikes.reshape(-1, *self.input_shape)).reshape(-1, self.kernel**2 * self.input_shape[2])

    def _position_keys(self, keys: jax.Array) -> jax.Array:
        """A key for every row and position, `[R * Ho * Wo]`."""
        down, across = self.windows.shape
        return fold_each(keys[:, None], jnp.arange(down * across, dtype=jnp.uint32)[None]).reshape(-1)
