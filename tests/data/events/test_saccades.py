"""The simulated camera against a loop over pixels and milliseconds, and what it makes of digits."""

import math

import numpy as np

from erbp_jax.data.events import Bins, Camera, digits_saccades


def loop(camera, digit):
    """Events (t, x, y, p) of one digit: a pixel and a millisecond at a time, weights of the interpolation by hand."""
    gaze, found = camera.gaze(), []

    def light(row, column, step):
        total = 0.0
        for i in range(8):
            for j in range(8):
                down = (row + gaze[step, 0] - 7.5) / camera.scale + 3.5 - i
                right = (column + gaze[step, 1] - 7.5) / camera.scale + 3.5 - j
                total += digit[i, j] * max(0.0, 1 - abs(down)) * max(0.0, 1 - abs(right))
        return math.log(camera.floor + total)

    for row in range(16):
        for column in range(16):
            before = reference = light(row, column, 0)
            for step in range(len(gaze) - 1):
                now = light(row, column, step + 1)
                while abs(now - reference) >= camera.threshold * (1 - 1e-9):
                    sign = 1 if now > reference else -1
                    reference += sign * camera.threshold
                    found.append((1000 * step + 1000 * (reference - before) / (now - before), column, row, sign > 0))
                before = now
    return sorted(found)


def test_events_are_those_of_the_loop():
    camera = Camera(saccade=6, reach=1.5, threshold=0.3)
    digit = np.random.default_rng(3).random((8, 8)).round(2)
    (events,) = camera(digit[None])
    wanted = loop(camera, digit)
    assert len(events) == len(wanted) > 100
    got = sorted(zip(events.t.tolist(), events.x.tolist(), events.y.tolist(), events.p.tolist(), strict=True))
    for one, (t, x, y, p) in zip(
        sorted(got, key=lambda e: e[1:]), sorted(wanted, key=lambda e: (*e[1:], e[0])), strict=True
    ):
        assert one[1:] == (x, y, p)
        assert abs(one[0] - t) <= 2


def test_several_digits_at_once_are_each_alone():
    camera = Camera(saccade=5)
    digits = np.random.default_rng(0).random((3, 8, 8))
    for together, alone in zip(camera(digits), (camera(d[None])[0] for d in digits), strict=True):
        for key in "txyp":
            np.testing.assert_array_equal(getattr(together, key), getattr(alone, key))


def test_no_light_no_events():
    assert [len(events) for events in Camera()(np.zeros((2, 8, 8)))] == [0, 0]


def test_the_set_is_that_of_the_digits():
    found = digits_saccades(Camera(saccade=10, threshold=1.0))
    assert (len(found.train), len(found.test), found.sensor) == (1437, 360, (16, 16, 2))
    events, label = found.train[0]
    assert label == 4
    assert events.duration <= 30_000
    assert Bins(30)(events).cut == 0
