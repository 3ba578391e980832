"""Recordings that another library reads: AEDAT 4 as a camera wrote it, and what that library writes itself."""

import os
from pathlib import Path

import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax.data.events import Structured
from erbp_jax.errors import UserError

faery = pytest.importorskip("faery")


def array_of(path):
    return np.concatenate(list(faery.events_stream_from_file(path)))


@pytest.fixture(scope="module")
def sample():
    file = Path(os.environ.get("ERBP_JAX_DATA", "nowhere")) / "events" / "sample.aedat4"
    if not file.is_file():
        pytest.skip("events/sample.aedat4 is not in ERBP_JAX_DATA")
    return file


def test_a_recording_in_aedat_4(sample):
    width, height = faery.events_stream_from_file(sample).dimensions()
    array = array_of(sample)
    assert (height, width, len(array)) == (240, 320, 111_954)
    absolute = ej.from_structured(array, (height, width, 2), name=str(sample))
    assert absolute.t[0] == 1_605_537_493_718_345
    array["t"] -= array["t"][0]
    events = ej.from_structured(array, (height, width, 2))
    assert (events.duration, events.t[0], events.x[0], events.y[0], events.p[0]) == (589_918, 0, 154, 204, 0)
    for key in "xyp":
        assert np.array_equal(getattr(events, key), array[key])
    binned = ej.Bins(steps=50, dt=10, pool=4, counts=True)(events)
    kept = int((events.t < 500_000).sum())
    assert binned.cut == len(events) - kept
    assert binned.spikes.sum() + binned.merged == kept
    with pytest.raises(UserError, match=r"sample\.aedat4: event \d[\d,]*: y = \d+, and a sensor of 180 x 320 x 2"):
        ej.from_structured(array, (180, 320, 2), name=str(sample))


@pytest.mark.parametrize(
    ("ending", "version"), [("raw", "evt2"), ("raw", "evt3"), ("dat", "dat2"), ("es", None), ("aedat4", None)]
)
def test_every_format_gives_the_same_events(tmp_path, ending, version):
    rng, number = np.random.default_rng(0), 500
    array = np.zeros(number, faery.EVENTS_DTYPE)
    array["t"] = 3_000_000 + np.sort(rng.integers(0, 200_000, number))
    array["x"], array["y"], array["p"] = (
        rng.integers(0, 320, number),
        rng.integers(0, 240, number),
        rng.random(number) < 0.5,
    )
    path = tmp_path / f"a.{ending}"
    how = {} if version is None else {"version": version}
    faery.events_stream_from_array(array, (320, 240)).to_file(path, **how)
    back = array_of(path)
    for one in (array, back):
        one["t"] -= one["t"][0]
    events, label = Structured([(back, "a")], (240, 320, 2))[0]
    assert (len(events), label) == (number, "a")
    for key in "txyp":
        assert np.array_equal(getattr(events, key), array[key])
