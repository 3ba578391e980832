"""Where a machine's random numbers come from: JAX keys, arrays that were recorded elsewhere, or one PCG32 stream.

Three things are random: noise on states, transmission (a draw in 0..14 below `probability`), and the rounding of
weight changes (a draw in `[0, 2**bits)`). A source sees events in the order in which the reference visits them; lists
`[E]` of events have the row R where there is none, fans `[E, F]` the synapse M.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from erbp_jax.nsat import pcg
from erbp_jax.random import fold_each, hashed_words, normal


class Visit(NamedTuple):
    """Synapses that a list of events visits."""

    rows: jax.Array  # [E] replica
    units: jax.Array  # [E] source
    synapse: jax.Array | None  # [E, F] row of the program's tables; None for blocks, which keyed draws alone use


class Draws(Protocol):
    """A source of random numbers. Its state travels with the machine's."""

    in_order: bool  # whether results depend on the order of visits, so that only the padded table may be used

    def init(self, replicas: int) -> Any: ...

    def noise(self, state: Any, tick: jax.Array, y: jax.Array, sigma: jax.Array) -> tuple[Any, jax.Array]:
        """`trunc(y + N(0, 1) sigma)` of the states `y[R, S, N]` where `sigma[S, N]` is not 0."""
        ...

    def transmit(self, state: Any, tick: jax.Array, visit: Visit, probability: jax.Array) -> tuple[Any, jax.Array]:
        """bool `[E, F]`; `probability[E, F]` in fifteenths."""
        ...

    def rounding(
        self, state: Any, tick: jax.Array, visit: Visit, bits: jax.Array, wanted: jax.Array, causal: bool
    ) -> tuple[Any, jax.Array]:
        """int32 `[E, F]` in `[0, 2**bits)` where `wanted[E, F]`."""
        ...

    def words(self, state: Any, tick: jax.Array, block: int, rows: jax.Array, units: jax.Array, n: int) -> jax.Array:
        """uint32 `[E, n]` for the synapses of a block; sources that are `in_order` have none."""
        ...


def _truncated(y: jax.Array, z: jax.Array, sigma: jax.Array) -> jax.Array:
    """The sum is truncated, not the noise: a pull of half a unit toward 0."""
    sigma = sigma[None]
    noisy = jnp.trunc(y.astype(jnp.float32) + z * sigma.astype(jnp.float32)).astype(jnp.int32)
    return jnp.where(sigma != 0, noisy, y)


