"""External events from files, and what a run leaves in its folder."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.archive import read_table
from erbp_jax.errors import UserError
from erbp_jax.nsat.program import Program
from erbp_jax.nsat.replay import Outcome


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
    """The program with other external events; rows `core, tick, axon`.

    Raises:
        UserError: an event of a core, an axon or a tick that does not exist.
    """
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


def save(folder: Path, program: Program, ticks: int, outcomes: Sequence[Outcome]) -> str:
    """Spikes, final weights, states and a raster of a run; what to tell the user."""
    from erbp_jax.viz import nsat as pictures

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made a folder ({error.strerror})") from None
    spikes = np.concatenate(
        [np.concatenate([np.full((len(o.spikes), 1), c, np.int32), o.spikes], 1) for c, o in enumerate(outcomes)]
    )
    arrays: dict[str, Any] = {f"c{c}_X": o.states for c, o in enumerate(outcomes)}
    arrays |= {f"c{c}_w": o.weights[-1] for c, o in enumerate(outcomes)}
    for name, write in (
        ("spikes.npy", lambda stream: np.save(stream, spikes)),
        ("states.npz", lambda stream: np.savez_compressed(stream, **arrays)),
    ):
        partial = folder / f".{name}.partial"
        with partial.open("wb") as stream:
            write(stream)
        partial.replace(folder / name)
    try:
        picture = pictures.raster(spikes, [c.neurons for c in program.cores], ticks, folder / "raster.png")
    except UserError as error:  # matplotlib is an extra
        picture = f"none: {error}"
    neurons = sum(c.neurons for c in program.cores)
    return (
        f"{ticks} ticks, {neurons} neurons, {len(spikes)} spikes "
        f"({len(spikes) / neurons / max(ticks - 1, 1):.4f} a neuron and tick)\n"
        f"spikes: {folder / 'spikes.npy'} (core, tick, neuron); states and weights: {folder / 'states.npz'}; "
        f"picture: {picture}"
    )
