"""From a program to the arrays that a machine steps: all cores side by side, parameters per neuron, forward tables.

Cores run in lock-step and meet only through routes, so laying them side by side in one array is the program itself:
the neurons of core 1 follow those of core 0, cores with fewer states are padded with states that stay 0. A *unit* is an
axon or a neuron: all axons of all cores come first. A *target* is `state * N + neuron`.

Synapses are found by their source alone (forward tables). Those of a source onto a contiguous range of neurons whose
weights lie in a row as well are kept as a *block*: a source number, a target range, a weight offset. The rest goes
into a padded table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.nsat.blocks import Block, block_probability, find_blocks, fixed_matrix, in_block
from erbp_jax.nsat.fields import FIELDS, NO_CONNECTION
from erbp_jax.nsat.program import Program


class Parameters(NamedTuple):
    """Of every neuron; int32. S is the largest number of states of any core."""

    coupling: jax.Array  # [S, S, N] source, destination
    coupling_sign: jax.Array  # [S, S, N]
    bias: jax.Array  # [S, N]
    threshold: jax.Array  # [N]
    adaptive: jax.Array  # [N] bool
    lower: jax.Array  # [S, N]
    upper: jax.Array  # [S, N]
    reset: jax.Array  # [S, N]
    reset_on: jax.Array  # [S, N] bool
    spike_increment: jax.Array  # [S, N]
    refractory: jax.Array  # [N]
    noise: jax.Array  # [S, N]
    weight_gain: jax.Array  # [S, N]
    modulator: jax.Array  # [N]
    learns: jax.Array  # [S, N] bool: plastic learning group on a core that learns
    gated: jax.Array  # [N] bool
    gate_lower: jax.Array  # [N]
    gate_upper: jax.Array  # [N]
    period: jax.Array  # [N]
    burn_in: jax.Array  # [N]
    stdp: jax.Array  # [S, N] bool
    exponential: jax.Array  # [S, N] bool
    window: jax.Array  # [S, N]
    causal_edges: jax.Array  # [2, S, N]
    causal_shift: jax.Array  # [3, S, N]
    causal_sign: jax.Array  # [3, S, N]
    causal_slope: jax.Array  # [3, S, N]
    acausal_edges: jax.Array  # [2, S, N]
    acausal_shift: jax.Array  # [3, S, N]
    acausal_sign: jax.Array  # [3, S, N]
    acausal_slope: jax.Array  # [3, S, N]
    rounding: jax.Array  # [S, N] bool
    rounding_bits: jax.Array  # [S, N]


class Fans(NamedTuple):
    """Padded forward table of U units with at most F synapses each, in the order in which they are visited."""

    target: jax.Array  # [U, F] state * N + neuron; S * N where there is none
    weight: jax.Array  # [U, F] place in the weight table; W where there is none
    probability: jax.Array  # [U, F] fifteenths
    synapse: jax.Array  # [U, F] row in the program's tables, cores one after the other; M where there is none


class Arrays(NamedTuple):
    """What a machine reads and never changes."""

    parameters: Parameters
    fans: Fans
    block_probability: tuple[jax.Array, ...]  # per block [sources] fifteenths
    matrix: jax.Array  # [sources, S * N] int32, the synapses that `Layout.matrix` tells of
    lowest: jax.Array  # [W] limits of weights
    highest: jax.Array  # [W]
    expiry: jax.Array  # [U] ticks after which a causal update is written at last
    route_neuron: jax.Array  # [Q] source neuron
    route_axon: jax.Array  # [Q] destination axon


@dataclass(frozen=True)
class Layout:
    """What shapes the compiled program. Hashable."""

    neurons: int
    states: int
    axons: int
    weights: int
    couplings: tuple[tuple[int, int], ...]  # source, destination
    blocks: tuple[Block, ...]
    matrix: tuple[int, int]  # first neuron, neurons whose fixed and reliable synapses are kept as a matrix
    fan_axons: bool  # some axon has synapses in the padded table
    fan_neurons: bool
    routes: int
    limited: bool  # some core keeps its weights within limits
    learns: bool
    fan_learns: bool  # some synapse of the padded table
    block_learns: tuple[bool, ...]
    block_blanks: tuple[bool, ...]
    causal: bool  # some synapse has STDP
    rounds: bool
    blanks: bool  # some synapse of the padded table may fail to transmit
    noisy: bool
    modulators: tuple[int, ...]
    ordered: bool  # shared weights with limits: writes one after the other

    @property
    def units(self) -> int:
        return self.axons + self.neurons


@dataclass(frozen=True, eq=False)
class Offsets:
    """Where each core's things begin."""

    neuron: tuple[int, ...]
    axon: tuple[int, ...]
    weight: tuple[int, ...]
    synapse: tuple[int, ...]


