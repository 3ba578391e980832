"""Events as ticks of input against a loop over events; augmentation; hot pixels; the encoder's unpacking."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import erbp_jax as ej
from erbp_jax.data.events import (
    Augment,
    Bins,
    Events,
    Recordings,
    from_recordings,
    hot_pixels,
    without,
)
from erbp_jax.errors import UserError
from tests.data.events.test_readers import made


def loop(events, bins):
    """Spikes `[T, H, W, P]`, and events beyond the window; an event at a time."""
    top, left, height, width = bins.crop or (0, 0, *events.sensor[:2])
    rows, columns = height // bins.pool, width // bins.pool
    out, cut = np.zeros((bins.steps, rows, columns, events.sensor[2] if bins.polarity else 1), int), 0
    for t, x, y, p in zip(events.t.tolist(), events.x.tolist(), events.y.tolist(), events.p.tolist(), strict=True):
        row, column, tick = (y - top) // bins.pool, (x - left) // bins.pool, int(t / (1000 * bins.dt))
        if not (top <= y and left <= x and row < rows and column < columns):
            continue
        if tick >= bins.steps:
            cut += 1
            continue
        out[tick, row, column, p if bins.polarity else 0] += 1
    return out, cut


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([None, (2, 3, 6, 5), (0, 0, 9, 9)]),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0.25, 1.0, 7.0]),
)
def test_bins_are_those_of_the_loop(seed, crop, pool, polarity, counts, dt):
    events = made((9, 10, 2), 300, seed, 20_000)
    bins = Bins(15, dt, crop, pool, polarity, counts)
    found, cut = loop(events, bins)
    one = bins(events)
    assert one.cut == cut
    rows = found.reshape(15, -1)
    if counts:
        np.testing.assert_array_equal(one.spikes, np.minimum(rows, 255))
    else:
        np.testing.assert_array_equal(np.unpackbits(one.spikes, axis=1, count=rows.shape[1]), rows > 0)
        assert one.merged == (rows - (rows > 0)).sum()
    assert one.spikes.shape == (15, bins.bytes_a_tick(events.sensor))
    assert bins.shape(events.sensor) == found.shape[1:]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"steps": 0}, "Bins: steps must be a whole number from 1, got 0"),
        ({"steps": 5, "dt": 0}, "Bins: dt must be milliseconds"),
        ({"steps": 5, "pool": 1.5}, "Bins: pool must be a whole number"),
        ({"steps": 5, "crop": (0, 0, 0, 3)}, "Bins: crop must be"),
        ({"steps": 5, "crop": (0, 5, 9, 6)}, "lies outside a sensor of 9 x 10"),
        ({"steps": 5, "pool": 10}, "squares of 10 do not fit"),
    ],
)
def test_bins_that_do_not_fit(arguments, reason):
    with pytest.raises((UserError, ValueError), match=reason):
        Bins(**arguments).shape((9, 10, 2))


def test_other_recordings_of_the_same_things():
    events, rng = made((9, 10, 2), 4000), np.random.default_rng(0)
    fewer = Augment(drop=0.25)(events, rng)
    assert 0.72 < len(fewer) / 4000 < 0.78
    moved = Augment(jitter=2.0)(events, rng)
    assert np.diff(moved.t).min() >= 0
    assert len(moved) == 4000
    ways = [Augment(flip=True)(events, rng).x for _ in range(20)]
    mirrored = [np.array_equal(x, 9 - events.x) for x in ways]
    assert all(m or np.array_equal(x, events.x) for m, x in zip(mirrored, ways, strict=True))
    assert 3 < sum(mirrored) < 17
    shifts = {(int(one.x.min()), int(one.y.max())) for one in (Augment(shift=2)(events, rng) for _ in range(30))}
    assert len(shifts) > 4
    with pytest.raises(ValueError, match="Augment: drop must be a chance"):
        Augment(drop=1.0)


def test_hot_pixels_are_left_out():
    events = made((9, 10, 2), 900)
    hot = Events(
        np.sort(np.append(events.t, np.arange(200))), np.append(np.full(200, 4), events.x),
        np.append(np.full(200, 7), events.y), np.append(np.zeros(200, int), events.p), sensor=(9, 10, 2),
    )  # fmt: skip
    found = hot_pixels(hot, factor=5.0)
    assert np.argwhere(found).tolist() == [[7, 4]]
    rest = without(hot, found)
    assert not ((rest.x == 4) & (rest.y == 7)).any()
    assert len(rest) == len(hot) - ((hot.x == 4) & (hot.y == 7)).sum()
    assert not hot_pixels(events).any()
    with pytest.raises(UserError, match=r"bool \[9, 10\] was expected"):
        without(events, np.zeros((3, 3), bool))


def test_bits_are_unpacked_as_they_were_packed(key):
    spikes = np.random.default_rng(0).random((3, 12, 19)) < 0.3
    keys = jax.random.split(key, (8, 3))
    plain, packed = ej.Frames(), ej.Frames(bits=19)
    bits = jnp.asarray(np.packbits(spikes, axis=-1))
    ticks = jnp.arange(6, 14)  # two beyond the end
    wanted = plain((), jnp.asarray(spikes), ticks, keys)[1]
    got = jax.jit(lambda *a: packed((), *a)[1])(bits, ticks, keys)
    np.testing.assert_array_equal(got, wanted)
    assert packed.init_state(bits, keys[0]) == ()
    with pytest.raises(ValueError, match="19 inputs are 3 bytes per tick"):
        packed.init_state(jnp.asarray(spikes), keys[0])


@pytest.fixture(scope="module")
def bars():
    """Two kinds of recordings: a bar that runs to the right, or down."""

    def one(seed):
        rng, down = np.random.default_rng(seed), seed % 2
        t = np.sort(rng.integers(0, 40_000, 160))
        along, across = np.minimum(7, t // 5000), rng.integers(0, 8, 160)
        x, y = (across, along) if down else (along, across)
        return Events(t, x, y, rng.integers(0, 2, 160), sensor=(8, 8, 2)), ("right", "down")[down]

    return Recordings("bars", [one(i) for i in range(120)], [one(i) for i in range(1000, 1040)], (8, 8, 2))


def test_a_network_learns_from_recordings(bars, tmp_path):
    """A recurrent one: which way the bar runs is in the order of events alone."""
    data = from_recordings(bars, Bins(20, dt=2.0), progress=False)
    assert (data.ticks, data.shape, data.packed, data.train.x.shape) == (20, (8, 8, 2), True, (120, 20, 16))
    assert data.labels is not None
    assert data.labels.tolist() == ["down", "right"]
    trains = np.unpackbits(data.train.x, axis=-1, count=128)
    assert data.mean == pytest.approx(trains.mean())
    plain = ej.dataset(trains, data.labels[data.train.y], np.unpackbits(data.test.x, axis=-1, count=128),
                       data.labels[data.test.y], trains=True)  # fmt: skip
    network = ej.mlp(128, 40, 2)
    kept = {"epochs": 3, "batch_size": 20, "burn_in": 0, "progress": False}
    model = ej.fit(network, ej.BackProp(), data, **kept)
    same = ej.fit(network, ej.BackProp(), plain, **kept)
    jax.tree.map(np.testing.assert_array_equal, model.params, same.params)
    words = model.predict(trains[:5])
    np.testing.assert_array_equal(words, model.predict(data.train.x[:5]))
    assert set(words) <= {"right", "down", "undecided"}
    seen = model.record(data.train.x[0])
    np.testing.assert_array_equal(seen.spikes["input"], trains[0])
    np.testing.assert_array_equal(seen.spikes["hidden1"], model.record(trains[:2]).spikes["hidden1"][:, 0])
    model.save(tmp_path / "bars.npz")
    np.testing.assert_array_equal(ej.load(tmp_path / "bars.npz").predict(data.train.x[:5]), words)


def test_counts_go_in_as_numbers(bars):
    data = from_recordings(bars, Bins(5, dt=8.0, pool=4, counts=True), progress=False)
    assert data.train.x.max() > 3
    assert data.frames().most == data.most > 3
    model = ej.fit(ej.mlp(*data.sizes(10)), ej.BackProp(), data, epochs=1, batch_size=20, burn_in=0, progress=False)
    assert len(model.predict(data.train.x[:3])) == 3


def test_copies_stand_beside_what_they_are_made_from(bars):
    data = from_recordings(bars, Bins(20, dt=2.0), augment=Augment(copies=2, drop=0.3), progress=False)
    alone = from_recordings(bars, Bins(20, dt=2.0), progress=False)
    assert len(data.train) == 360
    np.testing.assert_array_equal(data.train.x[::3], alone.train.x)
    assert (np.bitwise_count(data.train.x[1::3]).sum() / np.bitwise_count(alone.train.x).sum()) < 0.8
    np.testing.assert_array_equal(data.test.x, alone.test.x)
    with pytest.raises(ValueError, match="copies that nothing changes"):
        Augment()
