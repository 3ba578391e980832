"""Cheap, reproducible random bits.

Every random number is a pure function of (seed, stream, epoch, sample, tick, layer), never of call order, batch
size, chunking or device count. The generator is JAX's Threefry; what is added here is the packing: one 32-bit
word serves four 8-bit comparisons, or 32 one-bit ones, because random bits are a large share of the cost of a
stochastic network on a CPU.

A *key array* has the leading (batch) axes of the data that it serves: `key[B]` for `spikes[B, N]`.

No global setting of JAX changes a number: what `jax.random` draws is drawn here, under settings of our own (`settled`).
The rest of the package calls nothing of `jax.random` but `fold_in`, which depends on no setting.
"""

import math
from enum import IntEnum

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.random import threefry_2x32

from erbp_jax.settings import settled

IMPL = "threefry2x32"
"""The generator of every key."""


class Stream(IntEnum):
    """What a key is for; folded in first, so that no two purposes ever share a random number."""

    INIT = 0
    FEEDBACK = 1
    SHUFFLE = 2
    TRAIN = 3
    TEST = 4
    ALIGNMENT = 5
    SHIFT = 6
    AVERAGE = 7


def new_key(seed: int | jax.Array) -> jax.Array:
    """The key `[]` of a seed, of which the lower 32 bits count."""
    return jax.random.key(np.uint32(seed % 2**32) if isinstance(seed, int) else seed, impl=IMPL)


def root_key(seed: int | jax.Array, stream: Stream) -> jax.Array:
    """The key `[]` of one stream of one seed."""
    return jax.random.fold_in(new_key(seed), int(stream))


def sample_keys(seed: jax.Array, stream: Stream, epoch: jax.Array, index: jax.Array) -> jax.Array:
    """The keys `[B]` of samples: functions of seed, epoch and the sample's place in the data set alone."""
    return fold_each(jax.random.fold_in(root_key(seed, stream), epoch), index.astype(jnp.uint32))


def check_keys(name: str, key: jax.Array, shape: tuple[int, ...]) -> None:
    """Refuse what is no array of Threefry keys of this shape: `()`, `(B,)` of samples or `(k, B)` of ticks and samples.

    Raises:
        ValueError: untyped keys (uint32), another generator, another shape; says what was given.
    """
    dtype, given = getattr(key, "dtype", None), tuple(getattr(key, "shape", ()))
    if dtype is None or not jnp.issubdtype(dtype, jax.dtypes.prng_key):
        what = type(key).__name__ if dtype is None else f"{dtype} {list(given)}"
        raise ValueError(
            f"{name}: keys must be typed, of jax.random.key(seed, impl={IMPL!r}); got {what}; "
            "jax.random.wrap_key_data types the old ones"
        )
    if str(jax.random.key_impl(key)) != IMPL:
        raise ValueError(f"{name}: keys must be of the generator {IMPL}, got {jax.random.key_impl(key)}")
    if given != shape:
        wanted = ("one key", "one key for each sample", "one key for each tick and sample")[len(shape)]
        raise ValueError(f"{name}: {wanted}, shape {list(shape)}, got {list(given)}")


def fold_each(keys: jax.Array, data: jax.Array) -> jax.Array:
    """Fold `data[...]` (uint32-like) into `keys[...]` element by element; shapes broadcast."""
    shape = jnp.broadcast_shapes(keys.shape, data.shape)
    flat = jax.vmap(jax.random.fold_in)(
        jnp.broadcast_to(keys, shape).reshape(-1), jnp.broadcast_to(data, shape).reshape(-1)
    )
    return flat.reshape(shape)


def words(key: jax.Array, n: int) -> jax.Array:
    """Independent uniform words, uint32 `[*key.shape, n]`."""
    count = jnp.arange(n, dtype=jnp.uint32)
    flat = jax.random.key_data(key).reshape(-1, 2)
    return jax.vmap(lambda k: threefry_2x32(k, count))(flat).reshape(*key.shape, n)


def _mixed(word: jax.Array) -> jax.Array:
    """Murmur3's finaliser: every bit of a uint32 word depends on every other."""
    word = (word ^ (word >> 16)) * jnp.uint32(0x85EBCA6B)
    word = (word ^ (word >> 13)) * jnp.uint32(0xC2B2AE35)
    return word ^ (word >> 16)


def hashed_words(key: jax.Array, *numbers: jax.Array | int, n: int) -> jax.Array:
    """n words for each combination of a key and numbers, uint32 `[*S, n]`; keys and numbers broadcast to `S`.

    A hash, not Threefry: cheaper, and one fused loop on a CPU, where Threefry is a loop of many kernels. The numbers
    are absorbed into the two halves of the key one by one; the words are a Weyl sequence from the first half, with the
    second half laid over it, mixed. For one-off decisions, such as whether a synapse transmits a spike.
    """
    a, b = word_source(key, *numbers)
    count = jax.lax.broadcasted_iota(jnp.uint32, (*a.shape, n), a.ndim)
    return nth_word((a[..., None], b[..., None]), count)


