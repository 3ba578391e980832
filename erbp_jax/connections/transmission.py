"""How a spike crosses a synapse: reliably, or with a chance that is drawn anew every time.

A transmission turns presynaptic spikes and a weight matrix into currents,

    current[r, o] = sum_i xi[r, i, o] * spikes[r, i] * weight[i, o],

where r runs over rows (ticks and samples) and xi is what the transmission draws. Rows have a key each. The masks are
pure functions of (row key, synapse), so a rule that needs them again draws the same ones.
"""

from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp

from erbp_jax.counting import running_count
from erbp_jax.random import binary_fraction, normal, numbered_words, packed_bernoulli, unpack_bits


class Transmission(Protocol):
    """Synaptic transmission on a weight matrix `[I, O]`, for rows of spikes `[R, I]` with keys `[R]`."""

    @property
    def mean(self) -> float:
        """The mean of xi."""
        ...

    @property
    def has_masks(self) -> bool:
        """Whether xi is drawn synapse by synapse, so that `outer` can be gated by it."""
        ...

    def current(self, weight: jax.Array, spikes: jax.Array, key: jax.Array | None) -> jax.Array:
        """Postsynaptic currents `[R, O]`."""
        ...

    def outer(self, spikes: jax.Array, post: jax.Array, key: jax.Array | None) -> jax.Array:
        """`sum_r xi[r, i, o] spikes[r, i] post[r, o]`, `[I, O]`: a local update gated by transmission."""
        ...


@dataclass(frozen=True)
class Reliable:
    """Every spike is transmitted: xi = 1."""

    @property
    def mean(self) -> float:
        return 1.0

    @property
    def has_masks(self) -> bool:
        return True

    def current(self, weight: jax.Array, spikes: jax.Array, key: jax.Array | None = None) -> jax.Array:
        del key
        return spikes @ weight

    def outer(self, spikes: jax.Array, post: jax.Array, key: jax.Array | None = None) -> jax.Array:
        del key
        return spikes.T @ post


