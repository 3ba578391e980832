"""Run a program file again and compare it, integer for integer, with what the file says came out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.errors import UserError
from erbp_jax.nsat.draws import Draws, Keyed, Recorded, Recording, Stream
from erbp_jax.nsat.files import Expected, Fixture
from erbp_jax.nsat.machine import Machine
from erbp_jax.nsat.plasticity import Compatibility
from erbp_jax.nsat.program import Core, Program, merge
from erbp_jax.nsat.run import event_lists
from erbp_jax.random import new_key

Source = Literal["recorded", "pcg32", "key"]
MAX_RECORD = 2**31
"""Bytes of what a run keeps of all its ticks."""


@dataclass(frozen=True)
class Outcome:
    """What a run of one core gave.

    Example:
        >>> from erbp_jax.nsat.erbp import Recipe, erbp_program
        >>> from erbp_jax.nsat.replay import simulate
        >>> program = erbp_program(Recipe(layers=(16, 8, 3)))
        >>> (outcome,) = simulate(program, ticks=5, weight_ticks=[[0, 4]])
        >>> outcome.states.shape, outcome.weights.shape == (2, len(program.cores[0].weights))
        ((5, 17, 2), True)
    """

    states: np.ndarray  # [T, N, S]
    spikes: np.ndarray  # [K, 2] tick, neuron
    weights: np.ndarray  # [Q, W] after the ticks asked for


@dataclass(frozen=True)
class Mismatch:
    """The first place where a run differs from what a file expects.

    Example:
        >>> from erbp_jax.nsat.replay import Mismatch
        >>> print(Mismatch(core=0, what="state", tick=7, place=(3, 0), expected=60, got=61))
        core 0, tick 7, neuron 3, state 0: state expected 60, got 61
    """

    core: int
    what: str  # "state", "spike" or "weight"
    tick: int
    place: tuple[int, ...]
    expected: int
    got: int

    def __str__(self) -> str:
        names = {"state": ("neuron", "state"), "spike": ("neuron",), "weight": ("weight",)}[self.what]
        where = ", ".join(f"{name} {i}" for name, i in zip(names, self.place, strict=True))
        return f"core {self.core}, tick {self.tick}, {where}: {self.what} expected {self.expected}, got {self.got}"


def simulate(
    program: Program,
    ticks: int,
    *,
    source: Source = "key",
    recorded: Sequence[Expected] = (),
    weight_ticks: Sequence[Sequence[int]] = (),
    compat: Compatibility = "reference",
    seed: int = 0,
    blocks: bool = True,
) -> tuple[Outcome, ...]:
    """Run a program's own events for `ticks` ticks (row 0 is the initial state); everything is recorded.

    Args:
        source: `"recorded"` draws from the arrays in `recorded`, `"pcg32"` from the program's own seed, `"key"` from a
            JAX key made of `seed`.
        weight_ticks: per core, the ticks after which weights are kept.
        blocks: whether dense synapses may be worked on in blocks.

    Example:
        >>> from erbp_jax.nsat.program import NO_ROUTES, Program, all_to_all, core
        >>> from erbp_jax.nsat.replay import simulate
        >>> synapses = all_to_all([0], [0], external=True, state=0, weight=0)
        >>> events = [[1, 0], [2, 0], [3, 0]]
        >>> one = core(inputs=1, threshold=[100], initial=[[0]], synapses=synapses, weights=[60], events=events)
        >>> (outcome,) = simulate(Program((one,), NO_ROUTES), ticks=6)
        >>> outcome.states[:, 0, 0].tolist(), outcome.spikes.tolist()
        ([0, 0, 60, 120, 180, 180], [[3, 0], [4, 0], [5, 0]])

    Raises:
        UserError: draws that the program needs and the recording lacks; a seed or a run that is too large.
    """
    if source == "key" and not 0 <= seed < 2**32:
        raise UserError(f"seed: must be in [0, {2**32 - 1}], got {seed}")
    draws: Draws = {"recorded": Recorded(), "pcg32": Stream(program.seed, program.sequence), "key": Keyed()}[source]
    check_size(program, ticks)
    machine, arrays, offsets = Machine.of(program, draws=draws, compat=compat, blocks=blocks)
    layout = machine.layout
    carried = None
    if source == "recorded":
        carried = _recording(program, recorded, ticks, layout.states)
    elif source == "key":
        carried = new_key(seed)[None]
    state = machine.init(program, arrays, draws=carried)
    events = np.concatenate(
        [c.events + np.array([0, a], np.int32) for c, a in zip(program.cores, offsets.axon, strict=True)]
    )
    lists = event_lists([events[np.argsort(events[:, 0], kind="stable")]], ticks=ticks - 1)
    kept = np.unique(np.concatenate([np.zeros(0, np.int64), *[np.asarray(t, np.int64) for t in weight_ticks]]))
    slots = np.full(ticks, len(kept), np.int32)
    slots[kept[kept < ticks]] = np.arange(np.sum(kept < ticks))

    @partial(jax.jit, static_argnums=0)
    def whole(machine, arrays, state, lists, slots):
        def body(carry, now):
            state, snapshots = carry
            t, events, slot = now
            state, tick = machine.step(arrays, state, events, t)
            if len(kept):
                snapshots = snapshots.at[slot].set(machine.table(tick.weights)[0], mode="drop")
            return (state, snapshots), (tick.x[0], tick.spikes[0])

        # Those of tick 0 are the initial ones.
        snapshots = jnp.broadcast_to(machine.table(state.weights), (len(kept), layout.weights))
        now = (jnp.arange(1, ticks, dtype=jnp.int32), lists, slots[1:])
        (_, snapshots), (x, spikes) = jax.lax.scan(body, (state, snapshots), now)
        return x, spikes, snapshots

    x, spikes, snapshots = map(np.asarray, whole(machine, arrays, state, lists, jnp.asarray(slots)))
    x = np.concatenate([np.asarray(state.x)[:1, :, :], x]) if ticks > 1 else np.asarray(state.x)
    outcomes = []
    for c, one in enumerate(program.cores):
        n, w = offsets.neuron[c], offsets.weight[c]
        fired = np.argwhere(spikes[:, n : n + one.neurons]).astype(np.int32)
        fired[:, 0] += 1
        mine = np.searchsorted(kept, np.asarray(weight_ticks[c], np.int64)) if weight_ticks else np.zeros(0, np.int64)
        outcomes.append(
            Outcome(
                x[:, : one.states, n : n + one.neurons].transpose(0, 2, 1),
                fired,
                snapshots[mine, w : w + len(one.weights)],
            )
        )
    return tuple(outcomes)


def record_size(program: Program, ticks: int) -> int:
    """Bytes that a run keeps of all its ticks: states and spikes of every neuron, lists of events."""
    states = max(one.states for one in program.cores)
    neurons = sum(one.neurons for one in program.cores)
    events = np.concatenate([one.events[:, 0] for one in program.cores])
    most = int(np.unique(events, return_counts=True)[1].max()) if len(events) else 0
    return ticks * ((4 * states + 1) * neurons + 8 * most + 8)


def check_size(program: Program, ticks: int) -> None:
    """
    Raises:
        UserError: a run that is too long for the memory that it may take.
    """
    if (size := record_size(program, ticks)) > MAX_RECORD:
        raise UserError(f"ticks: the states of {ticks} ticks take {size:,} bytes, more than {MAX_RECORD:,}")


def check_replay(fixture: Fixture, source: Source) -> None:
    """
    Raises:
        UserError: a file that cannot be replayed: too long, or without the draws that it needs.
    """
    check_size(fixture.program, fixture.ticks)
    if source == "recorded":
        for c, (one, e) in enumerate(zip(fixture.program.cores, fixture.expected, strict=True)):
            _check_draws(c, one, e)


def _check_draws(c: int, one: Core, e: Expected) -> None:
    for name, has in (("noise", e.noise), ("mask", e.masks), ("rr_draw", e.rounding)):
        if has is None and name in drawn(one):
            raise UserError(f"c{c}_{name}: missing, but the program draws at random")


def replay(
    fixtures: Sequence[Fixture], *, source: Source = "recorded", compat: Compatibility = "reference"
) -> list[list[Outcome]]:
    """Run the programs of files, all of them side by side in one call, each as long as its file says.

    Returns:
        Per file, an outcome for each of its cores.

    Example:
        >>> import numpy as np
        >>> from erbp_jax.nsat.files import Expected, Fixture
        >>> from erbp_jax.nsat.program import NO_ROUTES, Program, all_to_all, core
        >>> from erbp_jax.nsat.replay import first_mismatch, replay
        >>> synapses = all_to_all([0], [0], external=True, state=0, weight=0)
        >>> events = [[1, 0], [2, 0], [3, 0]]
        >>> one = core(inputs=1, threshold=[100], initial=[[0]], synapses=synapses, weights=[60], events=events)
        >>> spikes = np.array([[3, 0], [4, 0]])  # the machine fires in tick 5, too
        >>> expected = Expected(None, spikes, None, None, None, None, None)
        >>> fixture = Fixture(Program((one,), NO_ROUTES), 6, (expected,), {})
        >>> ((outcome,),) = replay([fixture])
        >>> print(first_mismatch(fixture, [outcome]))
        core 0, tick 5, neuron 0: spike expected 0, got 1

    Raises:
        UserError: draws that a program needs and its file lacks; a run that is too large.
    """
    ticks = max(fixture.ticks for fixture in fixtures)
    expected = [_lengthened(e, ticks) for fixture in fixtures for e in fixture.expected]
    kept = [[] if e.weight_ticks is None else e.weight_ticks.tolist() for e in expected]
    program = merge([fixture.program for fixture in fixtures])
    outcomes = iter(simulate(program, ticks, source=source, recorded=expected, weight_ticks=kept, compat=compat))
    return [[_cut(next(outcomes), fixture.ticks) for _ in fixture.program.cores] for fixture in fixtures]


def _lengthened(e: Expected, ticks: int) -> Expected:
    """Recorded draws up to a longer run's end."""

    def longer(x):
        return None if x is None else np.pad(x, ((0, ticks - len(x)), *[(0, 0)] * (x.ndim - 1)))

    return replace(e, masks=longer(e.masks), rounding=longer(e.rounding), noise=longer(e.noise))


