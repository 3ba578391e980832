"""How an error travels backwards: through the weights themselves, or through fixed random ones."""

from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from erbp_jax.learning.feedback import RandomFeedback, gather, spread
from erbp_jax.network import Network, Params, Synapses, own_weights


class Wiring(Protocol):
    """Backward paths of a gradient rule. What is random is drawn once, and never trained."""

    def init(self, network: Network, key: jax.Array) -> Any:
        """The fixed feedback weights."""
        ...

    def synapses(self, fixed: Any) -> Synapses:
        """What the network is to use for its currents, so that errors come back this way."""
        ...

    def to_hidden(self, network: Network, params: Params, fixed: Any) -> tuple[jax.Array, ...]:
        """What the wiring as a whole carries from the output to each hidden layer, `[K, N]` each."""
        ...

    def operations(self, network: Network) -> int:
        """Multiplications that bring the error of one tick to all hidden layers."""
        ...


@dataclass(frozen=True)
class Symmetric:
    """Back-propagation: errors come back through the weights that spikes went through."""

    def init(self, network: Network, key: jax.Array) -> tuple[()]:
        del network, key
        return ()

    def synapses(self, fixed: tuple[()]) -> Synapses:
        del fixed
        return own_weights

    def to_hidden(self, network: Network, params: Params, fixed: tuple[()]) -> tuple[jax.Array, ...]:
        del fixed
        return paths_to_output(network, params)

    def operations(self, network: Network) -> int:
        return sum(layer.connection.multiplications for layer in network.layers[1:])


@dataclass(frozen=True)
class Layerwise:
    r"""Feedback alignment: every layer's transpose is replaced by a fixed random matrix of its own.

    .. math:: \delta_l = (B_{l+1} \delta_{l+1}) \odot f'_l

    B is drawn like the layer's own initial weights, times `scale`. Source: Lillicrap et al. 2016.
    """

    scale: float = 1.0

    def init(self, network: Network, key: jax.Array) -> tuple[Any, ...]:
        """Weights shaped like the parameters of every layer but the first."""
        drawn = network.init(key)[1:]
        return jax.tree.map(lambda w: self.scale * w, drawn)

    def synapses(self, fixed: tuple[Any, ...]) -> Synapses:
        def currents(index, layer, params, presynaptic, key):
            backward = fixed[index - 1] if index else None
            return layer.connection(params, presynaptic[-1], key=key, backward=backward)

        return currents

    def to_hidden(self, network: Network, params: Params, fixed: tuple[Any, ...]) -> tuple[jax.Array, ...]:
        return paths_to_output(network, (params[0], *fixed))

    def operations(self, network: Network) -> int:
        return sum(layer.connection.multiplications for layer in network.layers[1:])


@dataclass(frozen=True)
class Direct:
    r"""Direct feedback alignment, the wiring of eRBP: the output's error reaches every hidden layer in one step.

    .. math:: \delta_l = (G_l^\top \delta_L) \odot f'_l

    Source: Nøkland 2016; Neftci et al. 2017.
    """

    feedback: RandomFeedback = RandomFeedback()

    def init(self, network: Network, key: jax.Array) -> tuple[jax.Array, ...]:
        """G for every hidden layer, `[K, N]`, or `[K, M]` if its maps' positions share theirs."""
        *hidden, output = (layer.connection for layer in network.layers)
        return tuple(
            self.feedback.init(jax.random.fold_in(key, index), output.outputs, connection.output_shape)
            for index, connection in enumerate(hidden)
        )

    def synapses(self, fixed: tuple[jax.Array, ...]) -> Synapses:
        def currents(index, layer, params, presynaptic, key):
            current = layer.connection(params, jax.lax.stop_gradient(presynaptic[-1]), key=key)
            if index < len(fixed):
                return current
            hidden = tuple(gather(units, g.shape[-1]) for units, g in zip(presynaptic[1:], fixed, strict=True))
            return broadcast(current, hidden, fixed)

        return currents

    def to_hidden(self, network: Network, params: Params, fixed: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        del params
        return tuple(spread(g, units) for g, units in zip(fixed, network.sizes[1:-1], strict=True))

    def operations(self, network: Network) -> int:
        *hidden, output = (layer.connection for layer in network.layers)
        return output.outputs * sum(self.feedback.targets(connection.output_shape) for connection in hidden)


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


def paths_to_output(network: Network, params: Params) -> tuple[jax.Array, ...]:
    """The products `(W_{l+1} ... W_L)^T`, `[K, N]`, of every hidden layer: what back-propagation carries to it."""
    path, paths = jnp.eye(network.sizes[-1], dtype=jnp.float32), []
    for layer, weights in zip(network.layers[:0:-1], params[:0:-1], strict=True):
        path = layer.connection.transpose(weights, path)
        paths.append(path)
    return tuple(reversed(paths))
