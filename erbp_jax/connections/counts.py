"""Where spikes go: synaptic operations, counted exactly and per sample, for any connection.

A spike is whatever is not 0. Counts are whole numbers of 64 bits (`Wide`): a tick of one sample may address more than
2^32 synapses.
"""

from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.connections.base import Arrived
from erbp_jax.connections.transmission import Reliable, Transmission
from erbp_jax.counting import WORD, Wide, places, wide_product, wide_sum, wide_total, wide_zeros
from erbp_jax.params import Params
from erbp_jax.random import new_key

EXACT = 2**24
"""Whole numbers up to here are float32."""


class Counted:
    r"""Counts of a connection whose `arrived` is `Arrived`, from `init`, `current` and `transpose`.

    Synapses are looked up once, one input after the other, by what the connection makes of a spike with all weights at
    one: memory `[I, O]`. A connection with a cheap way has `fan_out`, and `reached` in place of the look-up.
    """

    inputs: int
    outputs: int
    transmission: Transmission = Reliable()

    def fan_out(self) -> np.ndarray:
        """Synapses addressed by one spike of each presynaptic unit, int64 `[I]`; here one per unit that is reached."""
        return (_currents(self) != 0).sum(1)

    @property
    def synapses(self) -> int:
        """How many there are, each position of shared weights counted."""
        return int(_fan_out(self).sum())

    @property
    def multiplications(self) -> int:
        """Multiply-accumulates of one dense pass."""
        return self.synapses

    @property
    def learns(self) -> bool:
        """Whether there are trained parameters."""
        return bool(jax.tree.leaves(parameter_shapes(self).trained))

    def addressed(self, params: Params, arrived: Arrived) -> Wide:
        r"""Synapses that the arriving spikes address, `[k, B]`.

        .. math:: \sum_i [s_i \ne 0]\, f_i

        with f the fan-out.
        """
        del params
        fan_out, pre = _fan_out(self), arrived.spikes
        most = int(fan_out.sum())
        if fan_out.min() == fan_out.max():
            return wide_product(spike_counts(self, pre), int(fan_out[0]), most)
        high, low = (
            jnp.where(pre != 0, jnp.asarray(words, jnp.uint32).reshape((1,) * (pre.ndim - 1) + (-1,)), 0)
            for words in np.divmod(fan_out, WORD)
        )
        return wide_total(low, most) if most < WORD else wide_sum(Wide(low, high), -1)

    def delivered(self, params: Params, arrived: Arrived) -> Wide:
        """Of the addressed synapses those that transmitted, `[k, B]`.

        Raises:
            ValueError: as `crossed`.
        """
        if not self.transmission.draws:
            return self.addressed(params, arrived)
        return wide_total(self.crossed(params, arrived), self.synapses)

    def writes(self, params: Params, arrived: Arrived, gate: jax.Array | None, *, gated: bool = False) -> Wide:
        """Plasticity events `[k, B]`: arriving spikes at synapses whose `gate[k, B, O]` is open, or at all of them.

        `gated`: only where the spike was transmitted. None where there is nothing to train.

        Raises:
            ValueError: as `delivered`, if gated.
        """
        if not self.learns:
            return wide_zeros(*arrived.spikes.shape[:-1])
        gated = gated and self.transmission.draws
        if gate is None:
            return self.delivered(params, arrived) if gated else self.addressed(params, arrived)
        arriving = self.crossed(params, arrived) if gated else self.reached(params, arrived)
        if arriving.shape[-1] == 1:
            return wide_product(arriving[..., 0], gate.sum(-1, dtype=jnp.int32), self.synapses)
        return wide_total(jnp.where(gate, arriving, 0), self.synapses)

    def reached(self, params: Params, arrived: Arrived) -> jax.Array:
        r"""Spikes that reach each postsynaptic unit, int32 `[k, B, O]`, or `[k, B, 1]` if all receive the same.

        .. math:: a_o = \sum_i [s_i \ne 0]\, n_{io}, \qquad n_{io} \text{ synapses from i to o}, \quad
            \sum_o n_{io} = f_i

        Raises:
            ValueError: what is looked up does not fit the fan-out.
        """
        del params
        spikes = (arrived.spikes != 0).astype(jnp.float32)
        return jnp.matmul(spikes, _look_up(self), precision=jax.lax.Precision.HIGHEST).astype(jnp.int32)

    def crossed(self, params: Params, arrived: Arrived) -> jax.Array:
        """Spikes that were transmitted to each unit, int32 `[k, B, O]`: the currents of unit weights.

        Raises:
            ValueError: too many inputs, or unit weights that do not give unit currents.
        """
        del params
        name = type(self).__name__
        if self.inputs > EXACT:
            raise ValueError(f"{name}: crossing spikes are counted in float32, for up to {EXACT} inputs")
        ones = _ones(self)
        with jax.ensure_compile_time_eval():
            of_each = np.asarray(cast(Any, self).transpose(ones, jnp.ones((self.outputs,), jnp.float32)))
        if not np.array_equal(of_each, _fan_out(self)):
            raise ValueError(
                f"{name}: with all weights at one a spike does not give each of its synapses a current of one, so that "
                "crossing spikes cannot be counted"
            )
        return unit_currents(self, ones, arrived)


