"""From a trained network of floats to a program of the fixed-point machine.

Every layer of `LIF` neurons becomes neurons with one state (the synaptic current is the membrane, `tau_mem = 0`) or
two (membrane and current), on as many cores as its states need; routes carry spikes to layers on other cores. Leaks
become powers of two, weights integers of `bits` bits with a scale for every layer, and so does the threshold. A layer
answers one tick (with two states two ticks) after the spikes that drive it, where the float network answers at once:
a presentation takes that much longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from erbp_jax.connections import BlankOut, Dense, Reliable
from erbp_jax.errors import UserError
from erbp_jax.network import Layer, Network
from erbp_jax.neurons import LIF
from erbp_jax.neurons.firing import decay
from erbp_jax.nsat.fields import MAX_STATES, MAX_UNITS, NO_CONNECTION
from erbp_jax.nsat.program import Core, Program, all_to_all, core

THRESHOLD = 2**11
"""About how large thresholds are made: far above the rounding of leaks, far below the 16 bits of a state."""


@dataclass(frozen=True)
class Leak:
    """`x <- x - (x shifted by exponent)`: a factor of `1 - 2**exponent` a tick; exponent 0 clears the state."""

    exponent: int

    @property
    def factor(self) -> float:
        return 1.0 - 2.0**self.exponent

    @classmethod
    def nearest(cls, factor: float) -> "Leak":
        """The leak whose factor is nearest, from 0 (cleared every tick) to 1 - 2**-15."""
        return min((cls(-n) for n in range(16)), key=lambda leak: abs(leak.factor - factor))


@dataclass(frozen=True)
class CompiledLayer:
    """What became of a layer: the choices that were made for it."""

    neuron: LIF
    probability: int  # of transmission, fifteenths
    units: int
    cores: tuple[int, ...]
    current_leak: Leak
    membrane_leak: Leak | None  # None: the membrane is the current
    gain: int  # exponent of the summed input
    threshold: int
    scale: float  # integer weight per unit of weight
    wanted_leaks: tuple[float, float]  # factors of the float network: current, membrane


@dataclass(frozen=True)
class Compiled:
    program: Program
    layers: tuple[CompiledLayer, ...]
    pieces: tuple[tuple[tuple[int, int, int], ...], ...]  # per layer: (core, first neuron on it, first unit) ...
    input_cores: tuple[int, ...]  # cores whose first axons are the input
    latency: int  # ticks by which the outputs are behind the float network's


def compile_network(network: Network, weights: Sequence[np.ndarray], *, bits: int = 8) -> Compiled:
    """A program that computes what the network does, as nearly as integers can. `weights[l]` is `[I, O]`.

    Raises:
        UserError: a layer that the machine has no like for; says which and why.
    """
    plans = [_plan(i, layer, w, bits) for i, (layer, w) in enumerate(zip(network.layers, weights, strict=True))]
    states = [1 if plan.membrane_leak is None else 2 for plan in plans]
    inputs = network.sizes[0]
    pieces = _place([plan.units for plan in plans], states, inputs)
    total = 1 + max(c for layer in pieces for c, *_ in layer)
    builders = [_Builder() for _ in range(total)]
    for plan, layer, s in zip(plans, pieces, states, strict=True):
        for c, first, _, count in layer:
            builders[c].add(plan, first, count, s)
    routes: list[tuple[int, int, int, int]] = []
    for depth, (layer, w, plan) in enumerate(zip(pieces, weights, plans, strict=True)):
        integer = _integers(w, plan, bits)
        for c, first, unit, count in layer:
            block = integer[:, unit : unit + count]
            state = states[depth] - 1  # input enters the current: state 0, or 1 where the membrane is apart
            if depth == 0:
                builders[c].connect(True, builders[c].axons(("input",), inputs), block, first, state)
                continue
            for other, start, source, size in pieces[depth - 1]:
                part = block[source : source + size]
                if other == c:
                    builders[c].connect(False, start, part, first, state)
                    continue
                known = (depth - 1, other) in builders[c].known
                axon = builders[c].axons((depth - 1, other), size)
                if not known:
                    routes += [(other, start + i, c, axon + i) for i in range(size)]
                builders[c].connect(True, axon, part, first, state)
    boundary = bits - 1
    cores = tuple(b.build(boundary) for b in builders)
    table = np.array(routes, np.int32).reshape(-1, 4)
    layers = tuple(replace(plan, cores=tuple(c for c, *_ in layer)) for plan, layer in zip(plans, pieces, strict=True))
    places = tuple(tuple((c, first, unit) for c, first, unit, _ in layer) for layer in pieces)
    return Compiled(Program(cores, table), layers, places, tuple(c for c, *_ in pieces[0]), sum(states))


def check_layer(index: int, layer: Layer) -> tuple[LIF, Reliable | BlankOut]:
    """A layer's neuron and its transmission, if the machine has a like for them.

    Raises:
        UserError: says which layer and why.
    """
    neuron, connection = layer.neuron, layer.connection
    where = f"layer {index}"
    if not isinstance(neuron, LIF):
        raise UserError(f"{where}: only LIF neurons can be compiled, got {type(neuron).__name__}")
    if not isinstance(connection, Dense):
        raise UserError(f"{where}: only dense connections can be compiled, got {type(connection).__name__}")
    if not isinstance(connection.transmission, (Reliable, BlankOut)):
        raise UserError(f"{where}: {type(connection.transmission).__name__} transmission has no like on the machine")
    if neuron.noise is not None:
        raise UserError(f"{where}: noise on the membrane cannot be compiled; train with noise kind 'none'")
    if layer.delay:
        raise UserError(f"{where}: a delay of {layer.delay} ticks cannot be compiled: spikes take one tick")
    return neuron, connection.transmission


def _plan(index: int, layer: Layer, weights: np.ndarray, bits: int) -> CompiledLayer:
    """Leaks, scale, gain and threshold of a layer."""
    neuron, transmission = check_layer(index, layer)
    where = f"layer {index}"
    current, membrane = decay(neuron.tau_syn), decay(neuron.tau_mem)
    current_leak = Leak.nearest(current)
    membrane_leak = Leak.nearest(membrane) if neuron.tau_mem else None
    # A steady input settles at w / (1 - decay): weights make up for a leak that is not the wanted one.
    drive = (1.0 - current_leak.factor) / (1.0 - current)
    scale = (2 ** (bits - 1) - 1) / max(float(np.abs(weights).max() * drive), 1e-12)
    gain = max(0, round(np.log2(THRESHOLD / (scale * neuron.threshold))))
    threshold = round(neuron.threshold * scale * 2.0**gain)
    if threshold > 2**15 - 1:
        raise UserError(f"{where}: its threshold {neuron.threshold} is {threshold} in units of its largest weight, "
                        "more than 16 bits")  # fmt: skip
    return CompiledLayer(
        neuron=neuron, probability=_fifteenths(transmission), units=weights.shape[1], cores=(),
        current_leak=current_leak, membrane_leak=membrane_leak, gain=gain, threshold=threshold,
        scale=scale * drive, wanted_leaks=(current, membrane),
    )  # fmt: skip


def _fifteenths(transmission: Reliable | BlankOut) -> int:
    return 15 if isinstance(transmission, Reliable) else round(15 * transmission.p)


def _integers(weights: np.ndarray, plan: CompiledLayer, bits: int) -> np.ndarray:
    top = 2 ** (bits - 1) - 1
    return np.clip(np.rint(weights * plan.scale), -top - 1, top).astype(np.int32)


def _place(units: Sequence[int], states: Sequence[int], inputs: int) -> list[list[tuple[int, int, int, int]]]:
    """Cores one after the other, filled with the layers in order: `(core, first neuron, first unit, count)` a piece.

    A core's neurons all have as many states as its first; its axons must have room for the layer before.
    """
    placed: list[list[tuple[int, int, int, int]]] = []
    number, used, width = 0, 0, 0
    axons = 0
    before = inputs
    for size, wide in zip(units, states, strict=True):
        if before >= MAX_UNITS:
            raise UserError(f"a layer of {before} inputs needs more axons than a core has units, {MAX_UNITS}")
        pieces, done = [], 0
        while done < size:
            width = width or wide
            room = min(MAX_STATES // width - used, MAX_UNITS - used - axons - before) if width == wide else 0
            if room <= 0:
                number, used, width, axons = number + 1, 0, 0, 0
                continue
            count = min(room, size - done)
            pieces.append((number, used, done, count))
            used, done = used + count, done + count
            axons += before
        placed.append(pieces)
        before = size
    return placed


@dataclass
class _Builder:
    """A core in the making: a parameter group a piece of a layer."""

    groups: list[tuple[CompiledLayer, int]] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    states: int = 1
    inputs: int = 0
    known: dict[tuple, int] = field(default_factory=dict)
    synapses: list[np.ndarray] = field(default_factory=list)
    weights: list[np.ndarray] = field(default_factory=list)

    def add(self, plan: CompiledLayer, first: int, count: int, states: int) -> None:
        assert first == len(self.group)
        self.group += [len(self.groups)] * count
        self.groups.append((plan, states))
        self.states = states

    def axons(self, what: tuple, count: int) -> int:
        """The first of `count` axons for a source, made when they are asked for first."""
        if what not in self.known:
            self.known[what] = self.inputs
            self.inputs += count
        return self.known[what]

    def connect(self, external: bool, source: int, block: np.ndarray, first: int, state: int) -> None:
        sources, targets = source + np.arange(block.shape[0]), first + np.arange(block.shape[1])
        used = sum(len(w) for w in self.weights)
        self.synapses.append(all_to_all(sources, targets, external=external, state=state, weight=used))
        self.weights.append(block.reshape(-1))

    def build(self, boundary: int) -> Core:
        s, g = self.states, len(self.groups)
        coupling = np.full((g, s, s), NO_CONNECTION, np.int32)
        sign = np.zeros((g, s, s), np.int32)
        arrays: dict[str, np.ndarray] = {
            "threshold": np.array([plan.threshold for plan, _ in self.groups]),
            "refractory": np.zeros(g, np.int32),
            "reset": np.zeros((g, s), np.int32),
            "reset_on": np.zeros((g, s), np.int32),
            "spike_increment": np.zeros((g, s), np.int32),
            "weight_gain": np.zeros((g, s), np.int32),
            "probability": np.full((g, s), 15, np.int32),
        }
        for i, (plan, _) in enumerate(self.groups):
            neuron = plan.neuron
            coupling[i, s - 1, s - 1], sign[i, s - 1, s - 1] = plan.current_leak.exponent, -1
            arrays["weight_gain"][i, s - 1] = plan.gain
            arrays["probability"][i, s - 1] = plan.probability
            # Without a reset to a value a neuron may fire t_ref ticks after a spike, with one t_ref + 1 ticks.
            arrays["refractory"][i] = neuron.refractory + 1 if neuron.refractory else 0
            if plan.membrane_leak is None:
                continue
            coupling[i, 0, 0], sign[i, 0, 0] = plan.membrane_leak.exponent, -1
            coupling[i, 1, 0], sign[i, 1, 0] = plan.membrane_leak.exponent, 1
            unit = plan.threshold / neuron.threshold
            if neuron.reset == "value":
                arrays["reset"][i, 0], arrays["reset_on"][i, 0] = round(neuron.v_reset * unit), 1
                arrays["refractory"][i] = neuron.refractory
            elif neuron.reset == "subtract":
                arrays["spike_increment"][i, 0] = -plan.threshold
        return core(
            inputs=self.inputs,
            boundary=boundary,
            coupling=coupling,
            coupling_sign=sign,
            group=np.array(self.group),
            initial=np.zeros((len(self.group), s), np.int32),
            synapses=np.concatenate(self.synapses),
            weights=np.concatenate(self.weights),
            **arrays,  # pyright: ignore[reportArgumentType] (arrays by the names of fields)
        )
