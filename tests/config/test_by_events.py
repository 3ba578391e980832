"""`network.events: auto`: events where the cost model says so, the same choice on every machine."""

import numpy as np
import pytest

from erbp_jax.config import check
from erbp_jax.config.build import build
from erbp_jax.config.by_events import events_pay, longest_row
from erbp_jax.data import Dataset, Samples


def trains(inputs, share, *, ticks=10, n=40, packed=True, burst=None):
    """Random trains; `burst` is the share of active inputs in one tick of each."""
    spikes = (np.random.default_rng(0).random((n, ticks, inputs)) < share).astype(np.uint8)
    if burst is not None:
        spikes[:, 3, : int(burst * inputs)] = 1
    x, y = np.packbits(spikes, axis=-1) if packed else spikes, np.arange(n, dtype=np.int32) % 10
    part = Samples(x, y)
    return Dataset("trains", part, part, shape=(inputs,), labels=np.arange(10), ticks=ticks, packed=packed)


def by_events(data, hidden, **changes):
    """What a config of that network has for the input layer, and for the next one."""
    section = {
        "encoding": {"steps": data.ticks or 10},
        "network": {"layers": [data.features, hidden, 10], **changes.pop("network", {})},
        "rule": {"kind": "erbp", "burn_in": 0},
        "training": {"batch_size": 20, "update_every": 5, **changes},
    }
    layers = build(check(section, "test"), data).network.layers
    return tuple(layer.connection.transmission.by_events for layer in layers)


def test_the_longest_row_of_a_block():
    spikes = np.zeros((4, 4, 20), np.uint8)
    spikes[0, 0, :3] = spikes[1, 1, :5] = spikes[3, 3, :7] = 1
    for packed in (True, False):
        x = np.packbits(spikes, axis=-1) if packed else 2 * spikes  # counts, too
        part = Samples(x, np.zeros(4, np.int32))
        data = Dataset("t", part, part, shape=(20,), labels=np.arange(1), ticks=4, packed=packed)
        assert longest_row(data, batch=2, every=2) == (5 + 0 + 0 + 7) / 4
        assert longest_row(data, batch=4, every=4) == 7
        assert longest_row(data, batch=3, every=3) == (5 + 0 + 0 + 7) / 4  # what is left over is a block as well


def test_images_have_no_rows():
    part = Samples(np.zeros((4, 20), np.uint8), np.zeros(4, np.int32))
    assert longest_row(Dataset("t", part, part, shape=(4, 5), labels=np.arange(1)), 2, 2) is None


@pytest.mark.parametrize(
    ("inputs", "outputs", "longest", "measured"),
    [
        (784, 500, 19, 0.31),
        (784, 100, 107, 2.84),
        (2312, 512, 35, 0.57),
        (2312, 512, 289, 2.63),
        (2312, 100, 92, 2.74),
        (2312, 100, 275, 5.53),
        (578, 100, 81, 2.67),
    ],
)
def test_the_model_agrees_with_what_was_measured(inputs, outputs, longest, measured):
    """Time by events over that of products, from the ledger, where it is not near 1."""
    assert events_pay(inputs, outputs, longest) == (measured < 1)


def test_what_is_chosen_for_trains():
    assert by_events(trains(2312, 0.006), 512) == (True, False)
    assert by_events(trains(2312, 0.02), 100) == (False, False)
    assert by_events(trains(2312, 0.04), 100) == (False, False)  # less than a twentieth: events, by the rule of images
    assert by_events(trains(2312, 0.006, packed=False), 512) == (True, False)


def test_a_burst_decides_and_not_the_mean():
    few = trains(2312, 0.006)
    burst = trains(2312, 0.006, burst=0.3)
    assert few.mean < burst.mean < 0.05
    assert (by_events(few, 512)[0], by_events(burst, 512)[0]) == (True, False)


def test_what_is_stated_is_not_chosen():
    data = trains(2312, 0.006)
    assert by_events(data, 512, network={"events": "none"}) == (False, False)
    assert by_events(data, 512, network={"events": "all"}) == (True, True)
    maps = {"layers": [2312, {"kind": "conv", "channels": 4, "kernel": 3, "stride": 1}, 10]}
    assert not by_events(Dataset(**{**vars(data), "shape": (34, 34, 2)}), 0, network=maps)[0]


def test_images_keep_the_share_of_inputs():
    y = np.arange(40, dtype=np.int32) % 10
    for brightness, expected in ((10, True), (30, False)):
        part = Samples(np.full((40, 784), brightness, np.uint8), y)
        data = Dataset("grey", part, part, shape=(28, 28), labels=np.arange(10))
        section = {"encoding": {"kind": "poisson", "max_rate": 500.0, "steps": 10}}
        section |= {"network": {"layers": [784, 50, 10]}, "rule": {"kind": "erbp", "burn_in": 0}}
        network = build(check(section | {"training": {"batch_size": 20}}, "test"), data).network
        assert network.layers[0].connection.transmission.by_events is expected
