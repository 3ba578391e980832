"""Rates against an oracle in float64: from the chance or the increment that an encoder works with, and by counting."""

import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.encoding import Analog, ExponentialEscape, LabelNeurons, Poisson, Regular
from erbp_jax.encoding.rates import LEAST_RATE
from erbp_jax.random import fold_each, uniform_bytes
from erbp_jax.simulate import encode
from tests.command_line import call

PIXELS = np.arange(256)
IMAGE = jnp.arange(256, dtype=jnp.uint8)[None]
HERTZ = (0.01, 1.9, 3.0, 15.0, 19.0, 20.0, 30.0, 59.0, 100.0, 195.0, 250.0, 500.0)
MS = (0.001, 0.01, 0.1, 0.5, 1.0)


def spikes_of(encoder, key, ticks, image=IMAGE):
    @jax.jit
    def run(key):
        state = encoder.init_state(image, fold_each(key, jnp.uint32(0)))
        return encode(encoder, state, image, key, jnp.arange(ticks))[1]

    return np.asarray(run(jax.random.split(key, len(image))))


def drawn_rate(encoder):
    """Spikes per tick of every pixel, as an exact sum over the words that `step` compares."""
    if isinstance(encoder, Regular):
        return np.asarray(encoder.increment(IMAGE[0]), np.float64) / 2.0**encoder.bits
    if isinstance(encoder, Poisson):
        chance = np.asarray(encoder.hazard(IMAGE[0])) / 256 if encoder.bits == 8 else encoder._words / 2.0**32
    else:
        chance = np.ceil(np.asarray(encoder.probability(IMAGE[0]), np.float64) * 2**24) / 2**24
        chance = chance if encoder.bits == 24 else np.round(encoder._chance * 2.0**32) / 2.0**32
    return chance / (1 + encoder.dead_time * chance)


def within_a_percent(got, asked):
    assert np.abs(got - asked).max() <= 0.01 * asked.max()
    assert got[asked.argmax()] == pytest.approx(asked.max(), rel=0.01)


@pytest.mark.parametrize(("hertz", "dt"), list(itertools.product(HERTZ, MS)))
def test_every_pixel_has_the_rate_that_is_asked_for(hertz, dt):
    rate = hertz * 1e-3 * dt
    asked = rate * PIXELS / 255
    if rate < LEAST_RATE:
        for make in (Poisson, Regular):
            with pytest.raises(ValueError, match=f"{LEAST_RATE:.4g}"):
                make(rate)
        return
    within_a_percent(drawn_rate(Regular(rate)), asked)
    for dead_time in (0, 1, 3, 39, 300, 70_000):
        if rate <= 1 / (dead_time + 1):
            within_a_percent(drawn_rate(Poisson(rate, dead_time)), asked)
    for dead_time in (3, 39, 255, 256, 70_000):  # the shortest interval that there is
        within_a_percent(drawn_rate(Poisson(1 / (dead_time + 1), dead_time)), PIXELS / 255 / (dead_time + 1))


@pytest.mark.parametrize("dt", [1e-4, 1e-3, 0.1, 1.0])
@pytest.mark.parametrize("constants", [{}, {"base_rate": 0.1}, {"slope": 1e-3}, {"beta": -0.5, "gamma": 0.3}])
def test_escape_has_the_rates_of_its_equations(dt, constants):
    encoder = ExponentialEscape(dt=dt, dead_time=round(3 / dt), **constants)
    e = encoder
    per_ms = 1e-3 * e.base_rate * np.exp((e.beta * PIXELS / 256 + e.gamma - e.threshold) / e.slope)
    chance = np.where(PIXELS > 0, -np.expm1(-per_ms * dt), 0.0)
    within_a_percent(drawn_rate(encoder), chance / (1 + e.dead_time * chance))


@pytest.mark.parametrize(
    "encoder",
    [
        Poisson(0.0019),
        Poisson(0.0059, 39),
        Poisson(1 / 301, 300),
        Regular(0.0019),
        Regular(0.0059),
        ExponentialEscape(0.01, 300),
        ExponentialEscape(1.0, 3, base_rate=1e-4),
    ],
    ids=str,
)
def test_spikes_come_at_these_rates(key, encoder):
    """Chi-square of many copies, 4,000 ticks; the counter of a long dead time included."""
    pixels, copies, ticks = np.asarray([0, 40, 128, 255], np.uint8), 60, 4000
    counts = spikes_of(encoder, key, ticks, jnp.tile(jnp.asarray(pixels), (copies, 1)))[1000:].sum((0, 1))
    expected = drawn_rate(encoder)[pixels] * copies * (ticks - 1000)
    assert counts[0] == 0
    assert np.abs(counts - expected).max() <= 5 * np.sqrt(expected.max()) + copies


def test_regular_counts_follow_the_rate_for_ever(key):
    """The report's case, 0.02 per tick: five spikes short after 10,000 ticks."""
    for rate, ticks in ((0.02, 10_000), (0.001, 5_000)):
        counts = spikes_of(Regular(rate), key, ticks).sum(0)
        assert np.abs(counts - rate * PIXELS / 255 * ticks).max() <= 1 + ticks / 2**33


def test_dim_pixels_are_not_silent(key):
    """100 Hz at 0.1 ms: all pixels below 50 were."""
    counts = spikes_of(Regular(0.01), key, 20_000).sum(0)[0]
    np.testing.assert_allclose(counts, 200 * PIXELS / 255, atol=1)


