"""From a NIR graph to a network: neurons become populations, what lies between them projections."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from erbp_jax.errors import UserError
from erbp_jax.graph import in_order
from erbp_jax.network import Network
from erbp_jax.neurons import Neuron, Parametric
from erbp_jax.nir import discrete
from erbp_jax.nir.cycles import implied
from erbp_jax.nir.discrete import Method
from erbp_jax.nir.express import NEURON, alike, inferred, remembered, written
from erbp_jax.nir.files import read
from erbp_jax.nir.graph import Flat, flat
from erbp_jax.nir.neuron import NEURONS, NIRNeuron, Relay, fires
from erbp_jax.nir.segments import Segment
from erbp_jax.nir.values import Values
from erbp_jax.params import Params
from erbp_jax.projection import Population, Projection
from erbp_jax.random import new_key
from erbp_jax.trace import Tree

if TYPE_CHECKING:
    import nir

IMPLIED = "erbp_jax:implied_delay"
DT, METHOD, UNSAID = "erbp_jax:dt_ms", "erbp_jax:method", "erbp_jax:unsaid"


class Link(NamedTuple):
    """A projection to be, with its parameters and the place of its last edge in the graph."""

    projection: Projection
    params: Params
    rank: int


def from_nir(graph: "nir.NIRGraph | Path | str", dt: float, method: Method = "exact") -> tuple[Network, Params]:
    """The network of a NIR graph, or of a file with one, for ticks of `dt` ms; and its parameters.

    Neurons are populations of the node's name. A CubaLIF or LIF is a `LIF` or `LeakyIF` if that neuron is written as
    this very node, all constants equal bit for bit; else, as the rest, an `NIRNeuron`. Of linear nodes Linear is
    `Dense`, and convolutions and pooling are `Conv2d` and `Pool2d` where they are the same map; the others are those of
    `erbp_jax.nir`. Where linear nodes meet without a neuron, a `Relay` of the node's name hands on their sum.

    Weights are float32. Maps `(C, H, W)` are `(H, W, C)` here, flat, the channel the fastest. Inputs have the names of
    their nodes. The output is what leads to the first Output node, in the order of the edges; further ones are
    populations like others.

    A cycle through a spiking neuron without a Delay gets a delay of one tick where it closes (`cycles.implied`).

    >>> import nir, numpy as np
    >>> from erbp_jax.nir import from_nir
    >>> one = np.ones(3)
    >>> lif = nir.LIF(tau=0.02 * one, r=one, v_leak=0 * one, v_threshold=one)
    >>> graph = nir.NIRGraph.from_list(nir.Linear(weight=np.ones((3, 2), np.float32)), lif)
    >>> network, params = from_nir(graph, dt=1.0)
    >>> network.name, params.trained.projections[0]["weight"].shape
    ('2-3', (2, 3))

    Raises:
        UserError: as `files.read` and `graph.flat`; constants out of range; a delay that is no whole number of ticks; a
            cycle without a spiking neuron or delay; a time constant shorter than dt under Euler. Of a file the path
            stands in front.
    """
    discrete.check(dt, method)
    if not isinstance(graph, (str, Path)):
        return _Importer(flat(graph), dt, method).network()
    loaded = read(graph)
    try:
        return _Importer(flat(loaded), dt, method).network()
    except UserError as error:
        raise UserError(f"{graph}: {error}") from None


class _Importer:
    def __init__(self, graph: Flat, dt: float, method: Method) -> None:
        self.graph, self.dt = graph, dt
        self.method: Method = method
        self.populations: dict[str, Neuron] = {}
        self.sizes: dict[str, int] = {}
        self.within: dict[str, str] = {}  # nodes that are a part of a population, but for its last
        self.links: list[Link] = []
        self.outputs: dict[str, str] = {}  # by Output node, what leads to it
        self.sources: list[tuple[str, list[str]]] = []  # where signals come from, and the nodes that hear them
        self.seen: set[str] = set()

    def network(self) -> tuple[Network, Params]:
        graph = self.graph
        for name in graph.nodes:
            self._take_neuron(name)
        neurons = [n for n in graph.nodes if graph.kind(n) == "Input" or n in self.populations]
        self.sources = [(name, graph.after(name)) for name in neurons]
        while self.sources:
            source, heard = self.sources.pop(0)
            for target in heard:
                self._follow(source, target)
        for name in graph.nodes:
            if graph.kind(name) not in ("Input", *NEURONS) and name not in self.seen:
                raise UserError(f"{name}: lies on a cycle without a spiking neuron and without a Delay")
        return self._joined()

    def _take_neuron(self, name: str) -> None:
        graph, node = self.graph, self.graph.nodes[name]
        if graph.kind(name) not in NEURONS or name in self.within:
            return
        shape = graph.shapes[name]
        self.sizes[name] = int(np.prod(shape))
        if (before := self._remembered(name)) is not None:
            self.populations[name] = before
            return
        about = node.metadata or {}
        if (unsaid := about.get(UNSAID)) is not None:
            hint = "" if remembered(about.get(NEURON)) is None else self._as_written()
            raise UserError(
                f"{name}: has {unsaid}, says its metadata {UNSAID}, and this is not read back as it was written"
                f"{hint}; delete the metadata to read the node without"
            )
        constants = tuple((n, Values(getattr(node, n))) for n in NEURONS[graph.kind(name)])
        try:
            neuron = NIRNeuron(graph.kind(name), self.dt, self.method, constants)
        except UserError as error:
            raise UserError(f"{name}: {error}") from None
        self.populations[name] = inferred(node, self.dt, self.method) or neuron

    def _as_written(self) -> str:
        """With which dt and method the graph was written, if not with those asked for."""
        about = self.graph.metadata
        then, now = (about.get(DT), about.get(METHOD)), (self.dt, self.method)
        return "" if None in then or then == now else f" (with dt={then[0]:g} and method={then[1]!r} it is)"

    def _remembered(self, name: str) -> Neuron | None:
        """The neuron of which the metadata says that it was written as this node and those before it, if it is so."""
        graph, node = self.graph, self.graph.nodes[name]
        neuron = remembered((node.metadata or {}).get(NEURON))
        if neuron is None:
            return None
        try:
            parts = written(neuron, Params({}, {}), graph.shapes[name], self.dt, self.method).parts
        except UserError:  # of another dt, for which the node is taken as it is
            return None
        names = [name + suffix for suffix, _ in parts]
        if any(
            n not in graph.nodes or not alike(graph.nodes[n], one) for n, (_, one) in zip(names, parts, strict=True)
        ):
            return None
        for a, b in zip(names, names[1:], strict=False):
            if graph.after(a) != [b] or graph.before(b) != [a]:
                return None
        for part in names[:-1]:
            self.within[part] = name
            self.populations.pop(part, None)
        return neuron

    # Linear nodes

    def _follow(self, source: str, target: str) -> None:
        """From a source along linear nodes with one way in and one way out, to where something else begins."""
        graph, chain, last = self.graph, [], self._node(source)
        while True:
            target = self.within.get(target, target)
            if graph.kind(target) in NEURONS:
                return self._link(source, chain, target, last, False)
            self.seen.add(target)
            if graph.kind(target) == "Output":
                alone = len(graph.before(target)) == 1 and source in self.populations
                self.outputs[target] = source if alone else target
                return None if alone else self._link(source, chain, target, last, True)
            if len(graph.before(target)) > 1 and source != f"{target}.sum":
                return self._relay(source, chain, f"{target}.sum", last, [target])
            chain.append(target)
            after = graph.after(target)
            if len(after) != 1 or graph.kind(after[0]) == "Output":
                return self._relay(source, chain, target, last, after)
            last, target = target, after[0]

    def _relay(self, source: str, chain: list[str], relay: str, last: str, heard: list[str]) -> None:
        if relay not in self.populations:
            self.sources.append((relay, heard))
        self._link(source, chain, relay, last, True)

    def _node(self, name: str) -> str:
        """The node of which a population is, or in front of which a sum is."""
        return name if name in self.graph.nodes else name.removesuffix(".sum")

    def _link(self, source: str, chain: Sequence[str], sink: str, last: str, relay: bool) -> None:
        """Projections along a chain: each takes a delay, a Flatten, one node, and a delay; relays are between them."""
        graph = self.graph
        leading = (chain[-1] if chain else last, self._node(sink))
        rank = graph.edges.index(leading) if leading in graph.edges else -1
        segments = [Segment()]
        for name in chain:
            if not segments[-1].takes(graph, name):
                segments.append(Segment())
                segments[-1].takes(graph, name)
        shape = graph.shapes[source if source in graph.nodes else graph.before(self._node(source))[0]]
        for i, segment in enumerate(segments):
            end = sink if i == len(segments) - 1 else segment.names[-1]
            made, (ahead, behind) = segment.made(graph, shape, source not in self.populations, self.dt)
            shape = graph.shapes[segment.names[-1]] if segment.names else shape
            if end != sink or relay:
                self.populations.setdefault(end, Relay())
                self.sizes.setdefault(end, made.connection.outputs)
            side = "dendritic" if behind else "axonal"
            self.links.append(Link(Projection(source, end, made.connection, ahead + behind, side), made.params, rank))
            source = end

    # The whole

    def _joined(self) -> tuple[Network, Params]:
        spiking = {n for n, x in self.populations.items() if fires(x)}
        for place in self._given():
            self._delay(place)
        edges = self._edges()
        for place in implied([b for a, b, _ in edges if a not in self.populations], edges, spiking):
            self._delay(place)
        inner = [edge for edge in self._edges() if edge[0] in self.populations]
        names = in_order(self.populations, inner, 1)
        links = sorted(self.links, key=lambda x: (names.index(x.projection.target), x.rank))
        populations = [Population(n, self.populations[n], self.sizes[n]) for n in names]
        first = next(b for _, b in self.graph.edges if self.graph.kind(b) == "Output")  # files keep the order of edges
        try:
            network = Network(populations, [x.projection for x in links], self.outputs[first])
        except ValueError as error:
            raise UserError(str(error)) from None
        key, neuron_params = new_key(0), []
        for p in populations:
            neuron_params.append(p.neuron.init((p.size,), key) if isinstance(p.neuron, Parametric) else Params({}, {}))
        trained, fixed = (Tree(tuple(x.params[i] for x in links), tuple(x[i] for x in neuron_params)) for i in range(2))
        return network, Params(trained, fixed)

    def _edges(self) -> list[tuple[str, str, int]]:
        return [(x.projection.source, x.projection.target, x.projection.delay) for x in self.links]

    def _given(self) -> list[int]:
        """Places of the projections that the metadata says the ticks of cycles to be on."""
        try:
            wanted = [tuple(pair) for pair in json.loads(self.graph.metadata.get(IMPLIED, "[]"))]
        except (ValueError, TypeError):
            raise UserError(f"the metadata {IMPLIED} is damaged") from None
        return [i for i, (a, b, delay) in enumerate(self._edges()) if (a, b) in wanted and not delay]

    def _delay(self, place: int) -> None:
        link = self.links[place]
        self.links[place] = link._replace(projection=replace(link.projection, delay=1))
