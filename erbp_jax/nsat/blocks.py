"""Which synapses form dense blocks, and which a matrix: what need not be looked up one by one.

Tables are structured arrays of synapses with the fields unit, neuron, state, weight, probability and synapse
(`tables.lower`).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from erbp_jax.nsat.program import Program


class Block(NamedTuple):
    """All-to-all synapses from the units `[source, source + sources)` onto neurons `[first, first + targets)`."""

    source: int
    sources: int
    first: int
    targets: int
    state: int
    weight: int  # the weight of the first pair; pairs lie row by row


LARGEST_MATRIX = 2**20
SMALLEST_BLOCK = 256
"""Synapses below which a block is not worth a kernel of its own."""
BLOCK_BITS = 16
"""Bits of a random word that the rounding of a block's changes may take; the others decide on transmission."""


def fixed_matrix(
    table: np.ndarray, learned: np.ndarray, axons: int, targets: int, program: Program
) -> tuple[np.ndarray, int, np.ndarray]:
    """Synapses of neurons that never change and always transmit, as a matrix `[sources, S * N]` from the first source.

    Float32 holds their sums exactly. Nothing is kept so if the matrix would be large.
    """
    none = (np.zeros(len(table), bool), 0, np.zeros((0, targets), np.int32))
    changing = np.isin(table["weight"], table["weight"][learned])
    fixed = (table["unit"] >= axons) & ~changing & (table["probability"] == 15)
    if not fixed.any():
        return none
    weights = np.concatenate([np.clip(one.weights, *one.weight_limits) for one in program.cores])
    sources, values = table["unit"][fixed] - axons, weights[table["weight"][fixed]]
    first, count = int(sources.min()), int(np.ptp(sources)) + 1
    if count * targets > LARGEST_MATRIX or np.abs(values.astype(np.int64)).sum() >= 2**24:
        return none
    matrix = np.zeros((count, targets), np.int32)
    neurons = targets // max(one.states for one in program.cores)
    np.add.at(matrix, (sources - first, table["state"][fixed] * neurons + table["neuron"][fixed]), values)
    return fixed, first, matrix


def find_blocks(table: np.ndarray, parameters: Mapping[str, np.ndarray]) -> tuple[np.ndarray, list[Block]]:
    """Which synapses stay in the padded table, and the blocks that hold the others. No weight of a block is shared."""
    if not len(table):
        return np.ones(0, bool), []
    rows = table[np.lexsort((table["neuron"], table["state"], table["unit"]))]
    used = np.bincount(table["weight"])
    bits = parameters["rounding_bits"][rows["state"], rows["neuron"]]
    # A straight run: one source and state, neurons and weights in a row.
    new = np.ones(len(rows), bool)
    new[1:] = np.any([np.diff(rows[n]) != d for n, d in (("unit", 0), ("state", 0), ("neuron", 1), ("weight", 1))], 0)
    starts = np.flatnonzero(new)
    found: list[Block] = []
    for start, length in zip(starts.tolist(), np.diff(np.r_[starts, len(rows)]).tolist(), strict=True):
        run = rows[start : start + length]
        if (used[run["weight"]] > 1).any() or (bits[start : start + length] > BLOCK_BITS).any():
            continue
        unit, neuron, state, weight = (int(run[n][0]) for n in ("unit", "neuron", "state", "weight"))
        for i, b in enumerate(found):
            fits = (b.first, b.targets, b.state) == (neuron, length, state)
            if fits and b.source + b.sources == unit and b.weight + b.sources * b.targets == weight:
                found[i] = b._replace(sources=b.sources + 1)
                break
        else:
            found.append(Block(unit, 1, neuron, length, state, weight))
    kept = [b for b in found if b.sources * b.targets >= SMALLEST_BLOCK]
    inside = np.zeros(len(table), bool)
    for b in kept:
        inside |= in_block(table, b)
    return ~inside, kept


def in_block(rows: np.ndarray, b: Block) -> np.ndarray:
    place = (rows["unit"] - b.source) * b.targets + rows["neuron"] - b.first
    return (
        (rows["unit"] >= b.source)
        & (rows["unit"] < b.source + b.sources)
        & (rows["state"] == b.state)
        & (rows["neuron"] >= b.first)
        & (rows["neuron"] < b.first + b.targets)
        & (rows["weight"] == b.weight + place)
    )


def block_probability(table: np.ndarray, b: Block) -> np.ndarray:
    chance = np.zeros(b.sources, np.int32)
    rows = table[in_block(table, b)]
    chance[rows["unit"] - b.source] = rows["probability"]
    return chance
