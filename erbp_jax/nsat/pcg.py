"""PCG32 (XSH-RR 64/32), the generator of the reference simulator, in 32-bit words so that it needs no 64-bit mode.

O'Neill 2014, "PCG: a family of simple fast space-efficient statistically good algorithms for random number generation".
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

MULTIPLIER = 6364136223846793005


class Wide(NamedTuple):
    """An unsigned 64-bit number."""

    high: jax.Array  # uint32
    low: jax.Array  # uint32


class State(NamedTuple):
    state: Wide
    increment: Wide  # odd


def _wide(value: int) -> Wide:
    return Wide(jnp.uint32(value >> 32 & 0xFFFFFFFF), jnp.uint32(value & 0xFFFFFFFF))


def _add(a: Wide, b: Wide) -> Wide:
    low = a.low + b.low
    return Wide(a.high + b.high + (low < a.low).astype(jnp.uint32), low)


def _multiply(a: Wide, b: Wide) -> Wide:
    """The low 64 bits of a product."""
    mask, half = jnp.uint32(0xFFFF), jnp.uint32(16)
    a0, a1, b0, b1 = a.low & mask, a.low >> half, b.low & mask, b.low >> half
    lowest, cross = a0 * b0, a1 * b0
    middle = cross + (lowest >> half)
    second = a0 * b1 + (middle & mask)
    low = (second << half) | (lowest & mask)
    high = a1 * b1 + (middle >> half) + (second >> half) + a.low * b.high + a.high * b.low
    return Wide(high, low)


def _step(state: State) -> State:
    return State(_add(_multiply(state.state, _wide(MULTIPLIER)), state.increment), state.increment)


def seed(state: int = 0, sequence: int = 0) -> State:
    """The stream that the reference starts with `(state, sequence)`."""
    made = _step(State(_wide(0), _wide((sequence << 1 | 1) & (2**64 - 1))))
    return _step(State(_add(made.state, _wide(state)), made.increment))


def word(state: State) -> tuple[State, jax.Array]:
    """The next 32 bits, uint32 `[]`."""
    old = state.state
    # ((old >> 18) ^ old) >> 27, low word
    high = (old.high >> 18) ^ old.high
    low = ((old.low >> 18) | (old.high << 14)) ^ old.low
    shifted = (low >> 27) | (high << 5)
    turn = old.high >> 27
    output = (shifted >> turn) | (shifted << ((jnp.uint32(32) - turn) & jnp.uint32(31)))
    return _step(state), output


def bounded(state: State, bound: jax.Array) -> tuple[State, jax.Array]:
    """The next number in `[0, bound)`, int32 `[]`: words below `2**32 mod bound` are rejected."""
    bound = bound.astype(jnp.uint32)
    smallest = (jnp.uint32(0) - bound) % bound
    state, first = word(state)

    def again(loop):
        return word(loop[0])

    state, accepted = jax.lax.while_loop(lambda loop: loop[1] < smallest, again, (state, first))
    return state, (accepted % bound).astype(jnp.int32)
