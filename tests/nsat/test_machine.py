"""However a program is run, it is the same machine: tables, chunks, replicas."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.nsat.machine import Machine
from erbp_jax.nsat.replay import simulate
from erbp_jax.nsat.run import event_lists, run
from tests.nsat.build import assert_equal, dense, with_events

TICKS = 200
PRE_TRIGGERED = {"stdp": False}
STDP = {"stdp": True}


@partial(jax.jit, static_argnums=0)
def go(machine, arrays, state, events, first=1):
    return run(machine, arrays, state, events, record=lambda tick, _: (tick.x, tick.spikes), first=first)


@pytest.mark.parametrize("options", [PRE_TRIGGERED, STDP], ids=str)
def test_blocks_are_the_padded_table(options):
    program = dense(np.random.default_rng(5), **options)
    machine, *_ = Machine.of(program)
    assert [(b.sources, b.targets) for b in machine.layout.blocks] == [(24, 20)]
    assert not Machine.of(program, blocks=False)[0].layout.blocks
    ways = [simulate(program, TICKS, weight_ticks=[[50, 120, 199]], blocks=blocks)[0] for blocks in (True, False)]
    assert_equal(*ways)
    changed = ways[0].weights[-1] != np.clip(program.cores[0].weights, -64, 63)
    assert changed.sum() > 100
    assert len(ways[0].spikes) > 100
    assert {-64, 63} <= set(ways[0].weights[-1].tolist())


def test_a_fixed_recurrent_matrix_is_the_padded_table():
    rng = np.random.default_rng(2)
    program = dense(rng, learning=False)
    assert Machine.of(program)[0].layout.matrix[1] > 0
    ways = [simulate(program, TICKS, blocks=blocks)[0] for blocks in (True, False)]
    assert_equal(*ways)
    assert len(ways[0].spikes) > 100


@pytest.mark.parametrize("options", [PRE_TRIGGERED, STDP], ids=str)
def test_chunks_are_the_whole_run(key, options):
    program = chance(dense(np.random.default_rng(7), **options))
    machine, arrays, _ = Machine.of(program)
    events = event_lists([program.cores[0].events], ticks=TICKS - 1)
    state = machine.init(program, arrays, draws=key[None])
    whole, recorded = go(machine, arrays, state, events)
    parts, first = [], 1
    for length in (1, 64, 64, 70):
        part = jax.tree.map(lambda x, a=first - 1, b=length: x[a : a + b], events)
        state, kept = go(machine, arrays, state, part, jnp.int32(first))
        parts.append(kept)
        first += length
    assert first == TICKS
    together = jax.tree.map(lambda *x: np.concatenate(x), *parts)
    jax.tree.map(np.testing.assert_array_equal, together, recorded)
    same(state, whole)
    assert recorded[1].sum() > 100


def chance(program):
    """With random transmission, rounding and noise."""
    (one,) = program.cores
    changes = {"probability": [[9, 12]], "rounding": [1], "rounding_bits": [2], "noise": [[0, 6]]}
    arrays = {**one.arrays, **{name: np.array(value, np.int32) for name, value in changes.items()}}
    return type(program)((type(one)(arrays, one.inputs, True, expiry=30, boundary=6),), program.routes)


def same(a, b):
    a, b = (s._replace(draws=jax.random.key_data(s.draws)) for s in (a, b))
    jax.tree.map(np.testing.assert_array_equal, a, b)


def inputs(rng, replicas, axons=24):
    found = [np.argwhere(rng.random((TICKS, axons)) < 0.08) for _ in range(replicas)]
    return [e[e[:, 0] > 0] for e in found]


@pytest.mark.parametrize(("options", "duplicates"), [(PRE_TRIGGERED, True), (PRE_TRIGGERED, False), (STDP, True)])
def test_replicas_with_weights_of_their_own_are_separate_runs(key, options, duplicates):
    rng = np.random.default_rng(11)
    program = chance(dense(rng, **options))
    machine, arrays, _ = Machine.of(program, duplicates=duplicates)
    own, keys = inputs(rng, 3), jax.random.split(key, 3)
    together, recorded = go(
        machine, arrays, machine.init(program, arrays, replicas=3, shared=False, draws=keys),
        event_lists(own, ticks=TICKS - 1),
    )  # fmt: skip
    capacity = max(event_lists([e], ticks=TICKS - 1).rows.shape[1] for e in own)
    tables = []
    for i, events in enumerate(own):
        start = machine.init(program, arrays, draws=keys[i : i + 1])
        alone, kept = go(machine, arrays, start, event_lists([events], ticks=TICKS - 1, capacity=capacity))
        jax.tree.map(lambda a, b, i=i: np.testing.assert_array_equal(a[:, i : i + 1], b), recorded, kept)
        same(jax.tree.map(lambda x, i=i: x[i : i + 1], together), alone)
        tables.append(np.asarray(machine.table(alone.weights)))
    assert (tables[0] != tables[1]).sum() > 100
    np.testing.assert_array_equal(machine.table(together.weights), np.concatenate(tables))


def test_replicas_that_share_weights_add_up_their_changes():
    # Without learning from one another's spikes: one tick, in which every replica sees the same weights.
    rng = np.random.default_rng(13)
    program = dense(rng, limited=False)
    machine, arrays, _ = Machine.of(program)
    start = np.asarray(machine.table(machine.init(program, arrays).weights))[0]
    own = [np.array([[1, a] for a in axons]) for axons in ([0, 3, 7], [3, 4], [9, 9])]
    alone = []
    for replica in own:
        state, _ = go(machine, arrays, machine.init(program, arrays), event_lists([replica], ticks=1))
        alone.append(np.asarray(machine.table(state.weights))[0] - start)
    assert all(np.any(change) for change in alone)
    state, _ = go(machine, arrays, machine.init(program, arrays, replicas=3), event_lists(own, ticks=1))
    np.testing.assert_array_equal(np.asarray(machine.table(state.weights))[0] - start, sum(alone))


def test_replicas_that_do_not_learn_do_not_meet():
    rng = np.random.default_rng(17)
    program = dense(rng, learning=False)
    machine, arrays, _ = Machine.of(program)
    own = inputs(rng, 3)
    start = machine.init(program, arrays, replicas=3)
    _, (x, spikes) = go(machine, arrays, start, event_lists(own, ticks=TICKS - 1))
    for i, events in enumerate(own):
        outcome = simulate(with_events(program, events), TICKS)[0]
        np.testing.assert_array_equal(x[:, i].transpose(0, 2, 1), outcome.states[1:])
        assert len(outcome.spikes) == spikes[:, i].sum() > 50


@pytest.mark.parametrize("options", [PRE_TRIGGERED, STDP], ids=str)
def test_an_event_that_is_listed_twice_counts_twice(options):
    program = dense(np.random.default_rng(19), threshold=30000, **options)  # no spikes: all sums show
    program = with_events(program, [[5, 2], [9, 3], [9, 3], [9, 4]])
    twice = simulate(program, 12, weight_ticks=[[11]])[0]
    once = simulate(with_events(program, [[5, 2], [9, 3], [9, 4]]), 12, weight_ticks=[[11]])[0]
    weights = np.clip(program.cores[0].weights, -64, 63)
    row = slice(1 + 3 * 20, 1 + 4 * 20)
    np.testing.assert_array_equal(twice.states[:10], once.states[:10])
    np.testing.assert_array_equal((twice.states - once.states)[10, :, 0], weights[row])
    if not options["stdp"]:
        change = once.weights[0] - weights
        assert change[row].any()
        np.testing.assert_array_equal(twice.weights[0][row], np.clip(weights + 2 * change, -64, 63)[row])


def test_event_lists_keep_order_and_refuse_what_does_not_fit():
    lists = event_lists([np.array([[2, 5], [2, 1], [4, 3]]), np.array([[2, 7], [9, 0]])], ticks=3, first=2)
    assert lists.rows.tolist() == [[0, 0, 1], [2, 2, 2], [0, 2, 2]]
    assert lists.axons[0].tolist() == [5, 1, 7]
    assert int(lists.axons[2, 0]) == 3
    assert event_lists([np.array([[2, 5]])], ticks=3, first=2, capacity=4).rows.shape == (3, 4)
    with pytest.raises(ValueError, match="has 3 events, more than the capacity of 2"):
        event_lists([np.array([[1, 0], [2, 5], [2, 1], [2, 3]])], ticks=3, capacity=2)
