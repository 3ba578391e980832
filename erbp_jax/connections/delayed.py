"""A delay per synapse."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.connections.base import Arrived, Weights
from erbp_jax.connections.counts import parameter_shapes
from erbp_jax.connections.dense import Dense
from erbp_jax.connections.host import Delays
from erbp_jax.connections.linear import LinearConnection
from erbp_jax.connections.placed import PlacedConnection
from erbp_jax.connections.sparse import Sparse
from erbp_jax.connections.transmission import Transmission
from erbp_jax.counting import Wide
from erbp_jax.declared import checked
from erbp_jax.params import Params
from erbp_jax.random import integers, split
from erbp_jax.registry import register
from erbp_jax.units import Count, Ticks


@runtime_checkable
class HasLines(Protocol):
    """A connection that goes over the lines of all delays in one pass."""

    def on_lines(self, lines: int) -> Any: ...


@dataclass(frozen=True)
class MaskedLines(PlacedConnection):
    """Any connection with one weight per synapse, each from one of several lines of its inputs: a pass a line, with the
    weights of other lines at 0. Line n of input i is source `n I + i`."""

    connection: Any
    lines: int

    @property
    def inputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.lines * self.connection.inputs

    @property
    def outputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.connection.outputs

    @property
    def transmission(self) -> Transmission:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.connection.transmission

    @property
    def synapses(self) -> int:
        return self.connection.synapses

    def place(self, params: Params, line: jax.Array) -> Params:
        """Parameters with the synapses at lines shaped like the weights."""
        ones = {"weight": jnp.ones(line.shape, jnp.float32)}
        placed = Params(ones, {"line": line, "fan_out": jnp.zeros((), jnp.int32), "connection": params.fixed})
        fan_out = self.transpose(placed, jnp.ones((1, self.outputs), jnp.float32))[0].astype(jnp.int32)
        return Params(params.trained, {**placed.fixed, "fan_out": fan_out})

    def line(self, params: Params) -> jax.Array:
        """The line of every synapse, int32, shaped like the weights."""
        return params.fixed["line"]

    def fan_outs(self, params: Params) -> jax.Array:
        return params.fixed["fan_out"]

    def current(self, params: Params, spikes: jax.Array, keys: jax.Array | None) -> jax.Array:
        def add(total, line):
            number, spikes = line
            return total + self.connection.current(self._only(params, number), spikes, keys), None

        zero = jnp.zeros((len(spikes), self.outputs), params.trained["weight"].dtype)
        return jax.lax.scan(add, zero, self._each(spikes))[0]

    def plasticity(
        self,
        params: Params,
        arrived: Arrived,
        post: jax.Array,
        *,
        factor: jax.Array | None = None,
        gated: bool = False,
    ) -> Weights:
        pre, post, keys = self._rows(arrived, post, factor, gated)

        def write(update, line):
            number, spikes = line
            one = self.connection.plasticity(self._inner(params), Arrived(spikes, keys), post, gated=gated)
            return jnp.where(params.fixed["line"] == number, one["weight"], update), None

        zero = jnp.zeros(params.fixed["line"].shape, post.dtype)
        return {"weight": jax.lax.scan(write, zero, self._each(pre))[0]}

    def transpose(self, params: Params, post: jax.Array) -> jax.Array:
        rows = post.reshape(-1, self.outputs)
        each = jax.lax.map(lambda n: self.connection.transpose(self._only(params, n), rows), self._numbers())
        return each.swapaxes(0, 1).reshape(*post.shape[:-1], self.inputs)

    def onto_units(self, params: Params, post: jax.Array) -> jax.Array:
        """`post[..., O] -> pre[..., I]`, from whatever line."""
        return self.connection.transpose(self._inner(params), post)

    def reliable(self) -> "MaskedLines":
        return replace(self, connection=self.connection.reliable())

    def _numbers(self) -> jax.Array:
        return jnp.arange(self.lines, dtype=jnp.int32)

    def _each(self, rows: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Numbers `[D]` of the lines and rows `[D, R, I]` of each."""
        return self._numbers(), rows.reshape(len(rows), self.lines, -1).swapaxes(0, 1)

    def _inner(self, params: Params) -> Params:
        return Params(params.trained, params.fixed["connection"])

    def _only(self, params: Params, number: jax.Array) -> Params:
        weight = jnp.where(params.fixed["line"] == number, params.trained["weight"], 0.0)
        return Params({"weight": weight}, params.fixed["connection"])


