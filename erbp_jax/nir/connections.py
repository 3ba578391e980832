"""The linear nodes of NIR that the package's own connections do not cover: biases, any window, scales, re-ordering.

Units are flat outside, as everywhere here; shapes are `(H, W, C)`, `(L, C)` or `(N,)`. `node` is the name in the graph.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.connections import Arrived
from erbp_jax.connections.shaped import OnShapes
from erbp_jax.nir.shapes import Shape, places, windows
from erbp_jax.params import Params
from erbp_jax.random import between


class Biased(OnShapes, ABC):
    """A linear map between shapes, plus a bias: needs the shapes, `weights`, and `linear`, the map without the bias."""

    biases: int = 0
    """Entries of the bias, one per channel; 0 for none."""

    @property
    @abstractmethod
    def output_shape(self) -> Shape: ...

    @property
    def weights(self) -> Shape | None:
        """The shape of the weights; None for a map without any."""
        return None

    @abstractmethod
    def linear(self, weight: jax.Array | None, rows: jax.Array) -> jax.Array:
        """Rows `[R, I]` onto `[R, O]`, without the bias."""

    @property
    def label(self) -> str:
        return "x".join(map(str, self.output_shape))

    def init(self, key: jax.Array) -> Params:
        """Weights as of `Dense`, U(-b, b) with b = sqrt(7 / (I + O)); biases 0."""
        trained = {}
        if self.weights is not None:
            bound = (7.0 / (self.inputs + self.outputs)) ** 0.5
            trained["weight"] = between(key, self.weights, -bound, bound)
        if self.biases:
            trained["bias"] = jnp.zeros((self.biases,), jnp.float32)
        return Params(trained)

    def current(self, params: Params, spikes: jax.Array, keys: jax.Array | None) -> jax.Array:
        del keys
        out = self.linear(params.trained.get("weight"), spikes)
        if not self.biases:
            return out
        maps = out.reshape(-1, self.biases)  # the channel is the last axis
        return (maps + jnp.broadcast_to(params.trained["bias"], maps.shape)).reshape(out.shape)

    def transpose(self, params: Params, post: jax.Array) -> jax.Array:
        """Back through the weights alone; a bias does not depend on spikes."""
        return self._back(params.trained.get("weight"), post)

    def _back(self, weight: jax.Array | None, post: jax.Array) -> jax.Array:
        rows = post.reshape(-1, self.outputs)
        like = jax.ShapeDtypeStruct((rows.shape[0], self.inputs), rows.dtype)
        (pre,) = jax.linear_transpose(lambda x: self.linear(weight, x), like)(rows)
        return pre.reshape(*post.shape[:-1], self.inputs)

    def _unit(self) -> jax.Array | None:
        return None if self.weights is None else jnp.ones(self.weights, jnp.float32)

    def fan_out(self) -> np.ndarray:
        with jax.ensure_compile_time_eval():
            back = self._counting()._back(self._unit(), jnp.ones((1, self.outputs), jnp.float32))
            return np.rint(np.asarray(back[0])).astype(np.int64)

    def reached(self, params: Params, arrived: Arrived) -> jax.Array:
        """Spikes that reach each postsynaptic unit, int32 `[k, B, O]`."""
        del params
        fired = (arrived.spikes != 0).astype(jnp.float32).reshape(-1, self.inputs)
        out = self._counting().linear(self._unit(), fired)
        return jnp.rint(out).astype(jnp.int32).reshape(*arrived.spikes.shape[:-1], self.outputs)

    def _counting(self) -> "Biased":
        """The same map, which gives a synapse without a weight a current of one."""
        return self


@dataclass(frozen=True)
class Affine(Biased):
    r"""All units onto all, with a bias: :math:`c_o[t] = \sum_i s_i[t] w_{io} + b_o`.

    Weights `[I, O]`, bias `[O]`, added every tick, whether anything spikes or not. `input_shape` says what the flat
    inputs are, so that an export can say how they are flattened.

    >>> import jax, jax.numpy as jnp
    >>> from erbp_jax.nir import Affine
    >>> from erbp_jax.params import Params
    >>> affine = Affine((2,), 1)
    >>> params = Params({"weight": jnp.array([[2.0], [3.0]]), "bias": jnp.array([0.5])})
    >>> affine(params, (), jnp.array([[[1.0, 0.0]]]))[1].tolist()
    [[[2.5]]]
    """

    input_shape: Shape
    units: int
    with_bias: bool = True
    node: str = ""

    @property
    def biases(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.units if self.with_bias else 0

    @property
    def output_shape(self) -> Shape:
        return (self.units,)

    @property
    def weights(self) -> Shape:
        return self.inputs, self.units

    def linear(self, weight: jax.Array | None, rows: jax.Array) -> jax.Array:
        assert weight is not None
        return rows @ weight


@dataclass(frozen=True)
class Convolution(Biased):
    r"""Maps onto maps through one kernel, along one axis or two; any stride, padding, dilation and groups, and a bias.

    .. math:: c_{yo}[t] = \sum_{ic} s_{\sigma y + \delta i - p,\, c}[t]\, w_{ico} + b_o

    with stride :math:`\sigma`, dilation :math:`\delta` and padding p (before, after) of each axis. Weights
    `[*kernel, C / groups, O]`, bias `[O]`. `written` is the padding as the graph has it.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from erbp_jax.nir import Convolution
        >>> layer = Convolution((8, 1), 4, kernel=(3,), stride=(1,), padding=((0, 0),), dilation=(1,))
        >>> layer.output_shape, layer.init(jax.random.key(0)).trained["weight"].shape
        ((6, 4), (3, 1, 4))
    """

    input_shape: Shape
    channels: int
    kernel: Shape
    stride: Shape
    padding: tuple[tuple[int, int], ...]
    dilation: Shape
    groups: int = 1
    node: str = ""
    written: str | tuple[int, ...] = "valid"

    @property
    def biases(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.channels

    @property
    def output_shape(self) -> Shape:
        lines = zip(self.input_shape, self.kernel, self.stride, self.padding, self.dilation, strict=False)
        return (*(windows(n, k, s, a, b, d) for n, k, s, (a, b), d in lines), self.channels)

    @property
    def weights(self) -> Shape:
        return (*self.kernel, self.input_shape[-1] // self.groups, self.channels)

    def linear(self, weight: jax.Array | None, rows: jax.Array) -> jax.Array:
        assert weight is not None
        axes = "HW"[-len(self.kernel) :]
        maps = jax.lax.conv_general_dilated(
            rows.reshape(-1, *self.input_shape), weight, self.stride, self.padding, rhs_dilation=self.dilation,
            dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"), feature_group_count=self.groups,
        )  # fmt: skip
        return maps.reshape(-1, self.outputs)


@dataclass(frozen=True)
class Pooling(Biased):
    """The sum or the mean of a window of each map, of any height, width, stride and padding; padding counts as 0.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from erbp_jax.nir import Pooling
        >>> layer = Pooling((2, 2, 1), kernel=(2, 2), stride=(2, 2), padding=(0, 0), average=True)
        >>> layer(layer.init(jax.random.key(0)), (), jnp.ones((1, 1, 4)))[1].tolist()
        [[[1.0]]]
    """

    input_shape: Shape
    kernel: Shape
    stride: Shape
    padding: Shape
    average: bool
    node: str = ""

    @property
    def output_shape(self) -> Shape:
        lines = zip(self.input_shape, self.kernel, self.stride, self.padding, strict=False)
        return (*(windows(n, k, s, p, p) for n, k, s, p in lines), self.input_shape[-1])

    def linear(self, weight: jax.Array | None, rows: jax.Array) -> jax.Array:
        del weight
        maps = rows.reshape(-1, *self.input_shape)
        edges = ((0, 0), *((p, p) for p in self.padding), (0, 0))
        zero = np.zeros((), maps.dtype)
        out = jax.lax.reduce_window(maps, zero, jax.lax.add, (1, *self.kernel, 1), (1, *self.stride, 1), edges)
        return (out / math.prod(self.kernel) if self.average else out).reshape(-1, self.outputs)

    def _counting(self) -> Biased:
        return Pooling(self.input_shape, self.kernel, self.stride, self.padding, False, self.node)


@dataclass(frozen=True)
class Scale(Biased):
    """Every unit onto its like with a weight of its own, `[N]`: Hadamard's product.

    Example:
        >>> import jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> layer, params = ej.nir.Scale((2,)), ej.Params({"weight": jnp.array([2.0, 3.0])})
        >>> layer(params, (), jnp.ones((1, 1, 2)))[1].tolist()
        [[[2.0, 3.0]]]
    """

    input_shape: Shape
    node: str = ""

    @property
    def output_shape(self) -> Shape:
        return self.input_shape

    @property
    def weights(self) -> Shape:
        return (self.inputs,)

    def linear(self, weight: jax.Array | None, rows: jax.Array) -> jax.Array:
        assert weight is not None
        return rows * jnp.broadcast_to(weight, rows.shape)


@dataclass(frozen=True)
class Wire(Biased):
    """Every unit onto one other with a current of one; where the shapes differ, in the order in which NIR flattens.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from erbp_jax.nir import Wire
        >>> layer = Wire((2,), (2,))
        >>> layer(layer.init(jax.random.key(0)), (), jnp.array([[[1.0, 0.0]]]))[1].tolist()
        [[[1.0, 0.0]]]
    """

    input_shape: Shape
    target_shape: Shape
    node: str = ""

    @property
    def output_shape(self) -> Shape:
        return self.target_shape

    @cached_property
    def index(self) -> np.ndarray:
        """The input of each output, `[N]`."""
        index = np.empty(self.inputs, np.int64)
        index[places(self.target_shape)] = places(self.input_shape)
        return index

    def linear(self, weight: jax.Array | None, rows: jax.Array) -> jax.Array:
        del weight
        return rows if (self.index == np.arange(self.inputs)).all() else rows[:, self.index]
