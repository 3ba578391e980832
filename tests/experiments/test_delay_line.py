"""Delays of single synapses solve what cannot be solved without them."""

import sys

import pytest


@pytest.fixture
def delay_line(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "experiments"))
    import delay_line

    yield delay_line
    sys.modules.pop("delay_line")


def test_the_order_of_two_spikes_needs_delays(delay_line):
    assert delay_line.error_after(delays=True, seed=0) < 5
    assert delay_line.error_after(delays=False, seed=0) > 40
