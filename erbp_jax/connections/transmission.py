"""How a spike crosses a synapse: reliably, or with a chance that is drawn anew every time.

A transmission turns presynaptic spikes and a weight matrix into currents,

    current[r, o] = sum_i xi[r, i, o] * spikes[r, i] * weight[i, o],

where r runs over rows (ticks and samples) and xi is what the transmission draws. A spike is any number: 1 for most
neurons, a graded value where an input or a trace is handed over. A NaN or an infinity spreads as in the equation, also
where xi is 0. Rows have a key each. The masks are pure functions of (row key, synapse), so a rule that needs them again
draws the same ones.
"""

from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp

from erbp_jax.counting import walk_rows
from erbp_jax.declared import checked
from erbp_jax.random import hashed_words, nth_word, word_source

LEAST = 2.0**-32
"""Chance to transmit that a word of 32 bits can still draw."""


class Transmission(Protocol):
    """Synaptic transmission on a weight matrix `[I, O]`, for rows of spikes `[R, I]` with keys `[R]`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> blank_out = ej.BlankOut(0.5)
        >>> weight, spikes = jnp.ones((1000, 2)), jnp.ones((1, 1000))
        >>> current = blank_out.current(weight, spikes, jax.random.split(jax.random.key(0), 1))
        >>> bool((abs(current - blank_out.mean * 1000) < 100).all())  # more than six standard deviations
        True
    """

    @property
    def mean(self) -> float:
        """The mean of xi."""
        ...

    @property
    def draws(self) -> bool:
        """Whether keys are needed."""
        ...

    @property
    def by_events(self) -> bool:
        """Whether the work is that of the spikes."""
        ...

    @property
    def by_row(self) -> bool:
        """Whether every row draws for itself, so that it does not matter which rows are of one call."""
        ...

    def current(self, weight: jax.Array, spikes: jax.Array, key: jax.Array | None) -> jax.Array:
        """Postsynaptic currents `[R, O]`."""
        ...

    def outer(self, spikes: jax.Array, post: jax.Array, key: jax.Array | None) -> jax.Array:
        """`sum_r xi[r, i, o] spikes[r, i] post[r, o]`, `[I, O]`: a local update gated by transmission.

        Without a key it is not gated: xi = 1.
        """
        ...


@checked
@dataclass(frozen=True)
class Reliable:
    """Every spike is transmitted: xi = 1.

    With `by_events` the work is that of the spikes: the rows walk in lock-step through the lists of their spikes, one
    spike a turn. The same sums as the products, in another order; `benchmarks/events.py` has the crossover.

    Example:
        >>> import erbp_jax as ej
        >>> ej.Dense(784, 100).transmission
        Reliable(by_events=False)
        >>> ej.Dense(784, 100, transmission=ej.Reliable(by_events=True)).transmission.by_events
        True
    """

    by_events: bool = False

    @property
    def mean(self) -> float:
        return 1.0

    @property
    def draws(self) -> bool:
        return False

    @property
    def by_row(self) -> bool:
        return True

    def crosses(self, key: jax.Array | None, presynaptic: jax.Array, postsynaptic: jax.Array) -> jax.Array:
        """True for the synapses from units onto units, whose numbers broadcast."""
        del key
        return jnp.ones(jnp.broadcast_shapes(presynaptic.shape, postsynaptic.shape), bool)

    def current(self, weight: jax.Array, spikes: jax.Array, key: jax.Array | None = None) -> jax.Array:
        del key
        if not self.by_events:
            return spikes @ weight

        def arrive(current, unit, exists, value):
            return current + value * jnp.where(exists[:, None], weight[unit], 0.0)

        return walk_rows(spikes, arrive, jnp.zeros((spikes.shape[0], weight.shape[1]), weight.dtype))

    def outer(self, spikes: jax.Array, post: jax.Array, key: jax.Array | None = None) -> jax.Array:
        del key
        return _outer(spikes, post, self.by_events)