def _cut(outcome: Outcome, ticks: int) -> Outcome:
    spikes = outcome.spikes
    return replace(outcome, states=outcome.states[:ticks], spikes=spikes[spikes[:, 0] < ticks])


def first_mismatch(fixture: Fixture, outcomes: Sequence[Outcome]) -> Mismatch | None:
    """The earliest place in which a run differs from the file; states before spikes before weights of a tick."""
    found: list[Mismatch] = []
    for c, (want, got) in enumerate(zip(fixture.expected, outcomes, strict=True)):
        if want.states is not None and (bad := np.argwhere(want.states != got.states)).size:
            t, n, s = bad[0].tolist()
            found.append(Mismatch(c, "state", t, (n, s), int(want.states[t, n, s]), int(got.states[t, n, s])))
        if want.spikes is not None:
            a, b = ({tuple(r) for r in spikes.tolist()} for spikes in (want.spikes, got.spikes))
            if a != b:
                t, n = min(a ^ b)
                found.append(Mismatch(c, "spike", t, (n,), int((t, n) in a), int((t, n) in b)))
        if want.weights is None or want.weight_ticks is None:
            continue
        if (bad := np.argwhere(want.weights != got.weights)).size:
            q, w = bad[0].tolist()
            t = int(want.weight_ticks[q])
            found.append(Mismatch(c, "weight", t, (w,), int(want.weights[q, w]), int(got.weights[q, w])))
    return min(found, key=lambda m: (m.tick, ("state", "spike", "weight").index(m.what)), default=None)


