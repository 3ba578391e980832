"""One weight per synapse, from one of several lines: copies of the inputs, each later by another delay."""

from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from erbp_jax.connections.base import Arrived, Weights
from erbp_jax.connections.placed import PlacedConnection
from erbp_jax.connections.transmission import Transmission
from erbp_jax.params import Params


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
