"""The reference's generator, number for number, and how often keyed draws transmit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.nsat import pcg
from erbp_jax.nsat.draws import Keyed, Stream, Visit
from tests.nsat.reference import Pcg32

WORDS = {
    (0, 0): "e4c14788 379c6516 5c4ab3bb 601d23e0 1c382b8c d1faab16",
    (42, 54): "a15c02b7 7b47f409 ba1d3330 83d2f293 bfa4784b cbed606e",
}
BOUNDED = {
    (0, 0, 15): [13, 4, 7, 9, 12, 7, 7, 1, 0, 5, 14, 4, 0, 4, 9, 7, 0, 5, 12, 3],
    (0, 0, 1024): [904, 278, 955, 992, 908, 790, 557, 622],
    (42, 54, 15): [3, 12, 14, 10, 10, 1, 5, 0, 9, 14],
}


def first(n, draw, seed, sequence):
    return jax.jit(lambda s: jax.lax.scan(lambda s, _: draw(s), s, length=n)[1])(pcg.seed(seed, sequence))


@pytest.mark.parametrize(("start", "wanted"), WORDS.items())
def test_words(start, wanted):
    assert [f"{w:08x}" for w in first(6, pcg.word, *start).tolist()] == wanted.split()


@pytest.mark.parametrize(("start", "wanted"), BOUNDED.items())
def test_numbers_below_a_bound(start, wanted):
    *seeds, bound = start
    assert first(len(wanted), lambda s: pcg.bounded(s, jnp.int32(bound)), *seeds).tolist() == wanted


@pytest.mark.parametrize("start", [(2**64 - 1, 2**64 - 1), (2**63 + 12345, 2**33 + 7), (1, 0)])
def test_all_64_bits_of_seeds_count(start):
    oracle = Pcg32(*start)
    assert first(200, pcg.word, *start).tolist() == [oracle.raw() for _ in range(200)]


def test_words_that_would_bias_are_rejected():
    # 2**32 mod (3 * 2**29 + 1) rejects one word in four.
    bound, oracle = 3 * 2**29 + 1, Pcg32(5, 6)
    assert first(200, lambda s: pcg.bounded(s, jnp.int32(bound)), 5, 6).tolist() == [
        oracle.below(bound) for _ in range(200)
    ]


def test_a_stream_makes_the_reference_s_coarse_normal_numbers():
    sigma, oracle = jnp.full((5, 40), 1000, jnp.int32), Pcg32(3, 4)
    zero = jnp.zeros((1, 5, 40), jnp.int32)
    stream = Stream(3, 4)
    state, drawn = jax.jit(lambda s: stream.noise(s, jnp.int32(1), zero, sigma))(stream.init(1))
    wanted = np.array([[oracle.normal() * 1000 for _ in range(5)] for _ in range(40)]).T
    assert np.abs(np.asarray(drawn[0]) - wanted).max() <= 1.01  # truncated, and float32
    assert wanted.std() > 800
    # What comes next is the next number: the stream has moved as far as the oracle's.
    _, following = pcg.word(state.generator)
    assert int(following) == oracle.raw()


@pytest.mark.parametrize("fifteenths", [1, 6, 9, 14])
def test_keyed_draws_transmit_as_often_as_they_should(key, fifteenths):
    events, fan = 500, 200
    visit = Visit(jnp.zeros(events, jnp.int32), jnp.arange(events, dtype=jnp.int32), None)
    chance = jnp.full((events, fan), fifteenths, jnp.int32)
    keyed = Keyed()
    through = jax.jit(lambda t: keyed.transmit(key[None], t, visit, chance)[1])(jnp.int32(3))
    p, n = fifteenths / 15, events * fan
    assert abs(through.mean() - p) < 3 * np.sqrt(p * (1 - p) / n)
    # Nor do sources or synapses differ.
    assert abs(through.mean(0).std() / np.sqrt(p * (1 - p) / events) - 1) < 0.2
    assert abs(through.mean(1).std() / np.sqrt(p * (1 - p) / fan) - 1) < 0.2


def test_keyed_draws_are_certain_at_the_ends(key):
    visit = Visit(jnp.zeros(100, jnp.int32), jnp.arange(100, dtype=jnp.int32), None)
    through = Keyed().transmit(key[None], jnp.int32(3), visit, jnp.tile(jnp.array([0, 15], jnp.int32), (100, 50)))[1]
    np.testing.assert_array_equal(through, np.tile([False, True], (100, 50)))


def test_keyed_rounding_is_uniform_and_differs_between_sides_and_ticks(key):
    visit = Visit(jnp.zeros(100, jnp.int32), jnp.arange(100, dtype=jnp.int32), None)
    bits, keyed = jnp.full((100, 100), 4, jnp.int32), Keyed()

    def draw(tick, causal):
        return np.asarray(keyed.rounding(key[None], jnp.int32(tick), visit, bits, bits > 0, causal)[1])

    one = draw(3, True)
    counts = np.bincount(one.ravel(), minlength=16)
    assert len(counts) == 16
    assert ((counts - 625) ** 2 / 625).sum() < 37.7  # chi square, 15 degrees of freedom, p = 0.001
    for other in (draw(3, False), draw(4, True)):
        assert abs(np.mean(other == one) - 1 / 16) < 0.01
