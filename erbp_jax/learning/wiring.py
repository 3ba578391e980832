"""How an error travels backwards: through the weights themselves, or through fixed random ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from erbp_jax.block import FORWARD, Paths
from erbp_jax.declared import checked
from erbp_jax.graph import cycle_without_delay, in_order, reached
from erbp_jax.learning.feedback import RandomFeedback
from erbp_jax.network import Network
from erbp_jax.params import Params
from erbp_jax.projection import Projection
from erbp_jax.wording import plural


class Wiring(Protocol):
    """Backward paths of a gradient rule. What is random is drawn once, and never trained.

    Example:
        >>> import jax, erbp_jax as ej
        >>> ej.Symmetric().init(ej.mlp(4, 5, 3), jax.random.key(0))
        ()
    """

    def init(self, network: Network, key: jax.Array) -> Any:
        """The fixed feedback weights.

        Raises:
            ValueError: a network for which the wiring is not defined.
        """
        ...

    def paths(self, network: Network, fixed: Any) -> Paths:
        """What the network is to lead its spikes through, so that errors come back this way."""
        ...

    def reach(self, network: Network) -> int:
        """Ticks that an error goes back in one step; 0 where it comes back through the spikes themselves."""
        ...

    def to_hidden(self, network: Network, params: Params, fixed: Any) -> tuple[jax.Array, ...]:
        """What the wiring as a whole carries from the output to each hidden population, `[K, N]` each."""
        ...

    def operations(self, network: Network) -> int:
        """Multiplications that bring the error of one tick to all hidden populations."""
        ...


@dataclass(frozen=True)
class Symmetric:
    """Back-propagation: errors come back through the weights that spikes went through, recurrent ones included.

    Example:
        >>> import erbp_jax as ej
        >>> ej.BackProp().wiring
        Symmetric()
    """

    def init(self, network: Network, key: jax.Array) -> tuple[()]:
        del network, key
        return ()

    def paths(self, network: Network, fixed: tuple[()]) -> Paths:
        del network, fixed
        return FORWARD

    def reach(self, network: Network) -> int:
        del network
        return 0

    def to_hidden(self, network: Network, params: Params, fixed: tuple[()]) -> tuple[jax.Array, ...]:
        del fixed
        return paths_to_output(network, [network.of_projection(params, j) for j in range(len(network.projections))])

    def operations(self, network: Network) -> int:
        return _backward_multiplications(network)


@checked
@dataclass(frozen=True)
class Layerwise:
    r"""Feedback alignment: the transpose of every projection is replaced by a separate fixed random matrix.

    .. math:: \delta_l = (B_{l+1} \delta_{l+1}) \odot f'_l

    B is drawn like the projection's own initial weights, times `scale`. Source: Lillicrap et al. 2016.

    Example:
        >>> import jax, erbp_jax as ej
        >>> rule = ej.BackProp(wiring=ej.Layerwise())
        >>> fixed = rule.init(ej.mlp(6, 5, 3), jax.random.key(0)).fixed
        >>> jax.tree.map(lambda x: x.shape, fixed)
        ({}, {'weight': (5, 3)})
    """

    scale: float = 1.0

    def init(self, network: Network, key: jax.Array) -> tuple[Any, ...]:
        """Weights shaped like the trained parameters of every projection from a population; of inputs there are
        none."""
        params = network.init(key)
        out = []
        for j, projection in enumerate(network.projections):
            drawn = network.of_projection(params, j).trained if projection.source in network.names else {}
            out.append(jax.tree.map(lambda w: self.scale * w, drawn))
        return tuple(out)

    def paths(self, network: Network, fixed: tuple[Any, ...]) -> Paths:
        return _Backward(network, fixed)

    def reach(self, network: Network) -> int:
        del network
        return 0

    def to_hidden(self, network: Network, params: Params, fixed: tuple[Any, ...]) -> tuple[jax.Array, ...]:
        projection_params = [network.of_projection(params, j) for j in range(len(network.projections))]
        return paths_to_output(network, [p._replace(trained=w) for p, w in zip(projection_params, fixed, strict=True)])

    def operations(self, network: Network) -> int:
        return _backward_multiplications(network)


class _Backward(Paths):
    """Errors propagate back through separate weights."""

    def __init__(self, network: Network, backward: tuple[Any, ...]) -> None:
        self.network, self.backward = network, backward

    def cross(
        self, index: int, projection: Projection, params: Params, state: Any, spikes: jax.Array, key: jax.Array
    ) -> tuple[Any, jax.Array, Any]:
        backward = self.backward[index] if projection.source in self.network.names else None
        return projection.connection(params, state, spikes, key=key, backward=backward)


@checked
@dataclass(frozen=True)
class Direct:
    r"""Direct feedback alignment, the wiring of eRBP: the output's error reaches every hidden population in one step.

    .. math:: \delta_l = (G_l^\top \delta_L) \odot f'_l

    An error of the output in tick t goes to the spikes that in t arrive at the first other population that they lead
    to: with a delay of d ticks on this projection, to those of t - d, as back-propagation has it with one hidden
    layer. What was fired before the ticks that are worked through at once is out of its reach: with n of them (a block;
    on a cycle through the output a part of it, as long as the cycle's delays allow) errors of n - d ticks arrive, and
    where n is not above d a ValueError says so.

    No error comes back through spikes, whichever projection they went through: on a cycle a neuron keeps the gradient
    through its own state (its leaks and its reset) and through the currents of its recurrent synapses to their
    weights; what its spikes did to other neurons, or to itself, comes back through G alone.
    Source: Nøkland 2016; Neftci et al. 2017.

    Example:
        >>> import jax, erbp_jax as ej
        >>> rule = ej.BackProp(wiring=ej.Direct(ej.RandomFeedback(2.0)))
        >>> [g.shape for g in rule.init(ej.mlp(6, 5, 4, 3), jax.random.key(0)).fixed]
        [(3, 5), (3, 4)]
    """

    feedback: RandomFeedback = RandomFeedback()

    def init(self, network: Network, key: jax.Array) -> tuple[jax.Array, ...]:
        """G for every hidden population, `[K, N]`.

        Raises:
            ValueError: a hidden population that hears the output within a tick.
        """
        after = reached(network.output, [(a, b) for a, b, delay in network.edges if not delay])
        for p in network.hidden:
            if p.name in after:
                raise ValueError(_follows(network, p.name))
        return tuple(
            self.feedback.init(jax.random.fold_in(key, index), network.classes, p.size)
            for index, p in enumerate(network.hidden)
        )

    def paths(self, network: Network, fixed: tuple[jax.Array, ...]) -> Paths:
        return _ToHidden(network, fixed)

    def reach(self, network: Network) -> int:
        return max((_delay(network, p.name) for p in network.hidden), default=0)

    def to_hidden(self, network: Network, params: Params, fixed: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        del network, params
        return fixed

    def operations(self, network: Network) -> int:
        return network.classes * sum(p.size for p in network.hidden)


class _ToHidden(Paths):
    """The error of the output's currents reaches all hidden spikes as they arrive."""

    def __init__(self, network: Network, weights: tuple[jax.Array, ...]) -> None:
        self.network, self.weights = network, weights

    def cross(
        self, index: int, projection: Projection, params: Params, state: Any, spikes: jax.Array, key: jax.Array
    ) -> tuple[Any, jax.Array, Any]:
        del index
        return projection.connection(params, state, jax.lax.stop_gradient(spikes), key=key)

    def arrive(self, population: str, current: jax.Array, fired: Mapping[str, jax.Array]) -> jax.Array:
        if population != self.network.output or not self.weights:
            return current
        for p in self.network.hidden:
            if p.name not in fired:
                raise ValueError(_follows(self.network, p.name))
        return broadcast(current, tuple(self._seen(p.name, fired) for p in self.network.hidden), self.weights)

    def _seen(self, name: str, fired: Mapping[str, jax.Array]) -> jax.Array:
        """Spikes of a population, late by the delay of the first projection to another one; zeros before them.

        Raises:
            ValueError: none of them would be seen.
        """
        spikes, delay = fired[name], _delay(self.network, name)
        if delay >= len(spikes):
            raise ValueError(
                f"Direct: an error of the output reaches what population {name!r} fired {delay} ticks before, and "
                f"{plural(len(spikes), 'tick')} at a time are worked through; it needs longer blocks (update_every), "
                "longer delays on cycles through the output, or a shorter delay"
            )
        return jnp.concatenate([jnp.zeros_like(spikes[:delay]), spikes])[: len(spikes)]


def _delay(network: Network, name: str) -> int:
    """Of the first projection of a population to another one."""
    return next((d for a, b, d in network.edges if a == name != b), 0)


def _follows(network: Network, name: str) -> str:
    return (
        f"Direct: population {name!r} follows the output {network.output!r} within a tick, so that the output's error "
        "cannot reach it"
    )


@jax.custom_vjp
def broadcast(current: jax.Array, hidden: tuple[jax.Array, ...], weights: tuple[jax.Array, ...]) -> jax.Array:
    """`current[..., K]` unchanged; its error reaches each of `hidden[..., N]` through `weights[K, N]`."""
    del hidden, weights
    return current


def _broadcast_fwd(current, hidden, weights):
    del hidden
    return current, weights


def _broadcast_bwd(weights, error):
    return error, tuple(error @ g for g in weights), jax.tree.map(jnp.zeros_like, weights)


broadcast.defvjp(_broadcast_fwd, _broadcast_bwd)


def paths_to_output(network: Network, params: Sequence[Params]) -> tuple[jax.Array, ...]:
    r"""What back-propagation carries to every hidden population, `[K, N]` each: in a chain `(W_{l+1} ... W_L)^T`.

    .. math:: P_{out} = 1, \qquad P_p = \sum_{j: p \to q} P_q W_j^\top

    over all paths in space. Of a network with cycles, projections to the same population or to one declared before are
    left out. `params`: one per projection.
    """
    edges, place = [(a, b, 0) for a, b, _ in network.edges], network.index
    if cycle_without_delay(edges):
        edges = [(a, b, 0) for a, b, _ in edges if place(a) < place(b)]
    found = {network.output: jnp.eye(network.classes, dtype=jnp.float32)}
    for name in reversed(in_order(network.names, edges, 1)):
        paths = [
            p.connection.transpose(params[j], found[p.target])
            for j, p in enumerate(network.projections)
            if (name, p.target, 0) in edges and p.source == name and p.target in found
        ]
        if paths:
            found[name] = sum(paths[1:], paths[0])
    nothing = {p.name: jnp.zeros((network.classes, p.size), jnp.float32) for p in network.hidden}
    return tuple(found.get(p.name, nothing[p.name]) for p in network.hidden)


def _backward_multiplications(network: Network) -> int:
    return sum(p.connection.multiplications for p in network.projections if p.source in network.names)