@dataclass(frozen=True)
class BlankOut:
    """Stochastic synapses: `xi ~ Bernoulli(p)`, independent for every synapse, presynaptic spike and row. Exact.

    Random numbers are drawn only where a spike arrives: the rows of the batch walk in lock-step through the lists of
    their spikes, a few spikes a turn, and the walk ends when the row with the most spikes is done. Memory is
    `[R, O]`, never `[R, I, O]`. A probability that needs m binary digits costs m random bits a synapse (0.5 costs
    one); p is the *transmission* probability, used as a multiple of `2**-bits`.
    Source: Neftci et al. 2017 (eRBPx; "blank-out probability" in its table is the chance to transmit); Wan et al. 2013.

    Raises:
        ValueError: a probability outside [0, 1], or more than 32 bits.
    """

    p: float
    bits: int = 8
    spikes_per_turn: int = 4

    def __post_init__(self) -> None:
        _check_probability("BlankOut", self.p)
        if not 1 <= self.bits <= 32:
            raise ValueError(f"BlankOut: bits must be in [1, 32], got {self.bits}")

    @property
    def probability(self) -> float:
        """The probability in use: p rounded to a multiple of `2**-bits`."""
        k, m = binary_fraction(self.p, self.bits)
        return k / 2**m

    @property
    def mean(self) -> float:
        return self.probability

    @property
    def has_masks(self) -> bool:
        return True

    def mask(self, key: jax.Array, presynaptic: jax.Array, outputs: int) -> jax.Array:
        """`xi[R, C, O]` as bool, for the synapses of the presynaptic units `[R, C]` under the row keys `[R]`."""
        k, m = binary_fraction(self.p, self.bits)
        if m == 0:
            return jnp.full((*presynaptic.shape, outputs), k == 1)
        packed = -(-outputs // 32)
        draws = numbered_words(key, presynaptic, m * packed)
        chosen = packed_bernoulli([draws[..., d * packed : (d + 1) * packed] for d in range(m)], k)
        return unpack_bits(chosen, outputs)

    def current(self, weight: jax.Array, spikes: jax.Array, key: jax.Array | None) -> jax.Array:
        if self.probability == 1.0:
            return Reliable().current(weight, spikes)
        key = _need(key, "BlankOut")

        def turn(current, units, arrived):
            mask = self.mask(key, units, weight.shape[1])
            through = jnp.where(mask & arrived[..., None], weight[units], 0.0)
            return current + through.sum(1)

        zero = jnp.zeros((spikes.shape[0], weight.shape[1]), weight.dtype)
        return _walk_spikes(spikes, self.spikes_per_turn, turn, zero)

    def outer(self, spikes: jax.Array, post: jax.Array, key: jax.Array | None) -> jax.Array:
        if self.probability == 1.0:
            return Reliable().outer(spikes, post)
        key = _need(key, "BlankOut")

        def turn(total, units, arrived):
            mask = self.mask(key, units, post.shape[1])
            through = jnp.where(mask & arrived[..., None], post[:, None], 0.0)
            return total.at[units].add(through)

        zero = jnp.zeros((spikes.shape[1], post.shape[1]), post.dtype)
        return _walk_spikes(spikes, self.spikes_per_turn, turn, zero)


@dataclass(frozen=True)
class SharedBlankOut:
    """A stand-in for `BlankOut`: one mask `[I, O]` for all rows of a call, drawn with the first row's key.

    Keeps the mean and the variance of every single current; loses the independence between the samples of a batch
    and between the ticks of a block, whose currents become correlated. As cheap as reliable transmission.
    """

    p: float

    def __post_init__(self) -> None:
        _check_probability("SharedBlankOut", self.p)

    @property
    def mean(self) -> float:
        return BlankOut(self.p).probability

    @property
    def has_masks(self) -> bool:
        return True

    def _mask(self, key: jax.Array | None, shape: tuple[int, ...]) -> jax.Array:
        return BlankOut(self.p).mask(_need(key, "SharedBlankOut")[:1], jnp.arange(shape[0])[None], shape[1])[0]

    def current(self, weight: jax.Array, spikes: jax.Array, key: jax.Array | None) -> jax.Array:
        return spikes @ jnp.where(self._mask(key, weight.shape), weight, 0.0)

    def outer(self, spikes: jax.Array, post: jax.Array, key: jax.Array | None) -> jax.Array:
        mask = self._mask(key, (spikes.shape[1], post.shape[1]))
        return jnp.where(mask, spikes.T @ post, 0.0)


@dataclass(frozen=True)
class GaussianBlankOut:
    """A stand-in for `BlankOut`: a normal current with the same mean and variance, two products a call.

    `N(p sum_i s_i w_io, p (1 - p) sum_i s_i w_io^2)`, independent for every row and output. Loses the shape of the
    distribution when few spikes arrive; has no masks, so it cannot gate learning.
    """

    p: float

    def __post_init__(self) -> None:
        _check_probability("GaussianBlankOut", self.p)

    @property
    def mean(self) -> float:
        return self.p

    @property
    def has_masks(self) -> bool:
        return False

    def current(self, weight: jax.Array, spikes: jax.Array, key: jax.Array | None) -> jax.Array:
        mean = self.p * (spikes @ weight)
        variance = self.p * (1.0 - self.p) * (spikes @ (weight * weight))
        return mean + jnp.sqrt(variance) * normal(_need(key, "GaussianBlankOut"), mean.shape[1:]).astype(mean.dtype)

    def outer(self, spikes: jax.Array, post: jax.Array, key: jax.Array | None) -> jax.Array:
        del spikes, post, key
        raise ValueError("GaussianBlankOut draws no masks: learning cannot be gated by transmission")


def _walk_spikes(spikes, per_turn, turn, carry):
    """Fold `turn(carry, units[R, c], arrived[R, c])` over the spikes of every row, c spikes a turn.

    The j-th spike of a row is found by binary search in the running count of its spikes.
    """
    rank = running_count(spikes != 0)  # [R, I]
    total = rank[:, -1]
    last = spikes.shape[1] - 1

    def body(loop):
        first, carry = loop
        j = first + jnp.arange(per_turn)
        units = jax.vmap(lambda row: jnp.searchsorted(row, j + 1, side="left"))(rank)
        return first + per_turn, turn(carry, jnp.minimum(units, last), j[None] < total[:, None])

    _, carry = jax.lax.while_loop(lambda loop: loop[0] < total.max(), body, (jnp.int32(0), carry))
    return carry


def _check_probability(name: str, p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"{name}: the transmission probability must be in [0, 1], got {p}")


def _need(key: jax.Array | None, name: str) -> jax.Array:
    if key is None:
        raise ValueError(f"{name}: stochastic transmission needs a key")
    return key