def drawn(one: Core) -> frozenset[str]:
    """Which random numbers a core may draw, by the names of their recordings."""
    used = np.unique(one.group)
    chance = one.probability[one.group[one.synapses[:, 2]], one.synapses[:, 3]]
    rules = one.learning_group[one.group[one.synapses[:, 2]], one.synapses[:, 3]]
    needed = {
        "noise": (one.noise[used] != 0).any(),
        "mask": ((chance > 0) & (chance < 15)).any(),
        "rr_draw": one.learning and ((one.plastic[rules] != 0) & (one.rounding[rules] != 0)).any(),
    }
    return frozenset(name for name, needs in needed.items() if needs)


def _recording(program: Program, recorded: Sequence[Expected], ticks: int, states: int) -> Recording:
    """The recorded draws of all cores side by side; cores without any get nothing."""
    noise, masks, rounding = [], [], []
    for c, (one, e) in enumerate(zip(program.cores, recorded, strict=True)):
        _check_draws(c, one, e)
        n, m = one.neurons, len(one.synapses)
        values = np.zeros((ticks, n, one.states), np.int32) if e.noise is None else e.noise
        noise.append(np.pad(values.transpose(0, 2, 1), ((0, 0), (0, states - one.states), (0, 0))))
        masks.append(np.full((ticks, m), -1, np.int32) if e.masks is None else e.masks)
        rounding.append(np.zeros((ticks, m, 2), np.int32) if e.rounding is None else e.rounding)
    # One more synapse, which is none: what the padding of the tables points at.
    return Recording(
        jnp.asarray(np.concatenate(noise, axis=2)),
        jnp.asarray(np.pad(np.concatenate(masks, axis=1), ((0, 0), (0, 1)), constant_values=-1)),
        jnp.asarray(np.pad(np.concatenate(rounding, axis=1), ((0, 0), (0, 1), (0, 0)))),
    )
