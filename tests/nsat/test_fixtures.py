"""The golden runs of the reference simulator, integer for integer."""

from dataclasses import replace

import numpy as np
import pytest

from erbp_jax.errors import UserError
from erbp_jax.nsat import files
from erbp_jax.nsat.replay import drawn, first_mismatch, replay
from tests.nsat.build import learned

COUNT = 44
ORDERED = {"13", "39"}  # shared weights within limits: writes one after the other, a call of their own
LONG = {"51b"}


@pytest.fixture(scope="module")
def fixtures(root):
    read = {path.name.split("_")[1]: files.read(path) for path in sorted((root / "tests/golden/nsat").glob("*.npz"))}
    assert len(read) == COUNT
    return read


def groups(read):
    """Cases that run side by side: a compilation costs more than any run."""
    random = {name for name, fixture in read.items() if fixture.spec["stochastic"]}
    alone = ORDERED | LONG | random
    return {
        "deterministic": sorted(set(read) - alone),
        "ordered": sorted(ORDERED),
        "long": sorted(LONG),
        "recorded": sorted(random),
    }


def test_states_spikes_and_weights_of_many_side_by_side(fixtures, side_by_side):
    assert len(side_by_side) == 35
    assert mismatches(fixtures, side_by_side) == {}


@pytest.mark.parametrize("group", ["ordered", "long", "recorded"])
def test_states_spikes_and_weights(fixtures, group):
    names = groups(fixtures)[group]
    assert sum(len(e.spikes) for name in names for e in fixtures[name].expected) > 50
    outcomes = replay([fixtures[name] for name in names])
    assert mismatches(fixtures, dict(zip(names, outcomes, strict=True))) == {}


def mismatches(fixtures, outcomes):
    found = {name: first_mismatch(fixtures[name], got) for name, got in outcomes.items()}
    return {name: str(place) for name, place in found.items() if place is not None}


@pytest.mark.parametrize("name", ["42", "43"])
def test_from_the_seed_alone(fixtures, name):
    bare = [replace(e, masks=None, rounding=None, noise=None) for e in fixtures[name].expected]
    fixture = replace(fixtures[name], expected=tuple(bare))
    assert drawn(fixture.program.cores[0]) == {{"42": "mask", "43": "rr_draw"}[name]}
    assert learned(fixture) > 10
    (outcomes,) = replay([fixture], source="pcg32")
    assert first_mismatch(fixture, outcomes) is None
    with pytest.raises(UserError, match=r"c0_(mask|rr_draw): missing"):
        replay([fixture], source="recorded")


def test_the_documented_kernel_is_another_where_the_file_says_so(fixtures):
    grows = [name for name, f in fixtures.items() if "acausal_exp_grows" in f.spec["quirks"]]
    assert grows == ["30"]
    (wrong,), (right,) = replay([fixtures["30"], fixtures["14"]], compat="documented")
    assert mismatch(fixtures["30"], [wrong]).what == "weight"
    assert first_mismatch(fixtures["14"], [right]) is None


@pytest.fixture(scope="module")
def side_by_side(fixtures):
    """Outcomes of the deterministic cases, all in one call."""
    names = groups(fixtures)["deterministic"]
    return dict(zip(names, replay([fixtures[name] for name in names]), strict=True))


def mismatch(fixture, outcomes):
    found = first_mismatch(fixture, outcomes)
    assert found is not None
    return found


def sabotaged(fixture, core, **changes):
    expected = list(fixture.expected)
    expected[core] = replace(expected[core], **changes)
    return replace(fixture, expected=tuple(expected))


def test_a_wrong_integer_is_found_where_it_is(fixtures, side_by_side):
    whole, outcomes = fixtures["49"], side_by_side["49"]
    assert first_mismatch(whole, outcomes) is None
    want = whole.expected[1]

    states = want.states.copy()
    states[123, 4, 2] += 1
    found = mismatch(sabotaged(whole, 1, states=states), outcomes)
    assert (found.core, found.what, found.tick, found.place) == (1, "state", 123, (4, 2))
    assert found.expected == found.got + 1
    assert f"core 1, tick 123, neuron 4, state 2: state expected {found.expected}" in str(found)

    spikes = np.delete(want.spikes, 7, axis=0)
    found = mismatch(sabotaged(whole, 1, spikes=spikes), outcomes)
    tick, neuron = want.spikes[7].tolist()
    assert (found.what, found.tick, found.place, found.expected, found.got) == ("spike", tick, (neuron,), 0, 1)

    weights = want.weights.copy()
    weights[2, 5] -= 3
    found = mismatch(sabotaged(whole, 1, weights=weights), outcomes)
    assert (found.what, found.tick, found.place) == ("weight", int(want.weight_ticks[2]), (5,))
    assert found.got - found.expected == 3

    # The earliest of several, and states before spikes of the same tick.
    both = sabotaged(whole, 1, states=states, weights=weights)
    assert mismatch(both, outcomes).tick == min(123, int(want.weight_ticks[2]))
