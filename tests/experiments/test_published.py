"""What the talk and the paper print, on numbers worked out by hand."""

import numpy as np
import pytest

import published
from erbp_jax.evaluation import energy
from erbp_jax.evaluation.synops import Recording


def test_the_papers_count_of_an_early_decision():
    """One sample, three ticks, an output spike in the second: 3 + 4 data spikes, 1 + 2 + 5 + 6 hidden ones."""
    output = np.zeros((3, 1, 10), np.int8)
    output[1:, 0, 4] = 1
    addressed = np.zeros((3, 1, 3), np.int32)
    addressed[:, 0, 0] = np.array([3, 4, 100]) * 200
    spikes = np.array([[[1, 2, 0]], [[5, 6, 1]], [[100, 100, 1]]], np.int32)
    seen = Recording(output, addressed, addressed, spikes, output.astype(np.float32), np.array([4], np.int32))
    assert published.first_spike_synops(seen) == 200 * 7 + 100 * 14


def test_the_talks_energy_is_its_price_of_a_synop_times_its_synops():
    assert energy.MODELS["talk"].synops(100_000) == pytest.approx(published.SYSTEMS[0].microjoules)


def test_figures_are_of_one_form_of_a_rule():
    assert published.talk("mnist", "784-100-10", "erbp", "spiking") == 3.94
    assert published.talk("mnist", "784-100-10", "bp", "rate") == 2.19
    for other in (("mnist", "784-100-10", "bp", "spiking"), ("digits", "784-100-10", "bp", "rate")):
        assert published.talk(*other) is None
