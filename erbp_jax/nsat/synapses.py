"""What the events of a tick do to synapses: bring their weights to the targets, and change them.

Steps 7 and 8 of a tick. Work is done for events alone. See `plasticity` for what a change is, `tables` for the three
ways in which synapses are kept.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.counting import walk_active
from erbp_jax.nsat.arriving import NEVER, at_once
from erbp_jax.nsat.draws import Draws, Visit
from erbp_jax.nsat.plasticity import Compatibility, acausal_change, causal_change, modulation, open_synapses
from erbp_jax.nsat.shifts import round_randomly
from erbp_jax.nsat.tables import Layout


class Weights(NamedTuple):
    """`[1, ...]` if the replicas share them, else `[R, ...]`; int32."""

    table: jax.Array  # [., W] of the synapses in the padded table (the places of blocks are stale)
    blocks: tuple[jax.Array, ...]  # per block [., sources, targets]


@dataclass(frozen=True)
class Synapses:
    """The synapses of a machine, whose members these are."""

    layout: Layout
    draws: Draws
    compat: Compatibility
    duplicates: bool

    def visit(self, arrays, state, arriving, y, draws, tick):
        """All events of a tick.

        y are the clipped states before the reset `[R, S, N]`, `state` is the machine's before this tick.

        Returns:
            What arrives at the targets, summed, `[R, S, N]`, the weights after this tick, the draws' state.
        """
        accumulator, draws = self._deliver(arrays, state.weights, arriving, draws, tick)
        weights = state.weights
        if self.layout.learns:
            weights, draws = self._learn(arrays, state, arriving, y, draws, tick)
        accumulator, weights = self._blocks(arrays, state, weights, arriving, y, accumulator, draws, tick)
        return accumulator, weights, draws

    def _deliver(self, arrays, weights, arriving, draws, tick):
        """Step 7 but for blocks: what the events of this tick bring, summed; neither shifted nor limited yet."""
        layout = self.layout
        replicas = arriving.spikes.shape[0]
        flat = jnp.zeros((replicas, layout.states * layout.neurons), jnp.int32)

        def fan(carry, rows, units):
            flat, draws = carry
            target, weight, chance, synapse = (x[units] for x in arrays.fans)
            value = weights.table.at[_replica(weights.table, rows)[:, None], weight].get(mode="fill", fill_value=0)
            if layout.blanks:
                draws, through = self.draws.transmit(draws, tick, Visit(rows, units, synapse), chance)
                value = jnp.where(through, value, 0)
            return flat.at[rows[:, None], target].add(value, mode="drop"), draws

        if layout.fan_neurons:
            flat, draws = arriving.visit(layout.axons, layout.neurons, fan, (flat, draws))
        if layout.fan_axons:
            flat, draws = arriving.visit(0, layout.axons, fan, (flat, draws))
        first, count = layout.matrix
        if count:

            def row(flat, rows, columns):
                return flat.at[rows].add(arrays.matrix[columns], mode="drop")

            flat = walk_active(arriving.spikes[:, first : first + count], at_once(replicas, count), row, flat)
        return flat.reshape(replicas, layout.states, layout.neurons), draws

    def _blocks(self, arrays, state, weights, arriving, y, accumulator, draws, tick):
        """Steps 7 and 8 for blocks: a row of weights is read, delivered and changed at one visit.

        What is delivered are the weights before this tick; what changes are those after its causal updates. A word a
        synapse decides on transmission by its high half and on rounding by its low one.
        """
        done = []
        for i, b in enumerate(self.layout.blocks):
            into, changed = self._block(arrays, i, state, weights.blocks[i], arriving, y, draws, tick)
            accumulator = accumulator.at[:, b.state, b.first : b.first + b.targets].add(into)
            done.append(changed)
        return accumulator, weights._replace(blocks=tuple(done))

    def _block(self, arrays, i, state, changing, arriving, y, draws, tick):
        """What a block brings, `[R, targets]`, and its weights after this tick."""
        layout, p, b = self.layout, arrays.parameters, self.layout.blocks[i]
        replicas, onto = y.shape[0], slice(b.first, b.first + b.targets)
        old, chance = state.weights.blocks[i], (arrays.block_probability[i] * 2**16 + 7) // 15
        separate = old.shape[0] == replicas
        # Rows may be read from the weights that are being written, and so stay in place, if nothing has changed them
        # earlier in this tick: no causal update, and no visit before.
        at_one_visit = b.source < layout.axons or (separate and not self.duplicates)
        in_place = at_one_visit and not (layout.causal or layout.routes)
        once = separate and in_place and not self.duplicates
        change = self._acausal(p, state, y, tick, b) if layout.block_learns[i] else y[:, 0]

        def visit(carry, rows, units):
            into, changing = carry
            local, replica = jnp.clip(units - b.source, 0, b.sources - 1), jnp.minimum(rows, replicas - 1)
            weight = (changing if in_place else old)[_replica(old, rows), local]
            rounds = layout.block_learns[i] and layout.rounds
            words = (
                self.draws.words(draws, tick, i, rows, units, b.targets) if layout.block_blanks[i] or rounds else None
            )
            value = weight
            if words is not None and layout.block_blanks[i]:
                value = jnp.where((words >> 16).astype(jnp.int32) < chance[local][:, None], value, 0)
            into = into.at[rows].add(value, mode="drop")
            if not layout.block_learns[i]:
                return into, changing
            dw = change[replica]
            if words is not None and rounds:
                bits = p.rounding_bits[b.state, onto][None]
                draw = words.astype(jnp.int32) & ((1 << bits) - 1)
                dw = jnp.where(p.rounding[b.state, onto][None], round_randomly(dw, bits, draw), dw)
            if once:
                new = jnp.clip(weight + dw, arrays.lowest[b.weight], arrays.highest[b.weight])
                return into, changing.at[rows, local].set(new, mode="drop")
            # No weight is the least integer, but the compiler cannot know: it has to read the row before it writes it.
            dw = jnp.where((rows < replicas)[:, None] & (weight > -(2**31)), dw, 0)
            return into, self._add_rows(arrays, changing, rows, local, dw, b)

        return arriving.visit(b.source, b.sources, visit, (jnp.zeros((replicas, b.targets), jnp.int32), changing))

    def _acausal(self, p, state, y, tick, b):
        """The change that an event makes on the targets of a block `[R, targets]`, 0 where none may learn."""
        layout = self.layout

        def cut(x):
            if x.ndim == 1:
                return x[b.first : b.first + b.targets]
            return x[..., b.state : b.state + 1, b.first : b.first + b.targets]

        mine = p._replace(**{name: cut(getattr(p, name)) for name in p._fields if not name.startswith("coupling")})
        states = y[:, :, b.first : b.first + b.targets]
        spiked = state.last[:, layout.axons + b.first : layout.axons + b.first + b.targets]
        modulator = modulation(states, mine, layout.modulators)
        change = acausal_change(mine, modulator, spiked, tick, layout.causal, self.compat)
        may = open_synapses(mine, states[:, b.state : b.state + 1], tick)
        return jnp.where(may, change, 0)[:, 0]

    def _add_rows(self, arrays, block, rows, local, dw, b):
        """Add changes `dw[E, targets]` to rows of a block, and limit them."""
        place = (_replica(block, rows), local)
        block = block.at[place].add(dw, mode="drop")
        if self.layout.limited:  # a block lies within one core
            low, high = arrays.lowest[b.weight], arrays.highest[b.weight]
            block = block.at[place].set(jnp.clip(block.at[place].get(mode="clip"), low, high), mode="drop")
        return block

    def _learn(self, arrays, state, arriving, y, draws, tick):
        """Step 8: causal updates that are due, of axons and then of neurons; then the acausal ones."""
        layout, p = self.layout, arrays.parameters
        replicas = y.shape[0]
        may = open_synapses(p, y, tick)
        spiked = state.last[:, layout.axons :]  # not yet this tick's
        change = acausal_change(p, modulation(y, p, layout.modulators), spiked, tick, layout.causal, self.compat)

        def acausal(carry, rows, units, target, block):
            dw, wanted = _at(change, rows, target), _at(may, rows, target)
            return self._write(arrays, carry, tick, rows, units, target, dw, wanted, block, causal=False)

        def causal(carry, rows, units, target, block):
            post = target % layout.neurons
            source = state.last.at[rows, units].get(mode="fill", fill_value=0)
            dt = spiked.at[rows[:, None], post].get(mode="fill", fill_value=NEVER) - source[:, None]
            g = state.snapshot.at[rows[:, None], post].get(mode="fill", fill_value=0)
            dw = causal_change(p, target, g, dt)
            wanted = _at(may, rows, target) & (dt > 0) & p.stdp.reshape(-1)[target]
            return self._write(arrays, carry, tick, rows, units, target, dw, wanted, block, causal=True)

        def if_due(carry, rows, units, target, block):
            since = tick - state.last.at[rows, units].get(mode="fill", fill_value=NEVER)
            due = (since > 0) & (since < arrays.expiry[units])
            return causal(carry, jnp.where(due, rows, replicas), units, target, block)

        carry = (state.weights, draws)
        spans: list[tuple[int, int, int | None]] = []
        if layout.fan_learns:
            spans += [(0, layout.axons, None)] * layout.fan_axons
            spans += [(layout.axons, layout.neurons, None)] * layout.fan_neurons
        spans += [(b.source, b.sources, i) for i, b in enumerate(layout.blocks) if layout.block_learns[i]]
        if layout.causal:
            expired = tick - state.last == arrays.expiry[None]
            for first, count, block in spans:
                carry = arriving.visit(first, count, self._onto(arrays, if_due, block), carry)
                write = self._onto(arrays, causal, block)

                def late(carry, rows, columns, write=write, first=first):
                    return write(carry, rows, columns + first)

                carry = walk_active(expired[:, first : first + count], at_once(replicas, count), late, carry)
        for first, count, block in spans:
            if block is None:
                carry = arriving.visit(first, count, self._onto(arrays, acausal, None), carry)
        return carry

    def _onto(self, arrays, update, block):
        """`update` on the targets of the padded table, or of a block."""

        def fan(carry, rows, units):
            return update(carry, rows, units, arrays.fans.target[units], None)

        def rows_of(carry, rows, units):
            b = self.layout.blocks[block]
            target = b.state * self.layout.neurons + b.first + jnp.arange(b.targets, dtype=jnp.int32)
            return update(carry, rows, units, jnp.broadcast_to(target, (*units.shape, b.targets)), block)

        return fan if block is None else rows_of

    def _write(self, arrays, carry, tick, rows, units, target, dw, wanted, block, *, causal):
        """Round and add changes `dw[E, F]` to the weights where wanted, then limit them."""
        weights, draws = carry
        layout, p = self.layout, arrays.parameters
        if layout.rounds:
            rounding = p.rounding.reshape(-1)[target] & wanted
            bits = p.rounding_bits.reshape(-1)[target]
            synapse = None if block is not None else arrays.fans.synapse[units]
            draws, draw = self.draws.rounding(draws, tick, Visit(rows, units, synapse), bits, rounding, causal)
            dw = jnp.where(rounding, round_randomly(dw, bits, draw), dw)
        dw = jnp.where(wanted, dw, 0)
        if block is None:
            weight = arrays.fans.weight[units]
            place = (_replica(weights.table, rows)[:, None], weight)
            low, high = arrays.lowest[weight], arrays.highest[weight]
            if layout.ordered:
                table = _one_by_one(weights.table, place, dw, low, high)
            else:
                table = weights.table.at[place].add(dw, mode="drop")
                if layout.limited:
                    table = table.at[place].min(high, mode="drop").at[place].max(low, mode="drop")
            return weights._replace(table=table), draws
        b, one = layout.blocks[block], weights.blocks[block]
        one = self._add_rows(arrays, one, rows, jnp.clip(units - b.source, 0, b.sources - 1), dw, b)
        return weights._replace(blocks=(*weights.blocks[:block], one, *weights.blocks[block + 1 :])), draws


def _replica(weights: jax.Array, rows: jax.Array) -> jax.Array:
    """The row of the weights that a replica uses."""
    return jnp.zeros_like(rows) if weights.shape[0] == 1 else rows


def _at(values: jax.Array, rows: jax.Array, target: jax.Array) -> jax.Array:
    """`values[R, S, N]` at replicas `[E]` and targets `[E, F]`; 0 where there is none."""
    flat = values.reshape(values.shape[0], -1)
    return flat.at[rows[:, None], target].get(mode="fill", fill_value=0)


def _one_by_one(
    table: jax.Array, place: tuple[jax.Array, jax.Array], dw: jax.Array, low: jax.Array, high: jax.Array
) -> jax.Array:
    """Writes in order, each limited: for weights that several synapses share."""
    replica, weight = (jnp.broadcast_to(x, dw.shape).reshape(-1) for x in place)

    def one(table, write):
        replica, weight, dw, low, high = write
        value = table.at[replica, weight].get(mode="fill", fill_value=0)
        return table.at[replica, weight].set(jnp.clip(value + dw, low, high), mode="drop"), None

    return jax.lax.scan(one, table, (replica, weight, *(x.reshape(-1) for x in (dw, low, high))))[0]