@checked
@dataclass(frozen=True)
class Delayed:
    r"""A connection whose synapses have a delay each, on top of that of the projection.

    .. math:: c_o[t] = \sum_s \xi_s[t]\, s_{pre(s)}[t - d_s]\, w_s

    `connection` has one weight per synapse: `Dense`, `Sparse`, or one's own. `delays` in ticks are `(low, high)`, from
    which the key of `init` draws for every synapse, both included and all alike likely, or `Delays(array)` shaped like
    the weights. They are fixed parameters: `ticks(params)`.

    The state is what the last ticks brought. A delay is axonal: rules see a spike when it arrives, one signal for each
    of D different delays and input, `[k, B, D I]` with the delays ascending, and the masks of blank-out and all counts
    are those of the tick of arrival. Cost: D passes, each with the weights of one delay, for `Dense`; one for `Sparse`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> layer = ej.Delayed(ej.Dense(2, 1), ej.Delays([[0], [2]]))
        >>> params = layer.init(jax.random.key(0))
        >>> params = params._replace(trained=jax.tree.map(jnp.ones_like, params.trained))
        >>> state, current, _ = layer(params, layer.init_state(1), jnp.eye(4)[:, None, :1].repeat(2, 2))
        >>> current[:, 0, 0].tolist()
        [1.0, 0.0, 1.0, 0.0]

    Raises:
        ValueError: shared weights or none, delays that are not whole or negative or do not fit the weights.
    """

    connection: Any
    delays: tuple[int, int] | Delays

    def __post_init__(self) -> None:
        name, shape = type(self.connection).__name__, _weights(self.connection)
        if shape is None:
            raise ValueError(f"Delayed: a connection without a state and with weights is needed, got {name}")
        if math.prod(shape) != self.connection.synapses:
            raise ValueError(f"Delayed: a weight for every synapse is needed, and those of {name} are shared")
        if isinstance(self.delays, Delays):
            if self.delays.ticks.shape != shape:
                given = list(self.delays.ticks.shape)
                raise ValueError(f"Delayed: delays must have the shape of the weights, {list(shape)}, got {given}")
        elif not _is_range(self.delays):
            raise ValueError(
                f"Delayed: delays must be Delays(array) or whole ticks (low, high), 0 <= low <= high, got {self.delays}"
            )
        _ = self._lines

    @cached_property
    def different(self) -> tuple[int, ...]:
        """The D delays that there are, in ticks, ascending."""
        if isinstance(self.delays, Delays):
            return tuple(int(d) for d in np.unique(self.delays.ticks))
        return tuple(range(self.delays[0], self.delays[1] + 1))

    @cached_property
    def _lines(self) -> Any:
        lines = len(self.different)
        has_own = isinstance(self.connection, HasLines)
        return self.connection.on_lines(lines) if has_own else MaskedLines(self.connection, lines)

    @property
    def inputs(self) -> int:
        return self.connection.inputs

    @property
    def outputs(self) -> int:
        return self.connection.outputs

    @property
    def output_shape(self) -> tuple[int, ...]:
        return self.connection.output_shape

    @property
    def label(self) -> str:
        """That of the connection and the longest delay: `100d7`."""
        return f"{self.connection.label}d{self.different[-1]}"

    @property
    def transmission(self) -> Transmission:
        return self.connection.transmission

    @property
    def synapses(self) -> int:
        return self.connection.synapses

    @property
    def multiplications(self) -> int:
        """One a synapse: those with weights that belong to other delays are not counted."""
        return self.connection.multiplications

    @property
    def learns(self) -> bool:
        return True

    def init(self, key: jax.Array) -> Params:
        of_delays, key = split(key, 2)
        params = self.connection.init(key)
        if isinstance(self.delays, Delays):
            line = jnp.asarray(np.searchsorted(self.different, self.delays.ticks), jnp.int32)
        else:
            line = integers(of_delays, params.trained["weight"].shape, 0, len(self.different))
        return self._lines.place(params, line)

    def ticks(self, params: Params) -> jax.Array:
        """The delay of every synapse, int32, shaped like the weights."""
        return jnp.asarray(self.different, jnp.int32)[self._lines.line(params)]

    def init_state(self, batch: int) -> jax.Array:
        """The spikes of the last ticks, `[longest delay, B, I]`: none."""
        return jnp.zeros((self.different[-1], batch, self.inputs), jnp.float32)

    def __call__(
        self,
        params: Params,
        state: jax.Array,
        spikes: jax.Array,
        *,
        key: jax.Array | None = None,
        backward: Any = None,
    ) -> tuple[jax.Array, jax.Array, Arrived]:
        ticks, longest = len(spikes), self.different[-1]
        history = jnp.concatenate([state, spikes])
        late = [history[longest - d : longest - d + ticks] for d in self.different]
        lines = jnp.stack(late, 2).reshape(*spikes.shape[:2], -1)  # [k, B, D I]
        _, current, arrived = self._lines(params, (), lines, key=key, backward=backward)
        return history[ticks:], current, arrived

    @property
    def signals(self) -> int:
        """D I: the inputs, once for each delay."""
        return self._lines.inputs

    def signal(self, arrived: Arrived) -> jax.Array:
        """The spikes as they arrive, `[k, B, D I]`."""
        return arrived.spikes

    def plasticity(
        self,
        params: Params,
        arrived: Arrived,
        post: jax.Array,
        *,
        factor: jax.Array | None = None,
        gated: bool = False,
    ) -> Weights:
        return self._lines.plasticity(params, arrived, post, factor=factor, gated=gated)

    def transpose(self, params: Params, post: jax.Array) -> jax.Array:
        return self._lines.onto_units(params, post)

    def reliable(self) -> "Delayed":
        return replace(self, connection=self.connection.reliable())

    def addressed(self, params: Params, arrived: Arrived) -> Wide:
        return self._lines.addressed(params, arrived)

    def delivered(self, params: Params, arrived: Arrived) -> Wide:
        return self._lines.delivered(params, arrived)

    def writes(self, params: Params, arrived: Arrived, gate: jax.Array | None, *, gated: bool = False) -> Wide:
        return self._lines.writes(params, arrived, gate, gated=gated)


def _weights(connection: Any) -> tuple[int, ...] | None:
    """The shape of the weights, the only trained parameters; None if it is not so."""
    if not isinstance(connection, LinearConnection):
        return None
    trained = parameter_shapes(connection).trained
    return trained["weight"].shape if list(trained) == ["weight"] else None


def _is_range(delays: Any) -> bool:
    if not isinstance(delays, Sequence) or len(delays) != 2:
        return False
    low, high = delays
    return all(isinstance(d, int) and not isinstance(d, bool) for d in delays) and 0 <= low <= high


@register("connection", "delayed")
def delayed(
    inputs: int,
    init_gain: float,
    transmission: Any,
    outputs: Annotated[Count, "Units of the layer."],
    delays: Annotated[tuple[Ticks, Ticks], "Shortest and longest delay of a synapse, drawn for each of them."],
    fan_in: Annotated[Count | None, "Synapses onto each unit; from all inputs if not given."] = None,
) -> Delayed:
    """A matrix, or with `fan_in` a list, of synapses with a delay each."""
    if fan_in is None:
        return Delayed(Dense(inputs, outputs, init_gain, transmission), delays)
    return Delayed(Sparse(inputs, outputs, fan_in, init_gain, transmission), delays)
