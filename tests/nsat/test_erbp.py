"""eRBP as a program: its wiring, its input, and that it learns."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from erbp_jax.nsat.erbp import Recipe, erbp_program, image_events, random_feedback
from erbp_jax.nsat.learn import Classifier, error_percent
from erbp_jax.nsat.machine import Machine

pytestmark = pytest.mark.optimized

SMALL = Recipe(layers=(64, 40, 10), rate=0.15)


def test_wiring():
    core = erbp_program(Recipe()).cores[0]
    assert (core.neurons, core.states, core.inputs) == (130, 2, 794)
    assert len(core.synapses) == 784 * 100 + 100 * 10 + 20 * 100 + 60
    plastic = core.plastic[core.learning_group[core.group[core.synapses[:, 2]], core.synapses[:, 3]]]
    assert plastic.sum() == 784 * 100 + 100 * 10
    layout = Machine.of(erbp_program(Recipe()))[0].layout
    assert [(b.sources, b.targets) for b in layout.blocks] == [(784, 100), (100, 10)]
    assert layout.matrix == (100, 30)  # outputs and error neurons: fixed, reliable synapses


def test_feedback_is_zero_sum_and_as_wide_as_the_references():
    g = random_feedback(np.random.default_rng(0), 10, 200)
    np.testing.assert_array_equal(g.sum(0), 0)
    assert 30 < g.std() < 39


def test_input_has_the_rate_the_dead_time_and_the_labels_it_should():
    recipe = Recipe()
    images = np.zeros((20, 784), np.uint8)
    images[:, :100], images[:, 100:150] = 255, 128
    tick, replica, axon = image_events(images, np.arange(20) % 10, np.random.default_rng(0), recipe=recipe, ticks=1500)
    assert (np.diff(tick) >= 0).all()
    pixel = axon < 784
    for low, high, value in ((0, 100, 255), (100, 150, 128)):
        p = recipe.rate * value / 256
        count = np.sum((axon >= low) & (axon < high)) / (20 * (high - low))
        np.testing.assert_allclose(count, 1500 / (1 / p + recipe.dead_time), rtol=0.02)
    assert not np.any((axon >= 150) & pixel)
    order = np.lexsort((tick, axon, replica))
    same = (np.diff(replica[order]) == 0) & (np.diff(axon[order]) == 0)
    gaps = np.diff(tick[order])[same]
    assert gaps.min() == recipe.dead_time + 1
    label = ~pixel
    np.testing.assert_array_equal(axon[label] - 784, replica[label] % 10)
    assert set(np.bincount(replica[label])) <= {37, 38}


def test_it_learns_digits_within_eight_bits():
    digits = load_digits()
    images = np.minimum(digits.data * 16, 255).astype(np.uint8)
    classifier = Classifier(SMALL, replicas=40)
    before = error_percent(classifier.test(images[700:900]), digits.target[700:900])
    errors = []
    for epoch in range(2):
        spikes = sum(shown.counts[:, SMALL.outputs.stop :].sum() for shown in classifier.train(
            images[:700], digits.target[:700], epoch))  # fmt: skip
        errors.append(spikes)
    after = error_percent(classifier.test(images[700:900]), digits.target[700:900])
    assert before > 70
    assert after < 35
    assert errors[1] < errors[0]
    assert classifier.weights.min() >= -128
    assert classifier.weights.max() <= 127
    other = Classifier(SMALL, replicas=40)
    other.restore(classifier.snapshot())
    np.testing.assert_array_equal(other.test(images[:40]), classifier.test(images[:40]))
    for mine, theirs in zip(*(c.train(images[:80], digits.target[:80], 2) for c in (other, classifier)), strict=True):
        np.testing.assert_array_equal(mine.counts, theirs.counts)
    np.testing.assert_array_equal(other.weights, classifier.weights)


def test_one_more_bit_rounded_away_halves_what_is_learned():
    digits = load_digits()
    images = np.minimum(digits.data[:80] * 16, 255).astype(np.uint8)

    def moved(bits):
        classifier = Classifier(SMALL, replicas=80)
        classifier.set_rounding(bits)
        before = classifier.weights
        assert len(list(classifier.train(images, digits.target[:80], 0))) == 1
        assert classifier.trained().cores[0].rounding_bits.tolist() == [0, bits]
        plastic = slice(64 * 40 + 40 * 10)
        return np.abs(classifier.weights - before)[plastic].mean()

    first, second, none = moved(12), moved(13), moved(30)
    assert 0.4 < second / first < 0.75  # the noise of rounding falls by its root only
    assert none == 0


def test_ties_and_silence_are_errors():
    counts = np.array([[0, 0], [2, 1], [1, 1], [0, 3]])
    assert error_percent(counts, np.array([0, 0, 0, 0])) == 75.0
