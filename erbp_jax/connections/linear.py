"""Connections whose current is linear in their weights and in the spikes: what follows from the current alone."""

from abc import ABC, abstractmethod
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from erbp_jax.connections.base import Arrived
from erbp_jax.connections.counts import Counted
from erbp_jax.params import Params


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def through(connection: Any, trained: Any, backward: Any, fixed: Any, spikes: jax.Array, keys: Any) -> jax.Array:
    r"""`connection.current(Params(trained, fixed), spikes, keys)`, `[R, O]`, of a `LinearConnection`.

    .. math:: \partial w_{io} = \sum_r \xi_{rio} s_{ri} \delta_{ro}, \qquad
        \partial s_{ri} = \bar\xi \sum_o b_{io} \delta_{ro}

    with b the weights `backward` in place of w: random back-propagation if they differ. Synapses that share a
    weight add up. To the spikes the error comes through the mean of xi, for an input that did not spike has drawn none.
    """
    del backward
    return connection.current(Params(trained, fixed), spikes, keys)


def _forward(connection, trained, backward, fixed, spikes, keys):
    return connection.current(Params(trained, fixed), spikes, keys), (backward, fixed, spikes, keys)


def _back(connection, kept, error):
    backward, fixed, spikes, keys = kept
    mean, params = connection.transmission.mean, Params(backward, fixed)
    update = connection.plasticity(params, Arrived(spikes, keys), error, gated=True)
    zeros = jax.tree.map(jnp.zeros_like, backward)
    return update, zeros, None, mean * connection.transpose(params, error), None


through.defvjp(_forward, _back)


class LinearConnection(Counted, ABC):
    """A connection that needs `inputs`, `outputs`, `init` and `current`, and has the rest of `Connection` from them.

    It remembers nothing between ticks; leading axes `...` of spikes, keys and factors are free. One that does remember
    has `init_state` and a `__call__` that hands what arrives to this one's.

    >>> from dataclasses import dataclass
    >>> import jax.numpy as jnp
    >>> from erbp_jax.params import Params
    >>> @dataclass(frozen=True)
    ... class OneToOne(LinearConnection):
    ...     inputs: int
    ...     outputs = property(lambda self: self.inputs)
    ...     def init(self, key):
    ...         return Params({"weight": jnp.ones(self.inputs)})
    ...     def current(self, params, spikes, keys):
    ...         return spikes * params.trained["weight"][None]
    >>> one, spikes = OneToOne(2), jnp.array([[[1.0, 0.0]], [[1.0, 1.0]]])
    >>> params = one.init(None)
    >>> state, current, arrived = one(params, one.init_state(1), spikes)
    >>> one.plasticity(params, arrived, 2.0 * spikes)
    {'weight': Array([4., 2.], dtype=float32)}
    """

    @abstractmethod
    def current(self, params: Params, spikes: jax.Array, keys: jax.Array | None) -> jax.Array:
        """Currents `[R, O]` of rows of spikes `[R, I]` with keys `[R]`, linear in `params.trained` and in the spikes.

        The keys are None where nothing is drawn.
        """

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (self.outputs,)

    @property
    def label(self) -> str:
        return str(self.outputs)

    def init_state(self, batch: int) -> Any:
        """Nothing is remembered."""
        del batch
        return ()

    def __call__(
        self, params: Params, state: Any, spikes: jax.Array, *, key: jax.Array | None = None, backward: Any = None
    ) -> tuple[Any, jax.Array, Any]:
        rows = spikes.reshape(-1, self.inputs)
        key = key if self.transmission.draws else None
        keys = None if key is None else key.reshape(-1)
        back = params.trained if backward is None else backward
        current: jax.Array = through(self, params.trained, back, params.fixed, rows, keys)
        return state, current.reshape(*spikes.shape[:-1], self.outputs), Arrived(spikes, key)

    @property
    def signals(self) -> int:
        """The inputs."""
        return self.inputs

    def signal(self, arrived: Arrived) -> jax.Array:
        """The spikes."""
        return arrived.spikes

    def plasticity(
        self,
        params: Params,
        arrived: Arrived,
        post: jax.Array,
        *,
        factor: jax.Array | None = None,
        gated: bool = False,
    ) -> Any:
        pre, post, keys = self._rows(arrived, post, factor, gated)
        one = self if gated else self.reliable()
        shapes = jax.tree.map(lambda w: jax.ShapeDtypeStruct(w.shape, post.dtype), params.trained)
        (update,) = jax.linear_transpose(lambda w: one.current(Params(w, params.fixed), pre, keys), shapes)(post)
        return update

    def transpose(self, params: Params, post: jax.Array) -> jax.Array:
        rows = post.reshape(-1, self.outputs)
        spikes, one = jax.ShapeDtypeStruct((rows.shape[0], self.inputs), rows.dtype), self.reliable()
        (pre,) = jax.linear_transpose(lambda s: one.current(params, s, None), spikes)(rows)
        return pre.reshape(*post.shape[:-1], self.inputs)

    def reliable(self) -> "LinearConnection":
        """Itself: spikes do cross."""
        return self

    def _rows(
        self, arrived: Arrived, post: jax.Array, factor: jax.Array | None, gated: bool
    ) -> tuple[jax.Array, jax.Array, jax.Array | None]:
        """Presynaptic `[R, I]` and postsynaptic factors `[R, O]` of an update, and keys `[R]` if it is gated."""
        pre = arrived.spikes if factor is None else factor
        keys = arrived.key.reshape(-1) if gated and arrived.key is not None else None
        return pre.reshape(-1, self.inputs), post.reshape(-1, self.outputs), keys