def lower(program: Program, *, blocks: bool = True) -> tuple[Layout, Arrays, Offsets]:
    """The machine's tables. Without `blocks` every synapse goes into the padded table, in the order of visits."""
    cores = program.cores
    states = max(c.states for c in cores)
    offsets = Offsets(
        _starts([c.neurons for c in cores]),
        _starts([c.inputs for c in cores]),
        _starts([len(c.weights) for c in cores]),
        _starts([len(c.synapses) for c in cores]),
    )
    neurons, axons = sum(c.neurons for c in cores), sum(c.inputs for c in cores)
    weights, rows = sum(len(c.weights) for c in cores), sum(len(c.synapses) for c in cores)
    parameters = _parameters(program, states)
    table = _merged(program, offsets, axons)
    at = (table["state"], table["neuron"])
    learned = parameters["learns"][at]
    shared = len(table) > len(np.unique(table["weight"]))
    if blocks:
        fixed, first, matrix = fixed_matrix(table, learned, axons, states * neurons, program)
        rest = table[~fixed]
        fanned, found = find_blocks(rest, parameters)
    else:
        first, matrix, rest = 0, np.zeros((0, states * neurons), np.int32), table
        fanned, found = np.ones(len(table), bool), []
    fans = _fans(rest[fanned], axons + neurons, (states * neurons, weights, rows), neurons)
    chance = tuple(block_probability(table, b) for b in found)
    expiry = np.concatenate([np.full(c.inputs, c.expiry, np.int32) for c in cores]
                            + [np.full(c.neurons, c.expiry, np.int32) for c in cores])  # fmt: skip
    routes = program.routes
    arrays = Arrays(
        Parameters(**{name: jnp.asarray(value) for name, value in parameters.items()}),
        fans,
        tuple(jnp.asarray(c) for c in chance),
        jnp.asarray(matrix),
        _of_every_weight(program, 0),
        _of_every_weight(program, 1),
        jnp.asarray(expiry),
        jnp.asarray([offsets.neuron[r[0]] + r[1] for r in routes.tolist()], jnp.int32),
        jnp.asarray([offsets.axon[r[2]] + r[3] for r in routes.tolist()], jnp.int32),
    )
    layout = Layout(
        neurons=neurons,
        states=states,
        axons=axons,
        weights=weights,
        couplings=_couplings(parameters),
        blocks=tuple(found),
        matrix=(first, matrix.shape[0]),
        fan_axons=bool((rest["unit"][fanned] < axons).any()),
        fan_neurons=bool((rest["unit"][fanned] >= axons).any()),
        routes=len(routes),
        limited=any(c.limited for c in cores),
        learns=bool(learned.any()),
        fan_learns=bool(parameters["learns"][rest["state"][fanned], rest["neuron"][fanned]].any()),
        block_learns=tuple(bool(learned[in_block(table, b)].any()) for b in found),
        block_blanks=tuple(bool((c < 15).any()) for c in chance),
        causal=bool((learned & parameters["stdp"][at]).any()),
        rounds=bool((learned & parameters["rounding"][at]).any()),
        blanks=bool((rest["probability"][fanned] < 15).any()),
        noisy=bool((parameters["noise"] != 0).any()),
        modulators=tuple(np.unique(parameters["modulator"]).tolist()),
        ordered=bool(learned.any() and shared and any(c.limited for c in cores)),
    )
    return layout, arrays, offsets


def _starts(sizes: Sequence[int]) -> tuple[int, ...]:
    return tuple(np.cumsum([0, *sizes[:-1]]).tolist())


