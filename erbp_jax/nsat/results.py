"""External events from files, and what a run leaves in its folder."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from erbp_jax.archive import read_table
from erbp_jax.errors import UserError
from erbp_jax.files import replacing
from erbp_jax.nsat.files import Fixture
from erbp_jax.nsat.program import Program
from erbp_jax.nsat.replay import Outcome
from erbp_jax.wording import plural

if TYPE_CHECKING:
    from erbp_jax.viz.nsat import Band

Layers = Sequence[Sequence[Sequence[int]]]
"""Of every layer `[core, first neuron, neurons]` a piece."""
MOST_RUNS = 8
"""Runs of parameter groups on a core, if a picture is to tell them apart."""


def read_events(path: Path) -> np.ndarray:
    """Rows `core, tick, axon` `[E, 3]` from `.npy`, `.npz` (its only array) or text; two columns are core 0's.

    Raises:
        UserError: no such file, not a table of whole numbers, or negative ones.
    """
    try:
        table = read_table(path, np.int64)
    except UserError as error:
        raise UserError(f"{error}: not a table of events") from None
    if table.size == 0:
        return np.zeros((0, 3), np.int32)
    if table.ndim != 2 or table.shape[1] not in (2, 3) or table.dtype.kind not in "iu":
        raise UserError(f"{path}: must be whole numbers [E, 2] (tick, axon) or [E, 3] (core, tick, axon), "
                        f"got {table.dtype} {list(table.shape)}")  # fmt: skip
    if table.min() < 0 or table.max() >= 2**31:
        raise UserError(f"{path}: events must be in [0, 2**31), got {table.min() if table.min() < 0 else table.max()}")
    if table.shape[1] == 2:
        table = np.concatenate([np.zeros((len(table), 1), table.dtype), table], axis=1)
    return table.astype(np.int32)


def with_events(program: Program, events: np.ndarray, ticks: int) -> Program:
    """The program with other external events; rows `core, tick, axon`, ticks from 1 to `ticks - 1`.

    Raises:
        UserError: an event of a core, an axon or a tick that does not exist.
    """
    if len(events) and events[:, 1].min() < 1:
        early = int((events[:, 1] < 1).sum())
        raise UserError(f"events: {early} of them in tick 0, but ticks count from 1 (row 0 is the start)")
    limits = ((0, len(program.cores), "core"), (1, ticks, "tick"))
    for column, limit, what in limits:
        if len(events) and events[:, column].max() >= limit:
            raise UserError(f"events: {what} must be below {limit}, got {events[:, column].max()}")
    cores = []
    for c, one in enumerate(program.cores):
        mine = events[events[:, 0] == c][:, 1:]
        if len(mine) and mine[:, 1].max() >= one.inputs:
            raise UserError(f"events: core {c} has {one.inputs} axons, got axon {mine[:, 1].max()}")
        ordered = mine[np.argsort(mine[:, 0], kind="stable")]
        cores.append(replace(one, arrays={**one.arrays, "events": ordered}))
    return replace(program, cores=tuple(cores))


def placed_layers(fixture: Fixture) -> Layers:
    """Where the layers of a compiled program lie, as its file says; nothing if it does not, or not rightly."""
    cores, layers = fixture.program.cores, fixture.spec.get("layers")
    if not isinstance(layers, list) or not all(isinstance(pieces, list) for pieces in layers):
        return ()
    for piece in (piece for pieces in layers for piece in pieces):
        if not isinstance(piece, list) or len(piece) != 3 or not all(type(x) is int for x in piece):
            return ()
        c, first, count = piece
        if not (0 <= c < len(cores) and first >= 0 and count >= 1 and first + count <= cores[c].neurons):
            return ()
    return layers


def _bands(program: Program, layers: Layers) -> "list[Band]":
    """What a picture tells apart: layers if they are known, else the runs of each core's parameter groups."""
    from erbp_jax.viz.nsat import Band

    if layers:
        return [Band(f"layer {i}", *piece) for i, pieces in enumerate(layers) for piece in pieces]
    bands = []
    for c, one in enumerate(program.cores):
        begins = np.flatnonzero(np.diff(one.group, prepend=-1))
        if not 1 < len(begins) <= MOST_RUNS:
            bands.append(Band("", c, 0, one.neurons))
            continue
        for first, end in zip(begins.tolist(), [*begins[1:].tolist(), one.neurons], strict=True):
            bands.append(Band(f"group {one.group[first]}", c, first, end - first))
    return bands


def _arrived(program: Program, ticks: int) -> "tuple[np.ndarray, list[Band]]":
    """The external events `[E, 3]` (core, tick, axon) of all cores within the run, and the axons of those cores."""
    from erbp_jax.viz.nsat import Band

    rows, bands = [], []
    for c, one in enumerate(program.cores):
        mine = np.asarray(one.arrays["events"], np.int64).reshape(-1, 2)
        mine = mine[mine[:, 0] < ticks]
        if len(mine):
            rows.append(np.concatenate([np.full((len(mine), 1), c), mine], axis=1))
            bands.append(Band("external events", c, 0, one.inputs))
    return np.concatenate(rows) if rows else np.zeros((0, 3), np.int64), bands


def save(folder: Path, program: Program, ticks: int, outcomes: Sequence[Outcome], layers: Layers = ()) -> str:
    """Spikes, final weights, states and a raster of a run; what to tell the user.

    Raises:
        UserError: the folder cannot be made or written; nothing is changed then.
    """
    from erbp_jax.viz import nsat as pictures

    spikes = np.concatenate(
        [np.concatenate([np.full((len(o.spikes), 1), c, np.int32), o.spikes], 1) for c, o in enumerate(outcomes)]
    )
    arrays: dict[str, Any] = {f"c{c}_X": o.states for c, o in enumerate(outcomes)}
    arrays |= {f"c{c}_w": o.weights[-1] for c, o in enumerate(outcomes)}
    try:
        fresh = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made a folder ({error.strerror or error})") from None
    try:
        # Both get their names only when both are written: they are of one run.
        with replacing(folder / "states.npz") as states, replacing(folder / "spikes.npy") as events:
            np.savez_compressed(states, **arrays)
            np.save(events, spikes)
    except BaseException as error:
        if fresh:
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise UserError(f"{folder}: cannot be written ({error.strerror or error})") from None
        raise
    raster = folder / "raster.png"
    try:
        arrived, axons = _arrived(program, ticks)
        picture = pictures.raster(spikes, _bands(program, layers), ticks, raster, axons, arrived)
    except (UserError, OSError) as error:  # matplotlib is an extra; the disk may be full
        picture = f"none: {error}"
        with suppress(OSError):
            raster.unlink(missing_ok=True)  # of an earlier run
    neurons = sum(c.neurons for c in program.cores)
    return (
        f"{plural(ticks, 'tick')}, {plural(neurons, 'neuron')}, {plural(len(spikes), 'spike')} "
        f"({len(spikes) / neurons / max(ticks - 1, 1):.4f} a neuron and tick)\n"
        f"spikes: {folder / 'spikes.npy'} (core, tick, neuron); states and weights: {folder / 'states.npz'}; "
        f"picture: {picture}"
    )