@dataclass(frozen=True)
class Keyed:
    """Independent draws for every machine copy, tick and synapse, from one key per copy: pure functions, in any order.

    An axon that is listed twice in one tick draws the same numbers twice.
    """

    in_order = False

    def init(self, replicas: int) -> None:
        del replicas

    def noise(self, state, tick, y, sigma):
        keys = fold_each(state, tick.astype(jnp.uint32))
        return state, _truncated(y, normal(keys, y.shape[1:]), sigma)

    @staticmethod
    def _words(keys, tick, purpose, rows, units, n):
        return hashed_words(keys[jnp.minimum(rows, keys.shape[0] - 1)], tick, purpose, units, n=n)

    def words(self, state, tick, block, rows, units, n):
        return self._words(state, tick, 4 + block, rows, units, n)

    def transmit(self, state, tick, visit, probability):
        words = self._words(state, tick, 1, visit.rows, visit.units, probability.shape[1])
        below = words < probability.astype(jnp.uint32) * jnp.uint32(2**32 // 15)
        return state, below | (probability == 15)

    def rounding(self, state, tick, visit, bits, wanted, causal):
        del wanted
        words = self._words(state, tick, 2 if causal else 3, visit.rows, visit.units, bits.shape[1])
        return state, (words & ((jnp.uint32(1) << bits.astype(jnp.uint32)) - jnp.uint32(1))).astype(jnp.int32)


class Recording(NamedTuple):
    """Recorded random numbers, for one copy of the machine."""

    noise: jax.Array  # [T, S, N]
    transmitted: jax.Array  # [T, M + 1]
    rounding: jax.Array  # [T, M + 1, 2]


@dataclass(frozen=True)
class Recorded:
    """Draws from a `Recording`, which is the state."""

    in_order = True  # recordings are indexed by synapse, which the padded table alone knows

    def init(self, replicas: int) -> None:
        del replicas
        raise ValueError("Recorded draws need a recording as their state")

    def words(self, state, tick, block, rows, units, n):
        del state, tick, block, rows, units, n
        raise TypeError("draws in order know no blocks")

    def noise(self, state, tick, y, sigma):
        return state, jnp.where(sigma[None] != 0, y + state.noise[tick][None], y)

    def transmit(self, state, tick, visit, probability):
        # A synapse that certainly transmits, or not, draws nothing, and recordings may say so with -1.
        drawn = state.transmitted[tick][visit.synapse] == 1
        return state, jnp.where(probability == 15, True, jnp.where(probability == 0, False, drawn))

    def rounding(self, state, tick, visit, bits, wanted, causal):
        del bits, wanted
        return state, state.rounding[tick, visit.synapse, 0 if causal else 1]


class StreamState(NamedTuple):
    generator: pcg.State
    spare: jax.Array  # [] float32, the sine value that the next request for noise takes
    has_spare: jax.Array  # [] bool


@dataclass(frozen=True)
class Stream:
    """One PCG32 stream in the order of the reference, for one copy of the machine; slow, one draw after the other."""

    seed: int = 0
    sequence: int = 0
    in_order = True

    def init(self, replicas: int) -> StreamState:
        if replicas != 1:
            raise ValueError(f"a PCG32 stream serves one copy of the machine, got replicas={replicas}")
        return StreamState(pcg.seed(self.seed, self.sequence), jnp.float32(0), jnp.bool_(False))

    def words(self, state, tick, block, rows, units, n):
        del state, tick, block, rows, units, n
        raise TypeError("draws in order know no blocks")

    def noise(self, state, tick, y, sigma):
        del tick

        def one(state, s):
            state, z = jax.lax.cond(s != 0, _gaussian, lambda st: (st, jnp.float32(0)), state)
            return state, z

        state, z = jax.lax.scan(one, state, sigma.T.reshape(-1))  # neuron by neuron, state by state
        return state, _truncated(y, z.reshape(sigma.shape[::-1]).T[None], sigma)

    def transmit(self, state, tick, visit, probability):
        del tick
        draws = (visit.rows == 0)[:, None] & (probability > 0) & (probability < 15)
        state, drawn = _bounded(state, draws, jnp.full(probability.shape, 15, jnp.int32))
        return state, jnp.where(probability == 15, True, drawn < probability)

    def rounding(self, state, tick, visit, bits, wanted, causal):
        del tick, visit, causal
        return _bounded(state, wanted, jnp.int32(1) << bits)


def _bounded(state: StreamState, wanted: jax.Array, bound: jax.Array) -> tuple[StreamState, jax.Array]:
    """One draw below `bound[E, F]` after the other where wanted, 0 elsewhere."""

    def one(generator, operand):
        wanted, bound = operand
        return jax.lax.cond(wanted, pcg.bounded, lambda g, _: (g, jnp.int32(0)), generator, bound)

    generator, drawn = jax.lax.scan(one, state.generator, (wanted.reshape(-1), bound.reshape(-1)))
    return state._replace(generator=generator), drawn.reshape(wanted.shape)


def _gaussian(state: StreamState) -> tuple[StreamState, jax.Array]:
    """Box-Muller on two draws of 100; the cosine value first, the sine value at the next request."""

    def fresh(state):
        def draw(loop):
            generator, *_ = loop
            generator, u = pcg.bounded(generator, jnp.int32(100))
            generator, v = pcg.bounded(generator, jnp.int32(100))
            return generator, u, v

        generator, u, v = jax.lax.while_loop(
            lambda loop: loop[1] == 0, draw, (state.generator, jnp.int32(0), jnp.int32(0))
        )
        radius = jnp.sqrt(-2.0 * jnp.log(u.astype(jnp.float32) / 100))
        angle = 2.0 * jnp.pi * (v.astype(jnp.float32) / 100)
        return StreamState(generator, radius * jnp.sin(angle), jnp.bool_(True)), radius * jnp.cos(angle)

    def spare(state):
        return state._replace(has_spare=jnp.bool_(False)), state.spare

    return jax.lax.cond(state.has_spare, spare, fresh, state)
