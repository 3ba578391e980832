"""From a network to a NIR graph; what NIR cannot say is refused, or kept as metadata."""

import json
from collections.abc import Collection
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from erbp_jax.api.described import described
from erbp_jax.api.model import Model
from erbp_jax.errors import UserError
from erbp_jax.fits import check_params
from erbp_jax.network import Network
from erbp_jax.nir import discrete
from erbp_jax.nir.cycles import implied
from erbp_jax.nir.discrete import MS, Method
from erbp_jax.nir.express import NEURON, OWN, serialised, written
from erbp_jax.nir.files import library
from erbp_jax.nir.importing import DT, IMPLIED, METHOD, UNSAID
from erbp_jax.nir.neuron import Relay, fires
from erbp_jax.nir.nodes import TRANSMISSION
from erbp_jax.nir.shapes import Shape, theirs
from erbp_jax.nir.unmade import UnsaidError, nodes_of
from erbp_jax.params import Params

if TYPE_CHECKING:
    import nir

VERSION = "erbp_jax:version"


def to_nir(
    network: Network | Model,
    params: Params | None = None,
    dt: float | None = None,
    method: Method = "exact",
    *,
    metadata: bool = False,
) -> "nir.NIRGraph":
    r"""The NIR graph of a network whose ticks are `dt` ms: `to_nir(network, params, dt=1.0)`, or `to_nir(model)` of a
    trained one, which knows its parameters and its ticks.

    What a part of the network becomes:

    - `LIF`: CubaLIF, `w_in = 1 / (1 - a_syn)`; LIF for `tau_syn = 0`
    - `LIF` with `tau_mem = 0`: LI (of `tau_syn`) then Threshold; under Euler a CubaLIF with `tau_mem = dt`
    - `LeakyIF`: LIF, `r = 1 / (1 - a)`
    - `SecondOrderLIF`: LI (of `tau_rise`) then CubaLIF
    - `ParametricLIF`: CubaLIF, a time constant per neuron
    - `Dense`, `Sparse`: Linear (a list of synapses as a matrix), after a Flatten where maps come in
    - `Conv2d`, `Pool2d`: Conv2d, SumPool2d or AvgPool2d (and Scale for a gain)
    - delay of a projection: Delay, in front of the weights (axonal) or behind them (dendritic)
    - delay of one tick that closes a cycle: nothing: NIR's cycles carry none; kept in the metadata

    `method` says how the time constants are to be read: those of which a reader makes the same factor of a tick. dt and
    method are kept as metadata of the graph, what each neuron was as metadata of its node.

    With `metadata`, refractory periods, noise, other resets and blank-out are kept as metadata instead of being
    refused; other simulators then run another network. Which projections are plastic NIR does not say either.

    >>> import jax, erbp_jax as ej
    >>> from erbp_jax.nir import to_nir
    >>> network = ej.mlp(4, 3, neuron=ej.LIF(tau_mem=10.0, refractory=0))
    >>> graph = to_nir(network, network.init(jax.random.key(0)), dt=1.0)
    >>> [type(node).__name__ for node in graph.nodes.values()]
    ['Input', 'Linear', 'CubaLIF', 'Output']

    Raises:
        UserError: what NIR has no words for, all of it, by population and projection; a dt that is no time; a network
            without parameters or dt, or a model with either.
        ValueError: parameters of another network.
    """
    if isinstance(network, Model):
        if params is not None or dt is not None:
            raise UserError("to_nir: a model has its own parameters and ticks; give it alone")
        network, params, dt = network.network, network.params, network.dt
    if params is None or dt is None:
        raise UserError("to_nir: a network needs its parameters and the length of a tick, to_nir(network, params, 1.0)")
    discrete.check(dt, method)
    check_params(network, params)
    return _Exporter(network, params, dt, method, metadata).graph()


