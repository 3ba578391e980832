"""A delay per synapse."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.connections.base import Arrived, Weights
from erbp_jax.connections.counts import parameter_shapes
from erbp_jax.connections.dense import Dense
from erbp_jax.connections.host import Delays
from erbp_jax.connections.linear import LinearConnection
from erbp_jax.connections.masked_lines import HasLines, MaskedLines
from erbp_jax.connections.sparse import Sparse
from erbp_jax.connections.transmission import Transmission
from erbp_jax.counting import Wide
from erbp_jax.declared import checked
from erbp_jax.params import Params
from erbp_jax.random import integers, split
from erbp_jax.registry import register
from erbp_jax.units import Count, Ticks


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

    def at_once(self) -> Any:
        """The same synapses without their delays."""
        return self.connection

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