def word_source(key: jax.Array, *numbers: jax.Array | int) -> tuple[jax.Array, jax.Array]:
    """Where the words of `hashed_words` come from, uint32 `[*S]` twice: for taking them one by one."""
    data = jax.random.key_data(key)
    a, b = data[..., 0], data[..., 1]
    for number in numbers:
        absorbed = jnp.asarray(number).astype(jnp.uint32)
        a = _mixed(a ^ (absorbed * jnp.uint32(0x9E3779B9)))
        b = _mixed(b + absorbed + a)
    return a, b


def nth_word(source: tuple[jax.Array, jax.Array], n: jax.Array | int) -> jax.Array:
    """The n-th word (from 0) of a source, uint32."""
    a, b = source
    return _mixed((a + jnp.asarray(n).astype(jnp.uint32) * jnp.uint32(0x9E3779B9)) ^ b)


def uniform_bytes(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Independent uniform bytes, uint8 `[*key.shape, *shape]`: four to a generated word."""
    n = math.prod(shape)
    octets = jax.lax.bitcast_convert_type(words(key, -(-n // 4)), jnp.uint8)
    return octets.reshape(*key.shape, -1)[..., :n].reshape(*key.shape, *shape)


def uniform_words(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Independent uniform words, uint32 `[*key.shape, *shape]`."""
    return words(key, math.prod(shape)).reshape(*key.shape, *shape)


def uniform(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Independent uniform float32 in [0, 1) with 24 random bits, `[*key.shape, *shape]`."""
    return unit_interval(uniform_words(key, shape))


def unit_interval(word: jax.Array) -> jax.Array:
    """Uniform words `[...]` as float32 in [0, 1), by their upper 24 bits."""
    return (word >> 8).astype(jnp.float32) * jnp.float32(2.0**-24)


@settled
def normal(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Independent standard normal float32, `[*key.shape, *shape]`."""
    flat = jax.vmap(lambda k: jax.random.normal(k, shape, jnp.float32))(key.reshape(-1))
    return flat.reshape(*key.shape, *shape)


@settled
def split(key: jax.Array, n: int | tuple[int, ...]) -> jax.Array:
    """n keys, or keys of a shape, from one key `[]`."""
    return jax.random.split(key, n)


@settled
def between(key: jax.Array, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> jax.Array:
    """Uniform float32 in [low, high), of `shape`, from one key `[]`: weights to begin with, and the like."""
    return jax.random.uniform(key, shape, jnp.float32, low, high)


@settled
def integers(key: jax.Array, shape: tuple[int, ...], low: int, high: int) -> jax.Array:
    """Uniform int32 in {low, ..., high - 1}, of `shape`, from one key `[]`."""
    return jax.random.randint(key, shape, low, high, jnp.int32)


def bernoulli(key: jax.Array, chance: jax.Array | float, shape: tuple[int, ...] | None = None) -> jax.Array:
    """Bools that are true with a chance, of `shape` or that of `chance`, from one key `[]`."""
    return between(key, jnp.shape(chance) if shape is None else shape) < chance


@settled
def permutation(key: jax.Array, n: int) -> jax.Array:
    """The numbers 0 to n - 1 in random order, int32 `[n]`, from one key `[]`."""
    return jax.random.permutation(key, jnp.arange(n, dtype=jnp.int32))


def below(octets: jax.Array, threshold: jax.Array) -> jax.Array:
    """`octets < threshold` for uint8 words and integer thresholds in [0, 256], without widening the words.

    256 does not fit into eight bits, so the comparison is made with `threshold - 1` where that exists.
    """
    last = jnp.maximum(threshold, 1) - 1
    return (octets <= last.astype(jnp.uint8)) & (threshold > 0)


def binary_fraction(probability: float, bits: int) -> tuple[int, int]:
    """The nearest `k / 2**m`, m <= bits, to a probability, in lowest terms: `(k, m)`."""
    k = round(probability * 2**bits)
    m = bits
    while m > 0 and k % 2 == 0:
        k //= 2
        m -= 1
    return k, m


def packed_bernoulli(draws: list[jax.Array], k: int) -> jax.Array:
    """Bits that are 1 with probability `k / 2**m`, from m arrays of uniform words; 32 results to a word.

    Horner's rule on the binary digits of the probability, lowest first: with r so far, digit 1 makes `w | r`
    (probability 1/2 + P/2) and digit 0 makes `w & r` (P/2). Two-valued probabilities cost one word for 32 synapses.
    """
    m = len(draws)
    result = jnp.zeros_like(draws[0])
    for digit, word in enumerate(draws):
        result = word | result if (k >> digit) & 1 else word & result
    assert 0 < k < 2**m
    return result
