"""Lists of whole numbers from the user: equal by content, and refused with their first bad entry."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erbp_jax.connections import Delays, Sparse, SynapseList

lists = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 7)), min_size=1, max_size=20, unique=True)
quick = settings(max_examples=60, deadline=None, derandomize=True)


@quick
@given(lists, lists)
def test_lists_are_equal_and_hashed_by_content(some, others):
    a, b, c = (SynapseList(*np.asarray(x).T) for x in (some, some, others))
    assert a == b
    assert hash(a) == hash(b) == hash(pickle.loads(pickle.dumps(a)))
    assert (a == c) == (some == others)
    assert len({a, b, c}) == 1 + (some != others)
    assert Sparse(10, 8, pairs=a) == Sparse(10, 8, pairs=b)
    assert len(a) == len(some) == Sparse(10, 8, pairs=a).synapses
    assert a != Delays(np.asarray(some))


def test_what_was_given_is_copied_and_cannot_be_written():
    given = np.asarray([1, 2])
    kept = SynapseList(given, [0, 0])
    before = hash(kept)
    given[0] = 5
    assert (kept.pre.tolist(), hash(kept)) == ([1, 2], before)
    with pytest.raises(ValueError, match="read-only"):
        kept.pre[0] = 3
    with pytest.raises(AttributeError):
        kept.pre = given
    assert repr(kept).startswith("SynapseList(2 synapses, ")
    assert repr(Delays(np.zeros((3, 2), int))).startswith("Delays([3, 2], ")
    assert Delays(np.zeros((3, 2), int)) != Delays(np.zeros((2, 3), int))


@quick
@given(lists, st.data())
def test_the_first_bad_entry_is_named(pairs, data):
    pre, post = np.asarray(pairs).T
    entry = data.draw(st.integers(0, len(pairs) - 1))
    first = min(entry, data.draw(st.integers(0, len(pairs) - 1)))
    for bad, words in ((-1, "from 0 to 2^31 - 1, got -1"), (2**31, "got 2147483648"), (-(2**40), "got -1099511627776")):
        wrong = pre.astype(np.int64)
        wrong[[first, entry]] = bad
        with pytest.raises(ValueError, match=rf"SynapseList: pre .*{words[-8:]} at entry \[{first}\]") as caught:
            SynapseList(wrong, post)
        assert words in str(caught.value)
    beyond = post.copy()
    beyond[[first, entry]] = 8
    if len(set(zip(pre.tolist(), beyond.tolist(), strict=True))) == len(pairs):
        with pytest.raises(ValueError, match=f"Sparse: pairs: post must be below 8, got 8 at entry {first}$"):
            Sparse(10, 8, pairs=SynapseList(pre, beyond))
    twice = [*pairs, pairs[entry], pairs[first]]
    with pytest.raises(ValueError, match=f"at entries {entry} and {len(pairs)}$"):
        SynapseList(*np.asarray(twice).T)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SynapseList([0, 1], [0]), "as many pre as post, got 2 and 1"),
        (lambda: SynapseList([], []), "at least one synapse"),
        (lambda: SynapseList([0.0, 1.0], [0, 1]), "SynapseList: pre must be whole numbers, got float64"),
        (lambda: SynapseList([0, 1], [[0, 1]]), r"SynapseList: post must have 1 axis, got the shape \[1, 2\]"),
        (lambda: Delays([[0.5]]), "Delays: ticks must be whole numbers, got float64"),
        (lambda: Delays([[0, 3], [2, -1]]), r"Delays: ticks must be from 0 to .*, got -1 at entry \[1, 1\]"),
    ],
)
def test_bad_values_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