class _Exporter:
    def __init__(self, network: Network, params: Params, dt: float, method: Method, metadata: bool) -> None:
        self.network, self.params, self.dt, self.keep = network, params, dt, metadata
        self.method: Method = method
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        self.chains: list[list[str]] = []
        self.heads: dict[str, str] = {}
        self.problems: list[str] = []
        self.shapes: dict[str, Shape] = self._input_shapes()
        self.shapes |= {p.name: tuple(network.shape(p.name)) for p in network.populations}
        self.relays = {p.name for p in network.populations if isinstance(p.neuron, Relay)}

    def graph(self) -> "nir.NIRGraph":
        nir = library()
        for name in (*self.network.inputs, *self.network.names):
            if "/" in name or name in ("", "."):
                self.problems.append(f"{name!r}: HDF5 takes no such name of a node")
        for name in self.network.inputs:
            self.nodes[name] = nir.Input(input_type=np.array(theirs(self.shapes[name])))
        dropped = self._dropped()
        reserved = {*self.network.names}
        for j in range(len(self.network.projections)):
            self._write_projection(j, j in dropped, reserved)
        for i in range(len(self.network.populations)):
            self._write_population(i)
        if self.problems:
            hint = "" if self.keep else "; what NIR cannot say can be kept as metadata (metadata=True, --metadata)"
            raise UserError(f"NIR cannot express this network: {'; '.join(self.problems)}{hint}")
        self._join()
        output = self._fresh("output")
        self.nodes[output] = nir.Output(output_type=np.array(theirs(self.shapes[self.network.output])))
        self.edges += [(tail, output) for tail in self._tails(self.network.output)]
        about: dict[str, Any] = {DT: float(self.dt), METHOD: self.method, VERSION: version("erbp-jax")}
        if dropped:
            pairs = [(p.source, p.target) for j, p in enumerate(self.network.projections) if j in dropped]
            about[IMPLIED] = json.dumps(pairs)
        return nir.NIRGraph(self.nodes, self.edges, metadata=about, type_check=self._nir_infers())

    def _nir_infers(self) -> bool:
        """Whether `nir` infers the shapes of all convolutions rightly: it takes kernels for square, of one group."""
        convolutions = [n for n in self.nodes.values() if type(n).__name__ == "Conv2d"]
        return all(len(set(n.weight.shape[2:])) == 1 and n.groups == 1 for n in convolutions)

    def _input_shapes(self) -> dict[str, Shape]:
        shapes: dict[str, Shape] = {name: (size,) for name, size in self.network.inputs.items()}
        for p in self.network.projections:
            shape = tuple(getattr(p.connection, "input_shape", ()))
            if p.source in shapes and len(shape) > len(shapes[p.source]):
                shapes[p.source] = shape
        return shapes

    def _dropped(self) -> set[int]:
        """Projections whose delay of one tick a reader gives back to the cycle that they close."""
        projections = self.network.projections
        first = [p.target for p in projections if p.source in self.network.inputs]
        spiking = {p.name for p in self.network.populations if fires(p.neuron)}

        def closing(dropped: Collection[int]) -> set[int]:
            edges = [(p.source, p.target, 0 if j in dropped else p.delay) for j, p in enumerate(projections)]
            return set(implied(first, edges, spiking))

        try:
            ones = [j for j, p in enumerate(projections) if p.delay == 1 and p.delay_side == "axonal"]
            found = closing(ones) & {*ones}  # what a reader gives back is axonal
            return found if closing(found) == found else set()
        except UserError:  # a cycle that no neuron spikes on: its Delay nodes are written
            return set()

    def _write_projection(self, j: int, dropped: bool, reserved: set[str]) -> None:
        p, params = self.network.projections[j], self.network.of_projection(self.params, j)
        source, target = self.shapes[p.source], self.shapes[p.target]
        try:
            made = nodes_of(p.connection, params, source)
        except UnsaidError as error:
            self.problems.append(f"projection {p.name}: {error}")
            self.chains.append([])
            return
        if tuple(p.connection.output_shape) != target:
            self.problems.append(
                f"projection {p.name}: gives {list(p.connection.output_shape)}, and {p.target} is {list(target)}"
            )
        if made.transmission is not None:
            if self.keep and made.parts:
                made.parts[-1].metadata[TRANSMISSION] = json.dumps(described(made.transmission, {}))
            else:
                self.problems.append(
                    f"projection {p.name}: stochastic transmission ({type(made.transmission).__name__})"
                )
        parts: list[tuple[str, Any]] = [
            (".flatten", n) if type(n).__name__ == "Flatten" else ("", n) for n in made.parts
        ]
        if p.delay and not dropped:
            shape, place = (source, 0) if p.delay_side == "axonal" else (target, len(parts))
            parts.insert(place, (".delay", self._delay(p.delay, shape)))
        if made.delays is not None:
            extra = np.moveaxis(made.delays.reshape(source), -1, 0) if len(source) > 1 else made.delays
            parts = [("", self._delay(extra + (0 if dropped else p.delay), source))]
        relayed = p.target in self.relays and p.target not in self.nodes
        base = p.target if relayed else made.name or f"{p.source}_to_{p.target}"
        names: list[str] = []
        for place, (suffix, node) in enumerate(parts):
            last = place == len(parts) - 1  # which has a relay's own name
            names.append(self._fresh(base + suffix, reserved - {base} if relayed and last else reserved))
            self.nodes[names[-1]] = node
        self.chains.append(names)

    def _delay(self, ticks: int | np.ndarray, shape: Shape) -> Any:
        seconds = np.broadcast_to(np.asarray(ticks, np.float64) * self.dt / MS, theirs(shape)).copy()
        return library().Delay(delay=seconds)

    def _write_population(self, i: int) -> None:
        p = self.network.populations[i]
        if isinstance(p.neuron, Relay):
            return
        neuron_params = Params(self.params.trained.populations[i], self.params.fixed.populations[i])
        try:
            parts, unsaid = written(p.neuron, neuron_params, theirs(self.shapes[p.name]), self.dt, self.method)
        except UserError as error:
            self.problems.append(f"population {p.name}: {error}")
            return
        if unsaid and not self.keep:
            self.problems.append(f"population {p.name}: {', '.join(unsaid)}")
        if isinstance(p.neuron, OWN):
            parts[-1][1].metadata[NEURON] = serialised(p.neuron)
        if unsaid:
            parts[-1][1].metadata[UNSAID] = ", ".join(unsaid)
        names = [p.name + suffix for suffix, _ in parts]
        if twice := [name for name in names if name in self.nodes]:
            self.problems.append(f"population {p.name}: two nodes would be named {twice[0]!r}")
        self.nodes |= dict(zip(names, (node for _, node in parts), strict=True))
        self.edges += list(zip(names, names[1:], strict=False))
        self.heads[p.name] = names[0]

    def _join(self) -> None:
        for chain, p in zip(self.chains, self.network.projections, strict=True):
            self.edges += list(zip(chain, chain[1:], strict=False))
            if chain:
                self.edges += [(tail, chain[0]) for tail in self._tails(p.source)]
            if p.target in self.heads:
                tails = chain[-1:] or self._tails(p.source)
                self.edges += [(tail, self.heads[p.target]) for tail in tails]

    def _tails(self, name: str) -> list[str]:
        """The nodes whose sum is what an input or a population hands on."""
        if name not in self.relays:
            return [name]
        found = []
        for chain, p in zip(self.chains, self.network.projections, strict=True):
            if p.target == name:
                found += chain[-1:] or self._tails(p.source)
        return found

    def _fresh(self, name: str, reserved: set[str] | None = None) -> str:
        taken, number, found = {*self.nodes, *(reserved or ())}, 1, name
        while found in taken:
            number += 1
            found = f"{name}_{number}"
        return found