@checked
@dataclass(frozen=True)
class BlankOut:
    """Stochastic synapses: `xi ~ Bernoulli(p)`, independent for every synapse, presynaptic spike and row. Exact.

    Random numbers are drawn only where a spike arrives: the rows of the batch walk in lock-step through the lists of
    their spikes, one spike a turn, and the walk ends when the row with the most spikes is done. Memory is
    `[R, O]`, never `[R, I, O]`. Every synapse compares a word of its own, a hash of (row key, presynaptic unit,
    postsynaptic unit), with p; p is the *transmission* probability, used as a multiple of `2**-32`. Currents are always
    summed by events; with `by_events` updates that are not gated are, too.
    Source: Neftci et al. 2017 (eRBPx; "blank-out probability" in its table is the chance to transmit); Wan et al. 2013.

    Example:
        >>> import jax, jax.numpy as jnp, erbp_jax as ej
        >>> layer = ej.Dense(784, 100, transmission=ej.BlankOut(0.5))
        >>> spikes, keys = jnp.array([[1.0, 0.0], [1.0, 0.0]]), jax.random.split(jax.random.key(0), 2)
        >>> layer.transmission.current(jnp.ones((2, 6)), spikes, keys).tolist()  # each row draws its synapses
        [[0.0, 0.0, 1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0, 1.0, 1.0]]

    Raises:
        ValueError: a probability outside [0, 1].
    """

    p: float
    by_events: bool = False

    def __post_init__(self) -> None:
        _check_probability("BlankOut", self.p)

    @property
    def mean(self) -> float:
        return self.p

    @property
    def draws(self) -> bool:
        return True

    @property
    def by_row(self) -> bool:
        return True

    def mask(self, key: jax.Array, presynaptic: jax.Array, outputs: int) -> jax.Array:
        """`xi[*S, O]` as bool, for the synapses of presynaptic units under row keys, which broadcast to `S`."""
        if self.p == 1.0:
            shape = jnp.broadcast_shapes(key.shape, presynaptic.shape)
            return jnp.ones((*shape, outputs), bool)
        return hashed_words(key, presynaptic, n=outputs) < self._bound

    def crosses(self, key: jax.Array | None, presynaptic: jax.Array, postsynaptic: jax.Array) -> jax.Array:
        """xi as `mask` has it, for the synapses from units onto units under row keys; all broadcast."""
        if self.p == 1.0:
            return jnp.ones(jnp.broadcast_shapes(presynaptic.shape, postsynaptic.shape), bool)
        return nth_word(word_source(_need(key, "BlankOut"), presynaptic), postsynaptic) < self._bound

    @property
    def _bound(self) -> jax.Array:
        return jnp.uint32(min(round(self.p * 2**32), 2**32 - 1))

    def current(self, weight: jax.Array, spikes: jax.Array, key: jax.Array | None) -> jax.Array:
        if self.p == 1.0:
            return Reliable(self.by_events).current(weight, spikes)
        key = _need(key, "BlankOut")

        def arrive(current, unit, exists, value):
            mask = self.mask(key, unit, weight.shape[1])
            return current + value * jnp.where(mask & exists[:, None], weight[unit], 0.0)

        zero = jnp.zeros((spikes.shape[0], weight.shape[1]), weight.dtype)
        return walk_rows(spikes, arrive, zero)

    def outer(self, spikes: jax.Array, post: jax.Array, key: jax.Array | None) -> jax.Array:
        if key is None or self.p == 1.0:
            return _outer(spikes, post, self.by_events)

        def arrive(total, unit, exists, value):
            mask = self.mask(key, unit, post.shape[1])
            return total.at[unit].add(value * jnp.where(mask & exists[:, None], post, 0.0))

        zero = jnp.zeros((spikes.shape[1], post.shape[1]), post.dtype)
        return walk_rows(spikes, arrive, zero)


@checked
@dataclass(frozen=True)
class SharedBlankOut:
    """An approximation of `BlankOut`: one mask `[I, O]` for all rows of a call, drawn with the first row's key.

    Keeps the mean and the variance of every single current; loses the independence between the samples of a batch
    and between the ticks of a block, whose currents become correlated. As cheap as reliable transmission. Not for
    projections on a cycle, which a block goes through in several calls, unless p is 0 or 1; a ValueError says so.

    Example:
        >>> import jax, jax.numpy as jnp, erbp_jax as ej
        >>> layer = ej.Dense(784, 100, transmission=ej.SharedBlankOut(0.5))
        >>> spikes, keys = jnp.array([[1.0, 0.0], [1.0, 0.0]]), jax.random.split(jax.random.key(0), 2)
        >>> layer.transmission.current(jnp.ones((2, 6)), spikes, keys).tolist()  # the same for both rows
        [[0.0, 0.0, 1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0, 1.0, 0.0]]
    """

    p: float

    def __post_init__(self) -> None:
        _check_probability("SharedBlankOut", self.p)

    @property
    def mean(self) -> float:
        return self.p

    @property
    def draws(self) -> bool:
        return True

    @property
    def by_row(self) -> bool:
        return self.p in (0.0, 1.0)  # then all masks are the same

    @property
    def by_events(self) -> bool:
        return False

    def _mask(self, key: jax.Array | None, shape: tuple[int, ...]) -> jax.Array:
        return BlankOut(self.p).mask(_need(key, "SharedBlankOut")[0], jnp.arange(shape[0], dtype=jnp.int32), shape[1])

    def current(self, weight: jax.Array, spikes: jax.Array, key: jax.Array | None) -> jax.Array:
        return spikes @ jnp.where(self._mask(key, weight.shape), weight, 0.0)

    def outer(self, spikes: jax.Array, post: jax.Array, key: jax.Array | None) -> jax.Array:
        if key is None:
            return _outer(spikes, post)
        mask = self._mask(key, (spikes.shape[1], post.shape[1]))
        update = _outer(spikes, post)
        return jnp.where(mask, update, jnp.abs(0.0 * update))  # not plainly 0: a NaN spreads, as in the equation


def _outer(spikes: jax.Array, post: jax.Array, by_events: bool = False) -> jax.Array:
    """`sum_r spikes[r, i] post[r, o]`, `[I, O]`."""
    if not by_events:
        return spikes.T @ post
    inputs = spikes.shape[1]

    def arrive(total, unit, exists, value):
        return total.at[jnp.where(exists, unit, inputs)].add(value * post, mode="drop")

    return walk_rows(spikes, arrive, jnp.zeros((inputs, post.shape[1]), post.dtype))


def _check_probability(name: str, p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"{name}: the transmission probability must be in [0, 1], got {p}")
    if 0.0 < p < LEAST:
        raise ValueError(f"{name}: the transmission probability must be 0 or at least {LEAST:.3g}, got {p}")


def _need(key: jax.Array | None, name: str) -> jax.Array:
    if key is None:
        raise ValueError(f"{name}: stochastic transmission needs a key")
    return key
