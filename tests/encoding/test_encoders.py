import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.encoding import ExponentialEscape, LabelNeurons, Poisson, Regular
from erbp_jax.random import fold_each, hashed_words, words
from erbp_jax.simulate import encode

PIXELS = np.array([0, 20, 64, 110, 128, 161, 200, 255], np.uint8)


def spikes_of(encoder, image, key, steps):
    @jax.jit
    def run(image, key):
        state = encoder.init_state(image, fold_each(key, jnp.uint32(0)))
        return encode(encoder, state, image, key, jnp.arange(steps))[1]

    return np.asarray(run(image, key))


def population(key, copies=400):
    image = jnp.tile(jnp.asarray(PIXELS), (copies, 1))
    return image, jax.random.split(key, copies)


@pytest.mark.parametrize(("max_rate", "dead_time"), [(0.25, 0), (0.25, 3), (1.0, 0), (0.1, 2)])
def test_poisson_rate_is_linear_in_the_pixel_dead_time_included(key, max_rate, dead_time):
    image, keys = population(key)
    encoder = Poisson(max_rate, dead_time)
    spikes = spikes_of(encoder, image, keys, 400)
    rate = spikes[50:].mean((0, 1))
    hazard = np.asarray(encoder.hazard(jnp.asarray(PIXELS))) / 256.0
    exact = hazard / (1 + dead_time * hazard)
    np.testing.assert_allclose(rate, exact, atol=4e-3)
    np.testing.assert_allclose(exact, max_rate * PIXELS / 255.0, atol=1 / 256)
    assert rate[0] == 0.0


@pytest.mark.parametrize("encoder", [Poisson(0.25, 3), ExponentialEscape(dead_time=3)])
def test_dead_time_is_the_shortest_interval(key, encoder):
    image, keys = population(key, 20)
    spikes = spikes_of(encoder, image, keys, 300)
    intervals = np.concatenate(
        [np.diff(np.flatnonzero(spikes[:, b, n])) for b in range(20) for n in range(len(PIXELS))]
    )
    assert intervals.min() == 4


def test_regular_counts_are_within_one_of_the_rate(key):
    image, keys = population(key)
    encoder = Regular(0.5)
    spikes = spikes_of(encoder, image, keys, 100)
    rate = np.asarray(encoder.increment(jnp.asarray(PIXELS))) / 256.0
    assert np.abs(spikes.sum(0) - 100 * rate[None]).max() <= 1.0
    np.testing.assert_allclose(spikes.mean((0, 1)), rate, atol=2e-3)  # the phase is uniform
    np.testing.assert_allclose(rate, 0.5 * PIXELS / 255.0, atol=1 / 256)


def test_escape_rates_are_the_published_ones(key):
    """25 Hz at x = 0.5, 71 Hz at 0.63, 235 Hz at 1 with a dead time of 4 ms: at dt 0.1 ms, 1 / (4 ms + 1/r)."""
    image, keys = population(key, 100)
    encoder = ExponentialEscape(dt=0.1, dead_time=39)
    rate = 1e4 * spikes_of(encoder, image, keys, 5000)[500:].mean((0, 1))
    x = PIXELS / 256.0
    hazard = 100.0 * np.exp(10 * x - 6.3)
    want = np.where(PIXELS > 0, 1.0 / (4e-3 + 1.0 / hazard), 0.0)
    np.testing.assert_allclose(rate, want, rtol=0.06, atol=0.6)
    assert rate[4] == pytest.approx(25, abs=2)
    assert rate[5] == pytest.approx(71, abs=4)
    assert rate[7] == pytest.approx(235, abs=3)


@pytest.mark.parametrize("encoder", [Poisson(), Poisson(0.25, 3), Regular(), ExponentialEscape()])
def test_a_sample_has_the_same_spikes_whatever_the_batch(key, encoder):
    image, keys = population(key, 9)
    whole = spikes_of(encoder, image, keys, 30)
    for b in (0, 5):
        alone = spikes_of(encoder, image[b : b + 1], keys[b : b + 1], 30)
        np.testing.assert_array_equal(whole[:, b], alone[:, 0])


def test_label_neurons_fire_regularly_for_the_true_class_only():
    label = LabelNeurons(classes=3, period=4)
    spikes = np.stack([label.spikes(jnp.int32(t), jnp.array([2, 0])) for t in range(12)])
    np.testing.assert_array_equal(np.flatnonzero(spikes[:, 0, 2]), [0, 4, 8])
    assert spikes.sum() == 6
    assert label.rate == 0.25


@pytest.mark.parametrize(
    "make",
    [
        lambda: Poisson(0.0),
        lambda: Poisson(0.5, 3),
        lambda: Regular(1.0),
        lambda: ExponentialEscape(dt=0.0),
        lambda: LabelNeurons(10, 0),
    ],
)
def test_hyper_parameters_are_checked(make):
    with pytest.raises(ValueError, match="got"):
        make()


def test_words_are_uniform_and_differ_between_keys(key):
    drawn = np.asarray(words(jax.random.split(key, 50), 1000))
    assert np.unique(drawn).size > 49_990
    np.testing.assert_allclose(np.unpackbits(drawn.view(np.uint8)).mean(), 0.5, atol=2e-3)


def test_hashed_words_are_uniform_independent_and_pure(key):
    keys = jax.random.split(key, 8)
    units = jnp.arange(200)
    made = jax.jit(lambda t: hashed_words(keys[:, None], t, 3, units[None], n=64))
    a, b = (np.asarray(made(jnp.uint32(t))) for t in (10, 11))
    assert a.shape == (8, 200, 64)
    np.testing.assert_array_equal(a[3, 17], hashed_words(keys[3], jnp.uint32(10), 3, units[17], n=64))
    bits = ((a[..., None] >> np.arange(32, dtype=np.uint32)) & 1).astype(np.float64) - 0.5
    few = 4 / np.sqrt(a.size)
    assert np.abs(2 * bits.mean((0, 1, 2))).max() < few * 1.2  # each of the 32 bits
    later = ((b[..., None] >> np.arange(32, dtype=np.uint32)) & 1).astype(np.float64) - 0.5
    for x, y in ((bits[1:], bits[:-1]), (bits[:, 1:], bits[:, :-1]), (bits[:, :, 1:], bits[:, :, :-1]), (bits, later)):
        assert np.abs(4 * (x * y).mean()) < few
