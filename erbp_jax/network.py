"""Populations of neurons and the projections between them: the one definition of a model that every rule shares."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, cast

import jax
import jax.numpy as jnp

from erbp_jax.assembly import check_network, parts_of, populations_of
from erbp_jax.block import FORWARD, Block, Paths
from erbp_jax.connections.base import HasDelays
from erbp_jax.declared import fits
from erbp_jax.fits import check_params, check_state
from erbp_jax.graph import cycle_without_delay, stages
from erbp_jax.neurons import Adapting, Neuron, Parametric, Static, Surrogate, Transfer
from erbp_jax.neurons.base import is_differentiable
from erbp_jax.params import Params
from erbp_jax.projection import Layer, Population, Projection
from erbp_jax.random import check_keys
from erbp_jax.trace import NetworkState, Trace, Tree
from erbp_jax.wording import plural


@dataclass(frozen=True, init=False)
class Network:
    r"""Named populations, and projections between them: feed-forward, recurrent, lateral and past layers alike.

    .. math:: c_p[t] = \sum_{j:\, \mathrm{target}(j) = p} W_j\, s_{\mathrm{source}(j)}[t - d_j]

    with d the delay of a projection; currents add up in the order in which projections are declared. A source that is
    no population is an input. Without a delay a spike arrives within its tick, so that a cycle needs one.

    The unit of time is a *block* of k ticks during which the weights do not change. Populations are worked through in
    order, each for all k ticks: one product for its synapses, then k element-wise ticks of its neurons. Populations
    in a cycle whose delays are shorter than k go through it in the longest parts that its delays allow.

    Random numbers and results depend on the order of declaration and not on names. `populations` maps a name to a
    neuron, or to a neuron and a size; without a size it is that of the first projection onto it. `output` names the
    population that decides; the last one if not given.

    Example:
        >>> import jax
        >>> from erbp_jax import LIF, Dense, Network, Projection
        >>> network = Network(
        ...     {"hidden": LIF(), "output": LIF()},
        ...     (
        ...         Projection("input", "hidden", Dense(8, 20)),
        ...         Projection("hidden", "hidden", Dense(20, 20, gain=0.5), delay=1),
        ...         Projection("hidden", "output", Dense(20, 3)),
        ...     ),
        ... )
        >>> params = network.init(jax.random.key(0))
        >>> params.trained.projections[1]["weight"].shape
        (20, 20)

    Raises:
        ValueError: names, sizes or projections that do not fit together, or a cycle without delay; says which.
    """

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    output: str

    def __init__(
        self,
        populations: Mapping[str, Neuron | tuple[Neuron, int]] | Iterable[Population],
        projections: Iterable[Projection],
        output: str | None = None,
    ) -> None:
        projections = parts_of("projections", Projection, projections)
        populations = populations_of(populations, projections)
        object.__setattr__(self, "populations", populations)
        object.__setattr__(self, "projections", projections)
        object.__setattr__(self, "output", populations[-1].name if output is None else output)
        check_network(self)

    @property
    def names(self) -> tuple[str, ...]:
        """The populations' names."""
        return tuple(p.name for p in self.populations)

    @property
    def inputs(self) -> dict[str, int]:
        """Names and sizes of the inputs, in the order in which projections name them."""
        found: dict[str, int] = {}
        for p in self.projections:
            if p.source not in self.names:
                found.setdefault(p.source, p.connection.inputs)
        return found

    @property
    def edges(self) -> tuple[tuple[str, str, int], ...]:
        """Source, target and delay of every projection between populations."""
        names = self.names
        return tuple((p.source, p.target, p.delay) for p in self.projections if p.source in names)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units of the inputs, then of the populations: `(784, 100, 10)`."""
        return (*self.inputs.values(), *(p.size for p in self.populations))

    @property
    def hidden(self) -> tuple[Population, ...]:
        """All populations but the output."""
        return tuple(p for p in self.populations if p.name != self.output)

    @property
    def classes(self) -> int:
        """Units of the output, K."""
        return self.population(self.output).size

    def __str__(self) -> str:
        from erbp_jax.printed import printed

        return printed(self)

    def index(self, name: str) -> int:
        """The place of a population in declared order.

        Raises:
            ValueError: an unknown name.
        """
        if name not in self.names:
            raise ValueError(f"Network {self.name}: no population {name!r}; there are {', '.join(self.names)}")
        return self.names.index(name)

    @property
    def layer_of(self) -> tuple[int, ...]:
        """The place of the population that each projection leads to."""
        return tuple(self.index(p.target) for p in self.projections)

    def population(self, name: str) -> Population:
        """The population of a name."""
        return self.populations[self.index(name)]

    def shape(self, name: str) -> tuple[int, ...]:
        """What the flat units of a population are: `(N,)`, or `(H, W, C)` where its first projection makes maps."""
        name = self.population(name).name
        first = next(p for p in self.projections if p.target == name)
        return first.connection.output_shape

    @property
    def is_chain(self) -> bool:
        """Whether every population hears the one declared before it alone, the first the input, and the last is the
        output."""
        expected = [(a, b) for a, b in zip((next(iter(self.inputs), ""), *self.names), self.names, strict=False)]
        return [(p.source, p.target) for p in self.projections] == expected and self.output == self.names[-1]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The links of a chain, for what works on chains alone.

        Raises:
            ValueError: the network is none.
        """
        if not self.is_chain:
            raise ValueError(f"Network {self.name}: it is no chain of layers")
        pairs = zip(self.projections, self.populations, strict=True)
        return tuple(Layer(a.connection, b.neuron, a.delay) for a, b in pairs)

    @property
    def name(self) -> str:
        """The network in short: `784-100-10`, `784-8c5s2-100-10`; what is no chain has its projections counted."""
        inputs = "+".join(map(str, self.inputs.values()))
        if self.is_chain:
            return "-".join((inputs, *(p.connection.label for p in self.projections)))
        sizes = "-".join((inputs, *(str(p.size) for p in self.populations)))
        return f"{sizes} with {plural(len(self.projections), 'projection')}"

    def init(self, key: jax.Array) -> Params:
        """Fresh parameters, `Params(trained, fixed)` of a `Tree` each.

        Raises:
            ValueError: what is no single key.
        """
        check_keys(f"Network {self.name}", key, ())
        trained, fixed = [], []
        for index, projection in enumerate(self.projections):
            drawn = projection.connection.init(jax.random.fold_in(key, index))
            trained.append(drawn.trained if projection.plastic else {})
            fixed.append(drawn.fixed if projection.plastic else drawn)
        neuron_params = []
        for index, population in enumerate(self.populations):
            # Counted from the other end, so that neither follows the other's number.
            neuron_key = jax.random.fold_in(key, 2**32 - 1 - index)
            neuron = population.neuron
            made = neuron.init((population.size,), neuron_key) if isinstance(neuron, Parametric) else Params({}, {})
            neuron_params.append(made)
        return Params(
            Tree(tuple(trained), tuple(p.trained for p in neuron_params)),
            Tree(tuple(fixed), tuple(p.fixed for p in neuron_params)),
        )

    def of_projection(self, params: Params, index: int) -> Params:
        """The parameters of one projection's connection."""
        if not self.projections[index].plastic:
            return params.fixed.projections[index]
        return Params(params.trained.projections[index], params.fixed.projections[index])

    def zeros_like(self, params: Params) -> Tree:
        """An update of nothing."""
        return jax.tree.map(jnp.zeros_like, params.trained)

    def init_state(self, batch: int) -> NetworkState:
        """The resting state for `batch` samples.

        Raises:
            ValueError: no whole number from 1 on.
        """
        if not fits(batch, int) or batch < 1:
            raise ValueError(f"Network {self.name}: init_state takes a whole number of samples >= 1, got {batch!r}")

        def waiting(p: Projection) -> jax.Array:
            units = p.connection.inputs if p.delay_side == "axonal" else p.connection.outputs
            return jnp.zeros((p.delay, batch, units), jnp.float32)

        return NetworkState(
            tuple(p.neuron.init_state((batch, p.size)) for p in self.populations),
            tuple(p.connection.init_state(batch) for p in self.projections),
            tuple(waiting(p) for p in self.projections),
        )

    def _with_neurons(self, neurons: Sequence[Neuron]) -> Self:
        pairs = zip(self.populations, neurons, strict=True)
        return replace(self, populations=tuple(replace(p, neuron=neuron) for p, neuron in pairs))

    def with_surrogate(self, surrogate: Surrogate) -> Self:
        """The same network with differentiable thresholds; its spikes are the same. A neuron's own derivative stays.

        Raises:
            ValueError: a neuron that has no surrogate derivative.
        """
        neurons = []
        for p in self.populations:
            if not is_differentiable(p.neuron):
                raise ValueError(
                    f"population {p.name!r}: {type(p.neuron).__name__} has no with_surrogate, so that no gradient goes "
                    "through its spikes"
                )
            neurons.append(p.neuron.with_surrogate(surrogate))
        return self._with_neurons(neurons)

    def rate_form(self, smoothing: float) -> Self:
        """The non-spiking network of the same connections: static transfer functions, reliable synapses, no delay, of
        single synapses neither.

        Raises:
            ValueError: a neuron without a static transfer function, or a cycle, which has no forward pass.
        """
        if cycle := cycle_without_delay([(a, b, 0) for a, b, _ in self.edges]):
            raise ValueError(f"Network {self.name}: a cycle has no rate form: {' -> '.join(cycle)}")
        neurons = []
        for p in self.populations:
            if not isinstance(p.neuron, Transfer):
                raise ValueError(
                    f"population {p.name!r}: {type(p.neuron).__name__} has no static transfer function, hence no rate "
                    "form"
                )
            neurons.append(Static(p.neuron, smoothing))
        projections = []
        for p in self.projections:
            connection = p.connection.reliable()
            if isinstance(connection, HasDelays):
                connection = connection.at_once()
            projections.append(replace(p, connection=connection, delay=0))
        return replace(self._with_neurons(neurons), projections=tuple(projections))

    def named(self, inputs: jax.Array | Mapping[str, jax.Array]) -> dict[str, jax.Array]:
        """Input spikes by name; a single array is that of the only input.

        Raises:
            ValueError: inputs that are not those of the network, or of another size.
        """
        wanted = self.inputs
        if not isinstance(inputs, Mapping):
            if len(wanted) != 1:
                raise ValueError(f"Network {self.name}: give the spikes of {', '.join(wanted)} by name, got one array")
            inputs = {next(iter(wanted)): cast(jax.Array, inputs)}
        if set(inputs) != set(wanted):
            raise ValueError(f"Network {self.name}: takes the inputs {', '.join(wanted)}, got {', '.join(inputs)}")
        for name, size in wanted.items():
            shape = tuple(getattr(inputs[name], "shape", ()))
            if shape[-1:] != (size,):
                raise ValueError(
                    f"Network {self.name}: the input {name!r} has {size} units, got spikes of shape {list(shape)}"
                )
        return {name: inputs[name] for name in wanted}

    def given(
        self, inputs: jax.Array | Mapping[str, jax.Array], key: jax.Array, state: NetworkState
    ) -> dict[str, jax.Array]:
        """Input spikes `[k, B, I]` of a block by name, if keys `[k, B]` and the state fit them.

        Raises:
            ValueError: they do not; says what is wanted and what was given.
        """
        spikes = self.named(inputs)
        shape = next((x.shape[:-1] for x in spikes.values()), tuple(getattr(key, "shape", (1, 1))))
        for name, x in spikes.items():
            if len(x.shape) != 3 or 0 in x.shape or x.shape[:-1] != shape:
                raise ValueError(
                    f"Network {self.name}: spikes of a block must have shape [k, B, {self.inputs[name]}] with the same "
                    f"k ticks and B samples for all inputs, got {list(x.shape)} for {name!r}"
                )
        check_keys(f"Network {self.name}", key, shape)
        batch = state.in_flight[0].shape[1] if isinstance(state, NetworkState) and state.in_flight else shape[1]
        if batch != shape[1]:
            raise ValueError(f"Network {self.name}: the state is of {batch} samples, the spikes are of {shape[1]}")
        check_state(self, state, batch)
        return spikes

    def advance(
        self,
        params: Params,
        state: NetworkState,
        inputs: jax.Array | Mapping[str, jax.Array],
        *,
        key: jax.Array,
        paths: Paths = FORWARD,
    ) -> tuple[NetworkState, Trace]:
        """A block of k ticks: `inputs[k, B, I]` (by name where there are several), `key[k, B] -> (state, trace)`.

        Raises:
            ValueError: inputs, keys, parameters or a state that do not fit one another or the network.
        """
        spikes = self.given(inputs, key, state)
        check_params(self, params)
        neurons, connections, in_flight = (dict(enumerate(part)) for part in state)
        block = Block(self, params, paths, key, spikes, (neurons, connections, in_flight))
        for stage in stages(self.names, self.edges, key.shape[0]):
            if stage.ticks == key.shape[0]:
                block.sweep(stage.order, {})
            else:
                block.in_parts(stage)
        block.depart()

        def ordered(parts: Mapping[int, Any]) -> tuple[Any, ...]:
            return tuple(parts[i] for i in range(len(parts)))

        after = NetworkState(*map(ordered, (block.neurons, block.connections, block.in_flight)))
        return after, Trace(tuple(spikes.values()), ordered(block.arrived), ordered(block.seen))

    def adapted(self, params: Params, trace: Trace) -> Tree:
        """The trained parameters after a learning block, once neurons that adapt have seen its trace."""
        trained, fixed = params

        def adapted(i: int, p: Population) -> Any:
            if not isinstance(p.neuron, Adapting):
                return trained.populations[i]
            return p.neuron.adapt(Params(trained.populations[i], fixed.populations[i]), trace.populations[i])

        return trained._replace(populations=tuple(adapted(i, p) for i, p in enumerate(self.populations)))

    def step(
        self, params: Params, state: NetworkState, inputs: jax.Array | Mapping[str, jax.Array], *, key: jax.Array
    ) -> tuple[NetworkState, Trace]:
        """One tick: `inputs[B, I], key[B] -> (state, trace)`, the trace without the axis k.

        Raises:
            ValueError: as `advance`.
        """
        one = {name: spikes[None] for name, spikes in self.named(inputs).items()}
        check_keys(f"Network {self.name}", key, next((x.shape[1:-1] for x in one.values()), (1,)))
        state, trace = self.advance(params, state, one, key=key[None])
        return state, jax.tree.map(lambda x: x[0], trace)

    def output_spikes(self, trace: Trace) -> jax.Array:
        """The output's spikes `[k, B, K]`."""
        return trace.populations[self.index(self.output)].spikes