def _parameters(program: Program, states: int) -> dict[str, np.ndarray]:
    """Fields of `Parameters`: groups spread out over neurons, cores side by side, padded with states that stay at 0."""
    columns: dict[str, list[np.ndarray]] = {name: [] for name in Parameters._fields}
    for one in program.cores:
        padding = states - one.states
        values = {f.name: one.arrays[f.name] for f in FIELDS if "G" in f.shape}
        by_neuron = {name: np.moveaxis(value[one.group], 0, -1) for name, value in values.items()}
        groups = by_neuron.pop("learning_group")  # [S, N]
        for f in FIELDS:
            if "L" in f.shape:
                by_neuron[f.name] = np.moveaxis(one.arrays[f.name][groups], (0, 1), (-2, -1))
        by_neuron["learns"] = (by_neuron.pop("plastic") != 0) & one.learning
        by_neuron["gated"] = np.full(one.neurons, one.gated)
        # The simulator replaces a reset value that is larger in magnitude than the lower limit, when it loads.
        reset, low = by_neuron["reset"], by_neuron["lower"]
        by_neuron["reset"] = np.where(np.abs(reset) > np.abs(low), low, reset)
        for name in Parameters._fields:
            value = by_neuron[name]
            per_state = value.ndim - 1 - (1 if name.endswith(("_edges", "_shift", "_sign", "_slope")) else 0)
            if name in ("coupling", "coupling_sign"):
                fill = NO_CONNECTION if name == "coupling" else 0
                value = np.pad(value, ((0, padding), (0, padding), (0, 0)), constant_values=fill)
            elif per_state == 1:
                value = np.pad(value, (*[(0, 0)] * (value.ndim - 2), (0, padding), (0, 0)))
            columns[name].append(value)
    merged = {name: np.concatenate(parts, axis=-1) for name, parts in columns.items()}
    flags = ("adaptive", "reset_on", "learns", "gated", "stdp", "exponential", "rounding")
    return {n: v.astype(bool) if n in flags else v.astype(np.int32) for n, v in merged.items()}


def _of_every_weight(program: Program, limit: int) -> jax.Array:
    limits = [c.weight_limits[limit] for c in program.cores]
    return jnp.asarray(np.repeat(limits, [len(c.weights) for c in program.cores]), jnp.int32)


def _couplings(p: Mapping[str, np.ndarray]) -> tuple[tuple[int, int], ...]:
    used = ((p["coupling"] > NO_CONNECTION) & (p["coupling_sign"] != 0)).any(-1)
    return tuple((int(source), int(destination)) for source, destination in np.argwhere(used))


_ROW = [(n, np.int64) for n in ("unit", "neuron", "state", "weight", "probability", "synapse")]


def _merged(program: Program, offsets: Offsets, axons: int) -> np.ndarray:
    """Synapses of all cores `[M]`, sorted by unit, state and the order in which a source's fan is visited."""
    parts = []
    for c, one in enumerate(program.cores):
        rows = one.synapses
        part = np.zeros(len(rows), _ROW)
        external = rows[:, 1] == 1
        part["unit"] = np.where(external, offsets.axon[c] + rows[:, 0], axons + offsets.neuron[c] + rows[:, 0])
        part["neuron"] = offsets.neuron[c] + rows[:, 2]
        part["state"] = rows[:, 3]
        part["weight"] = offsets.weight[c] + rows[:, 4]
        part["synapse"] = offsets.synapse[c] + np.arange(len(rows))
        part["probability"] = one.probability[one.group[rows[:, 2]], rows[:, 3]]
        parts.append(part)
    table = np.concatenate(parts)
    # A fan (the synapses of a source onto one state) is visited last row first, with the probability of that first one.
    table = table[np.lexsort((-table["synapse"], table["state"], table["unit"]))]
    fan = np.unique(np.stack([table["unit"], table["state"]]), axis=1, return_inverse=True)[1] if len(table) else []
    first = np.r_[True, np.diff(fan) != 0] if len(table) else np.zeros(0, bool)
    table["probability"] = table["probability"][np.maximum.accumulate(np.where(first, np.arange(len(table)), 0))]
    return table


def _fans(table: np.ndarray, units: int, nowhere: tuple[int, int, int], neurons: int) -> Fans:
    counts = np.bincount(table["unit"], minlength=units)
    fan = int(counts.max()) if len(table) else 0
    place = np.arange(len(table)) - np.repeat(np.cumsum(counts) - counts, counts)
    columns = []
    values = (table["state"] * neurons + table["neuron"], table["weight"], table["probability"], table["synapse"])
    for value, empty in zip(values, (nowhere[0], nowhere[1], 15, nowhere[2]), strict=True):
        column = np.full((units, fan), empty, np.int32)
        column[table["unit"], place] = value
        columns.append(jnp.asarray(column))
    return Fans(*columns)
