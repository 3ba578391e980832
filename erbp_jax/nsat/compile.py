"""From a trained network of floats to a program of the fixed-point machine.

Every layer of `LIF` neurons becomes neurons with one state (the synaptic current is the membrane) or two (membrane and
current), on as many cores as its states need; routes carry spikes to layers on other cores. `plan.py` has how leaks,
weights, thresholds and chances become integers. A layer answers one tick (with two states two ticks) after the spikes
that drive it, where the float network answers at once: a presentation takes that much longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from erbp_jax.errors import UserError
from erbp_jax.network import Network
from erbp_jax.nsat.fields import MAX_STATES, MAX_SYNAPSES, MAX_UNITS, NO_CONNECTION
from erbp_jax.nsat.plan import CompiledLayer, Leak, integers, plan_layer
from erbp_jax.nsat.program import Core, Program, all_to_all, core

__all__ = ["Compiled", "CompiledLayer", "Leak", "compile_network"]


@dataclass(frozen=True)
class Compiled:
    """A network as a program, and where its parts went.

    Example:
        >>> import numpy as np, erbp_jax as ej
        >>> from erbp_jax.nsat.compile import compile_network
        >>> compiled = compile_network(ej.mlp(4, 3, neuron=ej.LIF(tau_mem=0.0)), [np.ones((4, 3))])
        >>> len(compiled.program.cores), compiled.pieces
        (1, (((0, 0, 0),),))
    """

    program: Program
    layers: tuple[CompiledLayer, ...]
    pieces: tuple[tuple[tuple[int, int, int], ...], ...]  # per layer: (core, first neuron on it, first unit) ...
    input_cores: tuple[int, ...]  # cores whose first axons are the input
    latency: int  # ticks by which the outputs are behind the float network's


def compile_network(network: Network, weights: Sequence[np.ndarray], *, bits: int = 8) -> Compiled:
    """A program that computes what the network does, as nearly as integers can. `weights[l]` is `[I, O]`.

    Example:
        >>> import numpy as np, erbp_jax as ej
        >>> from erbp_jax.nsat.compile import compile_network
        >>> network = ej.mlp(4, 3, 2, neuron=ej.LIF(tau_mem=0.0, tau_syn=4.0))
        >>> weights = [np.ones((4, 3)), np.ones((3, 2))]
        >>> compiled = compile_network(network, weights, bits=8)
        >>> compiled.latency, [layer.units for layer in compiled.layers]
        (2, [3, 2])

    Raises:
        UserError: a layer that the machine has no like for; says which and why.
    """
    if (synapses := sum(w.size for w in weights)) > MAX_SYNAPSES:
        raise UserError(f"{synapses:,} synapses are more than the {MAX_SYNAPSES:,} that a program may have")
    plans = [plan_layer(i, layer, w, bits) for i, (layer, w) in enumerate(zip(network.layers, weights, strict=True))]
    states = [plan.states for plan in plans]
    inputs = network.sizes[0]
    pieces = _place([plan.units for plan in plans], states, inputs)
    total = 1 + max(c for layer in pieces for c, *_ in layer)
    builders = [_Builder() for _ in range(total)]
    for plan, layer, s in zip(plans, pieces, states, strict=True):
        for c, first, _, count in layer:
            builders[c].add(plan, first, count, s)
    routes: list[tuple[int, int, int, int]] = []
    for depth, (layer, w, plan) in enumerate(zip(pieces, weights, plans, strict=True)):
        integer = integers(w, plan, bits)
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
            coupling[i, s - 1, s - 1], sign[i, s - 1, s - 1] = plan.current_leak.exponent, -1
            arrays["weight_gain"][i, s - 1] = plan.gain
            arrays["probability"][i, s - 1] = plan.probability
            arrays["refractory"][i] = plan.refractory
            if plan.membrane_leak is None:
                continue
            coupling[i, 0, 0], sign[i, 0, 0] = plan.membrane_leak.exponent, -1
            coupling[i, 1, 0], sign[i, 1, 0] = plan.membrane_leak.exponent, 1
            if plan.reset is not None:
                arrays["reset"][i, 0], arrays["reset_on"][i, 0] = plan.reset, 1
            arrays["spike_increment"][i, 0] = -plan.subtracted
        initial = np.zeros((len(self.group), s), np.int32)
        initial[:, 0] = arrays["reset"][self.group, 0]  # a membrane begins where a spike leaves it
        return core(
            inputs=self.inputs,
            boundary=boundary,
            coupling=coupling,
            coupling_sign=sign,
            group=np.array(self.group),
            initial=initial,
            synapses=np.concatenate(self.synapses),
            weights=np.concatenate(self.weights),
            **arrays,  # pyright: ignore[reportArgumentType] (arrays by the names of fields)
        )