def unit_currents(connection: Any, ones: Params, arrived: Arrived) -> jax.Array:
    """The currents of weights that are one, int32 `[k, B, O]`."""
    fired = (arrived.spikes != 0).astype(jnp.float32).reshape(-1, connection.inputs)
    keys = None if arrived.key is None else arrived.key.reshape(-1)
    current = connection.current(ones, fired, keys)
    return current.reshape(*arrived.spikes.shape[:-1], connection.outputs).astype(jnp.int32)


def spike_counts(connection: Any, pre: jax.Array) -> jax.Array:
    """How many of `pre[..., I]` are spikes, int32 `[...]`."""
    if connection.transmission.by_events:
        # The transmission has looked for the spikes already: this is one look, not two, after compilation.
        return places(pre.reshape(-1, pre.shape[-1])).counts.reshape(pre.shape[:-1])
    fired = pre != 0
    if pre.shape[-1] <= EXACT:  # floats are summed faster than whole numbers
        return fired.astype(jnp.float32).sum(-1).astype(jnp.int32)
    return fired.sum(-1, dtype=jnp.int32)


def _look_up(connection: Any) -> np.ndarray:
    """How many synapses lead from each input to each output, float32 `[I, O]`."""
    fan_out, table = _fan_out(connection), _currents(connection)
    for found in (table, (table != 0).astype(np.float32)):
        if np.array_equal(found.sum(1), fan_out):
            return found
    raise ValueError(f"{type(connection).__name__}: its synapses do not fit its fan-out; give it `reached`")


def _currents(connection: Any) -> np.ndarray:
    """What one spike of each input gives each output with all weights at one, float32 `[I, O]`."""
    alone, ones = connection.reliable(), _ones(connection)

    def one(unit: jax.Array) -> jax.Array:
        return alone.current(ones, jax.nn.one_hot(unit, alone.inputs, dtype=jnp.float32)[None], None)[0]

    with jax.ensure_compile_time_eval():
        return np.asarray(jax.lax.map(one, jnp.arange(alone.inputs)))


def _fan_out(connection: Any) -> np.ndarray:
    with jax.ensure_compile_time_eval():
        return np.asarray(connection.fan_out()).astype(np.int64)


def parameter_shapes(connection: Any) -> Params:
    """Parameters as `init` makes them, shapes and types alone."""
    return jax.eval_shape(lambda: connection.init(new_key(0)))


def _ones(connection: Any) -> Params:
    """Parameters that are all one.

    Raises:
        ValueError: arrays say where the synapses are, so that nothing can be looked up before they are known.
    """
    shapes = parameter_shapes(connection)
    if jax.tree.leaves(shapes.fixed):
        raise ValueError(
            f"{type(connection).__name__}: its fixed parameters say where its synapses are: a PlacedConnection has "
            "what is then needed"
        )
    with jax.ensure_compile_time_eval():
        return Params(jax.tree.map(lambda w: jnp.ones(w.shape, w.dtype), shapes.trained), shapes.fixed)
