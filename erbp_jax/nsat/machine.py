"""One tick of the fixed-point machine, for R copies (`replicas`) at once.

    y = x + sum_l sA[l, k] (A[l, k] <> x_l) + acc + b [+ noise]; refractory clamp; threshold; limits;
    routed spikes; synapses of this tick into the accumulator of the next; learning; reset; limits.

A *replica* is a copy of the machine with its own input. Replicas have separate weights, or share them: then the
changes of all replicas in a tick are added up before the limits. Work on synapses is done for events alone.
Source: facts of the NSAT simulator (nmi-lab/NSAT), whose integers it reproduces.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.nsat.arriving import NEVER, Arriving, Events
from erbp_jax.nsat.draws import Draws, Keyed
from erbp_jax.nsat.once import once
from erbp_jax.nsat.plasticity import Compatibility, modulation
from erbp_jax.nsat.program import Program
from erbp_jax.nsat.shifts import couple, gain
from erbp_jax.nsat.synapses import Synapses, Weights
from erbp_jax.nsat.tables import Arrays, Layout, Offsets, lower

ACCUMULATOR = (-(2**15), 2**15 - 1)


class State(NamedTuple):
    """All that the machine remembers between two ticks."""

    x: jax.Array  # [R, S, N]
    accumulator: jax.Array  # [R, S, N] what the spikes of the last tick bring
    refractory: jax.Array  # [R, N]
    snapshot: jax.Array  # [R, N] the modulator at the last spike
    last: jax.Array  # [R, U] tick of the last event; NEVER
    weights: Weights
    draws: Any


class Tick(NamedTuple):
    """What happened in a tick, for whoever records it."""

    x: jax.Array  # [R, S, N] after reset
    spikes: jax.Array  # [R, N] bool
    weights: Weights


@dataclass(frozen=True)
class Machine:
    """The compiled shape of a program. Hashable; `Machine.of(program)` makes one with its arrays.

    Example:
        >>> from erbp_jax.nsat.erbp import Recipe, erbp_program
        >>> from erbp_jax.nsat.machine import Machine
        >>> program = erbp_program(Recipe(layers=(16, 8, 3)))
        >>> machine, arrays, offsets = Machine.of(program)
        >>> state = machine.init(program, arrays, replicas=2)
        >>> state.x.shape[0], machine.layout.neurons == sum(core.neurons for core in program.cores)
        (2, True)
    """

    layout: Layout
    draws: Draws = field(default_factory=Keyed)
    compat: Compatibility = "documented"
    duplicates: bool = True  # whether an axon may be listed twice in a tick; without, replicas of their own are faster

    @classmethod
    def of(
        cls,
        program: Program,
        *,
        draws: Draws | None = None,
        compat: Compatibility = "documented",
        blocks: bool = True,
        duplicates: bool = True,
    ) -> tuple["Machine", Arrays, Offsets]:
        """A machine, the arrays that it reads, and where each core's neurons, axons and weights begin."""
        draws = Keyed() if draws is None else draws
        layout, arrays, offsets = lower(program, blocks=blocks and not draws.in_order)
        return cls(layout, draws, compat, duplicates), arrays, offsets

    def init(
        self, program: Program, arrays: Arrays, *, replicas: int = 1, shared: bool = True, draws: Any = None
    ) -> State:
        """The state before the first tick. `draws`: for `Keyed` keys `[R]`, for `Recorded` the recording."""
        layout = self.layout
        x = np.zeros((layout.states, layout.neurons), np.int32)
        first = 0
        for one in program.cores:
            x[: one.states, first : first + one.neurons] = one.initial.T
            first += one.neurons

        def full(*shape, value=0):
            return jnp.full((replicas, *shape), value, jnp.int32)

        return State(
            x=jnp.broadcast_to(jnp.asarray(x), (replicas, *x.shape)),
            accumulator=full(*x.shape),
            refractory=full(layout.neurons),
            snapshot=full(layout.neurons),
            last=full(layout.units, value=NEVER),
            weights=self.load(
                arrays, np.concatenate([one.weights for one in program.cores]), 1 if shared else replicas
            ),
            draws=self.draws.init(replicas) if draws is None else draws,
        )

    def load(self, arrays: Arrays, table: np.ndarray, copies: int = 1) -> Weights:
        """Weights from the tables of all cores `[W]`, limited."""
        limited = jnp.clip(jnp.asarray(table, jnp.int32), arrays.lowest, arrays.highest)
        every = jnp.broadcast_to(limited, (copies, self.layout.weights))
        blocks = tuple(
            every[:, b.weight : b.weight + b.sources * b.targets].reshape(copies, b.sources, b.targets)
            for b in self.layout.blocks
        )
        return Weights(every, blocks)

    def table(self, weights: Weights) -> jax.Array:
        """The whole weight table `[., W]`."""
        table = weights.table
        for b, block in zip(self.layout.blocks, weights.blocks, strict=True):
            table = table.at[:, b.weight : b.weight + b.sources * b.targets].set(block.reshape(block.shape[0], -1))
        return table

    def step(self, arrays: Arrays, state: State, events: Events, tick: jax.Array) -> tuple[State, Tick]:
        """One tick."""
        p, layout = arrays.parameters, self.layout
        y, refractory, spikes, draws = self._neurons(arrays, state, tick)
        routed = spikes[:, arrays.route_neuron]
        arriving = Arriving(layout, arrays, events, spikes, routed)
        synapses = Synapses(layout, self.draws, self.compat, self.duplicates)
        accumulator, weights, draws = synapses.visit(arrays, state, arriving, y, draws, tick)
        accumulator = jnp.clip(gain(accumulator, p.weight_gain[None]), *ACCUMULATOR)
        fired = spikes[:, None]
        y = jnp.where(fired, jnp.where(p.reset_on[None], p.reset[None], y + p.spike_increment[None]), y)
        y = jnp.clip(y, p.lower[None], p.upper[None])
        snapshot, last = state.snapshot, state.last
        if layout.causal:
            snapshot = jnp.where(spikes, modulation(y, p, layout.modulators), snapshot)
            last = arriving.mark(last, tick)
        return State(y, accumulator, refractory, snapshot, last, weights, draws), Tick(y, spikes, weights)

    def _neurons(self, arrays, state, tick):
        """Steps 2 to 5: integration, noise, refractory period, threshold, limits."""
        p, draws = arrays.parameters, state.draws
        y = once(tick, lambda x, accumulator: self._integrated(p, x, accumulator), state.x, state.accumulator)
        if self.layout.noisy:
            draws, y = self.draws.noise(draws, tick, y, p.noise)
        y, refractory, spikes = once(tick, lambda y, refractory: self._fired(p, y, refractory), y, state.refractory)
        return y, refractory, spikes, draws

    def _integrated(self, p, x, accumulator):
        changes: list[list[jax.Array]] = [[] for _ in range(self.layout.states)]
        for source, destination in self.layout.couplings:
            sign, exponent = p.coupling_sign[source, destination][None], p.coupling[source, destination][None]
            changes[destination].append(sign * couple(x[:, source], exponent))
        y = x + accumulator + p.bias[None]
        return jnp.stack([sum(changes[k], y[:, k]) for k in range(self.layout.states)], axis=1)

    def _fired(self, p, y, refractory):
        held = refractory > 0
        first = jnp.where(held & p.reset_on[:1], p.reset[:1], y[:, 0])
        refractory = jnp.where(held, refractory - 1, 0)
        second = y[:, 1] if self.layout.states > 1 else first
        spikes = (refractory == 0) & (first >= jnp.where(p.adaptive[None], second, p.threshold[None]))
        refractory = jnp.where(spikes, p.refractory[None], refractory)
        return jnp.clip(y.at[:, 0].set(first), p.lower[None], p.upper[None]), refractory, spikes
