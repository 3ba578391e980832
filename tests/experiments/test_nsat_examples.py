"""The example programs against the numbers known of them."""

from pathlib import Path

import numpy as np
import pytest

import nsat_examples as examples
from erbp_jax.nsat import files
from erbp_jax.nsat.program import merge
from erbp_jax.nsat.replay import simulate


def generators(count):
    return [np.random.default_rng(seed) for seed in range(count)]


def field(mode, seeds):
    p = examples.field_input(mode)
    events = [examples.poisson(p, rng) for rng in generators(seeds)]
    return examples.run_replicas(examples.neural_field(mode), events, len(p)).spikes


def test_row_50_of_the_bump_kernel():
    runs = [(-1, 15), (-2, 15), (-1, 5), (0, 4), (1, 3), (2, 2), (3, 4), (4, 5)]
    runs += [(3, 4), (2, 2), (1, 3), (0, 4), (-1, 5), (-2, 15), (-1, 14)]
    assert examples.field_kernel("bump")[50].tolist() == [w for w, times in runs for _ in range(times)]


@pytest.mark.parametrize("mode", ["bump", "selection"])
def test_kernels_without_shift_are_symmetric(mode):
    kernel = examples.field_kernel(mode)
    assert (kernel == kernel.T).all()


def test_a_bump_stays_where_the_input_was():
    width, centre = examples.activity(field("bump", 10)[600:])
    lit = width > 5
    assert 1 <= lit.sum() <= 9
    assert ((width[lit] >= 27) & (width[lit] <= 29)).all()
    assert ((centre[lit] >= 41) & (centre[lit] <= 59)).all()
    assert (width[~lit] == 0).all()


def test_one_of_two_bumps_wins():
    spikes = field("selection", 10)[600:]
    lit = examples.activity(spikes)[0] > 5
    sides = np.stack([examples.activity(half)[0] for half in (spikes[:, :, :55], spikes[:, :, 55:])])
    assert 1 <= lit.sum() <= 9
    assert (sides.min(0) == 0).all()
    assert ((sides.max(0)[lit] >= 19) & (sides.max(0)[lit] <= 21)).all()


def test_a_bump_follows_its_input():
    spikes = field("tracking", 5)
    ends = [examples.activity(spikes[end - 100 : end])[1] for end in range(500, 2501, 500)]
    medians = np.median(np.array(ends), axis=1)
    assert medians[0] == pytest.approx(10, abs=3)
    assert medians[1:] == pytest.approx([29, 49, 69, 89], abs=0.5)


def test_the_strongest_input_wins_and_silences_the_others():
    p = np.tile(examples.WINNER_RATES, (2000, 1))
    events = [examples.poisson(p, rng) for rng in generators(20)]
    with_inhibition, without = (
        examples.run_replicas(examples.winner_take_all(inhibition), events, len(p)).spikes.sum(0)[:, :3]
        for inhibition in (-65, 0)
    )
    assert (with_inhibition.argmax(1) == 0).all()
    assert without[:, 1:].sum() > 10 * with_inhibition[:, 1:].sum()


def test_mihalas_niebur_is_the_fixture():
    fixture = files.read(Path("tests/golden/nsat/case_51a_mihalas_niebur.npz"))
    outcome = simulate(examples.mihalas_niebur(), fixture.ticks)[0]
    np.testing.assert_array_equal(outcome.states, fixture.expected[0].states)
    assert outcome.spikes.tolist() == [[t, 0] for t in (16, 38, 63, 92, 126, 172)]


def test_mihalas_niebur_bursts():
    spikes = simulate(examples.mihalas_niebur("bursting"), 700)[0].spikes[:, 0]
    pauses = np.diff(spikes)
    assert set(pauses.tolist()) == {4, 5, 6, 7, 112, 113}
    bursts = np.diff(np.flatnonzero(pauses > 100))
    assert (bursts == 6).all()


@pytest.fixture(scope="module")
def rewarded():
    """Three replicas of two cores, the second without noise; by seed of the noise."""
    p = examples.reward_input()
    events = [examples.to_both(examples.poisson(p, rng), p.shape[1]) for rng in generators(3)]
    program = merge([examples.reward_window(), examples.reward_window(noise=0)])
    runs = {}
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        runs[name] = examples.run_replicas(program, events, len(p), states=True, weights=True, seed=seed)
    return runs


def test_weights_move_when_there_is_reward(rewarded):
    noisy, quiet = np.split(rewarded["first"].weights, 2, axis=2)
    for weights, least in ((noisy, 0.75), (quiet, 0.9)):
        moved = np.abs(np.diff(weights, axis=0)).sum(2)  # row t - 1 is tick t
        assert (moved[399:750].sum(0) > least * moved.sum(0)).all()
        assert (weights[:, :, -1] == 100).all()  # the reward's own
    assert (quiet[:400] == 100).all()
    assert (noisy[399] != 100).any()


def test_replicas_are_independent_and_repeatable(rewarded):
    first, again, other = (rewarded[name].states[:, :, :100, 2] for name in ("first", "again", "other"))
    assert (first == again).all()
    assert (first[50:] != other[50:]).mean() > 0.9
    assert (first[50:, 0] != first[50:, 1]).mean() > 0.9
    assert (first[0] == 0).all()