@pytest.mark.parametrize(
    "encoder",
    [Regular(0.5), Regular(0.25), Regular(0.2), Poisson(0.25), Poisson(0.25, 3), Poisson(0.2, 3), Poisson(1.0)],
)
def test_where_256ths_are_near_enough_spikes_are_those_of_256ths(key, encoder):
    """The formulas of before there were others, bit for bit."""
    assert encoder.bits == 8
    keys, ticks = jax.random.split(key, 1), 50
    got = spikes_of(encoder, key, ticks)[:, 0]
    if isinstance(encoder, Regular):
        step = np.minimum(np.round(np.float32(256 / 255 * encoder.max_rate) * PIXELS.astype(np.float32)), 255)
        phase = np.asarray(uniform_bytes(fold_each(keys, jnp.uint32(0)), (256,)))[0].astype(np.int64)
        for t in range(ticks):
            phase = (phase + step.astype(np.int64)) % 256
            np.testing.assert_array_equal(got[t], phase < step)
        return
    rate = np.float32(encoder.max_rate / 255) * PIXELS.astype(np.float32)
    chance = rate / np.maximum(np.float32(1) - np.float32(encoder.dead_time) * rate, np.float32(1e-6))
    hazard = np.minimum(np.round(np.float32(256) * chance), 256)
    left = np.zeros(256, int)
    for t in range(ticks):
        words = uniform_bytes(fold_each(fold_each(keys, jnp.uint32(t + 1)), jnp.uint32(0)), (256,))
        spikes = (np.asarray(words)[0] < hazard) & (left == 0)
        left = np.where(spikes, encoder.dead_time, np.maximum(left - 1, 0))
        np.testing.assert_array_equal(got[t], spikes)


@pytest.mark.parametrize("dead_time", [254, 255, 256, 300, 65_535, 65_536])
@pytest.mark.parametrize("make", [lambda d: Poisson(1 / (d + 1), d), lambda d: ExponentialEscape(1e9, d)])
def test_a_dead_time_of_any_length_is_kept(key, dead_time, make):
    """A white pixel fires in the first tick that it may, and then again after the dead time."""
    encoder, image = make(dead_time), jnp.full((1, 1), 255, jnp.uint8)
    keys = jax.random.split(key, 1)

    @jax.jit
    def run(state):
        def tick(state, t):
            state, spikes = encoder.step(state, image, fold_each(keys, t))
            return state, spikes[0, 0]

        return jax.lax.scan(tick, state, jnp.arange(2 * dead_time + 3, dtype=jnp.uint32))[1]

    assert np.flatnonzero(run(encoder.init_state(image, keys))).tolist() == [0, dead_time + 1, 2 * dead_time + 2]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Poisson(1e-9),
        lambda: Poisson(float("nan")),
        lambda: Poisson(0.1, 2**31),
        lambda: Poisson(0.1, 1.5),  # pyright: ignore[reportArgumentType]
        lambda: Regular(1e-9),
        lambda: ExponentialEscape(dead_time=2**31),
        lambda: ExponentialEscape(base_rate=1e-7),
        lambda: ExponentialEscape(threshold=1e6),
        lambda: ExponentialEscape(gamma=float("inf")),
        lambda: Analog(1e-40),
        lambda: Analog(float("inf")),
        lambda: LabelNeurons(10, 2**31),
        lambda: LabelNeurons(10, 4, float("inf")),  # pyright: ignore[reportArgumentType]
    ],
)
def test_what_cannot_be_drawn_is_refused(make):
    with pytest.raises(ValueError, match="got"):
        make()


def test_long_label_periods_and_phases_count_right():
    label = LabelNeurons(2, 2**30, 10**12)
    first = -(10**12) % 2**30
    on = [float(label.spikes(jnp.int32(t), jnp.zeros(1, jnp.int32))[0, 0]) for t in (first - 1, first, first + 1)]
    assert on == [0.0, 1.0, 0.0]


@pytest.mark.usefixtures("without_pictures")
def test_a_low_rate_at_a_short_tick_fires(root, tmp_path, monkeypatch, capsys):
    """19 Hz at 0.1 ms: nothing fired, and nothing said so."""
    small = ["data.train_size=20", "data.test_size=20", "training.epochs=1", "network.layers=[64,10,10]"]
    encoding = ["encoding.kind=poisson", "encoding.dt=0.1", "encoding.max_rate=19", "encoding.steps=400"]
    other = ["rule.label_period=1", "network.neuron.tau_mem=1", "rule.tau_dendrite=5"]
    code, _, err = call(
        monkeypatch,
        capsys,
        "train",
        root / "configs" / "digits.yaml",
        *small,
        *encoding,
        *other,
        "--out",
        tmp_path / "r",
    )
    assert code == 0, err
    rates = json.loads((tmp_path / "r" / "metrics.jsonl").read_text().splitlines()[-1])["rates_hz"]
    assert 3 < rates[0] < 12  # the mean pixel is 0.31 of white


def test_a_rate_that_is_too_low_is_refused_with_the_least(root, tmp_path, monkeypatch, capsys):
    code, _, err = call(
        monkeypatch,
        capsys,
        "train",
        root / "configs" / "digits.yaml",
        "encoding.max_rate=1e-6",
        "--out",
        tmp_path / "r",
    )
    assert code == 2
    assert "encoding.max_rate" in err
    assert "1.164e-05 Hz" in err
    assert not (tmp_path / "r").exists()
