"""How a network goes through a block of ticks: the order of its populations, delays, and what is in flight."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from erbp_jax.fits import check_tick
from erbp_jax.graph import Stage
from erbp_jax.neurons import Parametric
from erbp_jax.params import Params
from erbp_jax.projection import Projection
from erbp_jax.random import fold_each
from erbp_jax.trace import PopulationTrace

if TYPE_CHECKING:
    from erbp_jax.network import Network


class Paths:
    """How spikes become currents. A gradient rule replaces it to lead errors back another way; the currents stay."""

    def cross(
        self, index: int, projection: Projection, params: Params, state: Any, spikes: jax.Array, key: jax.Array
    ) -> tuple[Any, jax.Array, Any]:
        """Through the projection of this index: `spikes[m, B, I], key[m, B] -> (state, current[m, B, O], arrived)`."""
        del index
        return projection.connection(params, state, spikes, key=key)

    def arrive(self, population: str, current: jax.Array, fired: Mapping[str, jax.Array]) -> jax.Array:
        """The sum of all currents `[m, B, N]` into a population; `fired`: spikes of inputs and populations so far."""
        del population, fired
        return current


FORWARD = Paths()


class Block:
    """A block under way: what is known of it so far, by declared index; `fired` by name."""

    def __init__(
        self,
        network: "Network",
        params: Params,
        paths: Paths,
        key: jax.Array,
        fired: Mapping[str, jax.Array],
        carried: tuple[dict[int, Any], dict[int, Any], dict[int, jax.Array]],
    ) -> None:
        self.network, self.params, self.paths, self.key = network, params, paths, key
        self.ticks: int = key.shape[0]
        self.fired = dict(fired)
        self.neurons, self.connections, self.in_flight = carried
        self.arrived: dict[int, Any] = {}
        self.seen: dict[int, PopulationTrace] = {}
        self.ahead: set[int] = set()  # projections that brought what was in flight before their source was known

    def sweep(self, order: Sequence[str], known: Mapping[int, jax.Array]) -> None:
        """Populations in order, each for all ticks; `known` are currents of projections from outside."""
        for name in order:
            onto = [j for j, p in enumerate(self.network.projections) if p.target == name]
            currents = [known[j] if j in known else self.arrive(j) for j in onto]
            total = currents[0]
            for current in currents[1:]:
                total = total + current
            self.fire(self.network.index(name), self.paths.arrive(name, total, self.fired))

    def in_parts(self, stage: Stage) -> None:
        """Populations in a cycle, `stage.ticks` at a time; projections from outside stay one product.

        Raises:
            ValueError: a transmission on the cycle that draws once for all rows of a call, of which there are several.
        """
        projections, parts = self.network.projections, self.ticks // stage.ticks
        onto = [j for j, p in enumerate(projections) if p.target in stage.order]
        inner = [j for j in onto if projections[j].source in stage.order]
        for j in inner:
            transmission = getattr(projections[j].connection, "transmission", None)
            if not getattr(transmission, "by_row", True):
                raise ValueError(
                    f"the projection {projections[j].name} is on a cycle, which goes in parts through a block, and "
                    f"{type(transmission).__name__} draws one mask for all ticks of a block; take BlankOut"
                )
        known = {j: self.arrive(j) for j in onto if j not in inner}
        members = [self.network.index(name) for name in stage.order]
        carried = (
            {i: self.neurons[i] for i in members},
            {j: self.connections[j] for j in inner},
            {j: self.in_flight[j] for j in inner},
        )

        def part(carried, given):
            key, known, fired = given
            neurons, connections, in_flight = map(dict, carried)
            carried = neurons, connections, in_flight
            block = Block(self.network, self.params, self.paths, key, fired, carried)
            block.sweep(stage.order, known)
            block.depart()
            return (block.neurons, block.connections, block.in_flight), (block.arrived, block.seen)

        given = jax.tree.map(lambda x: x.reshape(parts, stage.ticks, *x.shape[1:]), (self.key, known, self.fired))
        carried, out = jax.lax.scan(part, carried, given, unroll=unrolling(parts, stage.ticks))
        arrived, seen = jax.tree.map(lambda x: x.reshape(self.ticks, *x.shape[2:]), out)
        for mine, new in zip((self.neurons, self.connections, self.in_flight), carried, strict=True):
            mine.update(new)
        self.arrived.update(arrived)
        self.seen.update(seen)
        self.fired.update({self.network.names[i]: trace.spikes for i, trace in seen.items()})

    def arrive(self, j: int) -> jax.Array:
        """The current of a projection in all ticks. Where its source is not known yet, the delay is as long."""
        p, waiting = self.network.projections[j], self.in_flight[j]
        source = self.fired.get(p.source)
        if source is None:
            self.ahead.add(j)
            return self.cross(j, waiting[: self.ticks]) if p.delay_side == "axonal" else waiting[: self.ticks]
        if p.delay_side == "axonal":
            arriving = jnp.concatenate([waiting, source]) if p.delay else source
            current = self.cross(j, arriving[: self.ticks])
        else:
            arriving = self.cross(j, source)
            arriving = jnp.concatenate([waiting, arriving]) if p.delay else arriving
            current = arriving[: self.ticks]
        if p.delay:
            self.in_flight[j] = arriving[self.ticks :]
        return current

    def depart(self) -> None:
        """Send on their way the spikes that were not known when their projection was needed."""
        for j in sorted(self.ahead):
            p = self.network.projections[j]
            new = self.fired[p.source]
            if p.delay_side == "dendritic":
                new = self.cross(j, new)
            self.in_flight[j] = jnp.concatenate([self.in_flight[j][self.ticks :], new])

    def cross(self, j: int, spikes: jax.Array) -> jax.Array:
        """The current that the synapses of a projection make of spikes."""
        params, synapse_key = self.network.of_projection(self.params, j), fold_each(self.key, jnp.uint32(2 * j + 1))
        self.connections[j], current, self.arrived[j] = self.paths.cross(
            j, self.network.projections[j], params, self.connections[j], spikes, synapse_key
        )
        return current

    def fire(self, i: int, current: jax.Array) -> None:
        """All ticks of a population's neurons."""
        population, keywords = self.network.populations[i], {}
        if isinstance(population.neuron, Parametric):
            trained, fixed = self.params
            keywords["params"] = Params(trained.populations[i], fixed.populations[i])

        def tick(state, inputs):
            current, key = inputs
            made = population.neuron.step(state, current, key=key, **keywords)
            state, spikes = check_tick(population, state, current, made)
            return state, (state, spikes)

        noise_key = fold_each(self.key, jnp.uint32(2 * i + 2))
        self.neurons[i], (states, spikes) = jax.lax.scan(
            tick, self.neurons[i], (current, noise_key), unroll=unrolling(self.ticks)
        )
        self.seen[i] = PopulationTrace(current, states, spikes)
        self.fired[population.name] = spikes


def unrolling(rounds: int, ticks: int = 1) -> int:
    """How far to unroll a scan over a block, of so many ticks a round: wholly if the block is short, else not at all.

    Ticks of loops inside count, for the time to compile grows with all of them.
    A loop unrolled in part fails to compile on the CPU for some lengths (jax 0.10.2, 10 ticks by 8).
    """
    return rounds if rounds * ticks <= 8 else 1
