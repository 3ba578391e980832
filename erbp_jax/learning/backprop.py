"""Back-propagation through time with surrogate derivatives, and random back-propagation: one rule, three wirings."""

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from erbp_jax.connections.arrivals import learns
from erbp_jax.learning.base import BlockResult
from erbp_jax.learning.loss import CrossEntropy, Loss
from erbp_jax.learning.wiring import Symmetric, Wiring
from erbp_jax.network import Network, NetworkState, Params
from erbp_jax.neurons import Surrogate


@dataclass(frozen=True)
class BackProp:
    r"""The gradient of a loss on the output's mean rates over a block of k ticks, averaged over the batch.

    .. math::
        \Delta w = -\frac\eta B \sum_b \nabla_w\, \mathcal L\!\left(\tfrac1k \textstyle\sum_t s^{out}_b[t], y_b\right),
        \qquad \frac{\partial s}{\partial V} := h(V - V_{th})

    A block as long as the presentation is full back-propagation through time; shorter ones truncate it: the state
    goes on, the gradient does not. `wiring` says which weights the error comes back through: `Symmetric` is BP,
    `Layerwise` and `Direct` are RBP. On a network in rate form the same rule is plain (random) back-propagation.

    `segment` ticks at a time are kept for the backward pass and the rest is computed again: memory grows with
    `k / segment + segment` instead of k, for one more forward pass.

    Raises:
        ValueError: the block is not a whole number of segments.
    """

    surrogate: Surrogate = Surrogate()
    loss: Loss = CrossEntropy()
    wiring: Wiring = Symmetric()
    segment: int | None = None

    @property
    def counts_events(self) -> bool:
        return False

    @property
    def burn_in(self) -> int:
        return 0

    def init(self, network: Network, key: jax.Array) -> Any:
        return self.wiring.init(network, key)

    def own(self, fixed: Any) -> None:
        """Nothing: random ways back stay as they are."""
        del fixed

    def init_state(self, network: Network, batch: int) -> tuple[()]:
        del network, batch
        return ()

    def block(
        self,
        network: Network,
        params: Params,
        fixed: Any,
        network_state: NetworkState,
        state: tuple[()],
        spikes: jax.Array,
        target: jax.Array,
        *,
        ticks: jax.Array,
        key: jax.Array,
    ) -> BlockResult:
        del ticks
        highest = network.layers[-1].neuron.max_rate

        def loss(params):
            after, output = self._forward(network, params, fixed, network_state, spikes, key)
            return self.loss(output.mean(0) / highest, target).mean(), (after, output)

        update, (after, output) = jax.grad(loss, has_aux=True)(params)
        return BlockResult(after, state, update, output, jnp.zeros((), jnp.int32))

    def to_hidden(self, network: Network, params: Params, fixed: Any) -> tuple[jax.Array, ...]:
        return self.wiring.to_hidden(network, params, fixed)

    def operations(self, network: Network, steps: int, synops: float, error_spikes: float) -> float:
        """Event-driven forward; dense in every tick for the way back and for the gradient of every weight."""
        del error_spikes
        connections = [layer.connection for layer in network.layers]
        weights = sum(connection.multiplications for connection in connections if learns(connection))
        return synops + steps * (self.wiring.operations(network) + weights)

    def gradient(self) -> "BackProp":
        return replace(self, wiring=Symmetric())

    def _forward(self, network, params, fixed, network_state, spikes, key):
        """The network's state after the block, and its output spikes `[k, B, K]`."""
        network = network.with_surrogate(self.surrogate)
        synapses = self.wiring.synapses(fixed)

        def advance(state, inputs):
            spikes, key = inputs
            state, trace = network.advance(params, state, spikes, key=key, synapses=synapses)
            return state, trace[-1].spikes

        if self.segment is None:
            return advance(network_state, (spikes, key))
        k, segment = spikes.shape[0], self.segment
        if k % segment:
            raise ValueError(f"BackProp: a block of {k} ticks is not a whole number of segments of {segment}")
        parts = jax.tree.map(lambda x: x.reshape(k // segment, segment, *x.shape[1:]), (spikes, key))
        state, output = jax.lax.scan(jax.checkpoint(advance), network_state, parts)
        return state, output.reshape(k, *output.shape[2:])
