"""Layers in order: the one definition of a model that every learning rule shares."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.connections import Connection
from erbp_jax.neurons import Neuron, Static, Surrogate, Transfer
from erbp_jax.random import fold_each

Params = tuple[dict[str, jax.Array], ...]


class LayerTrace(NamedTuple):
    """What a local rule may see of a layer, for the k ticks of a block."""

    pre: jax.Array  # [k, B, I] presynaptic spikes as they arrive at the synapses
    current: jax.Array  # [k, B, O] synaptic current I
    membrane: jax.Array  # [k, B, O] membrane potential V, after reset
    spikes: jax.Array  # [k, B, O] output spikes
    key: jax.Array  # [k, B] what the transmission drew its masks with


Trace = tuple[LayerTrace, ...]


class NetworkState(NamedTuple):
    neurons: tuple[Any, ...]  # per layer, the state of its neurons
    in_flight: tuple[jax.Array, ...]  # per layer [delay, B, I], spikes that are still on their way


@dataclass(frozen=True)
class Layer:
    """A connection and the neurons it drives. `delay` in ticks, from the presynaptic spike to its arrival."""

    connection: Connection
    neuron: Neuron
    delay: int = 0


Synapses = Callable[[int, Layer, Any, Sequence[jax.Array], jax.Array], jax.Array]
"""`(index, layer, its parameters, presynaptic spikes of this and all earlier layers, key) -> current`."""


def own_weights(index: int, layer: Layer, params: Any, presynaptic: Sequence[jax.Array], key: jax.Array) -> jax.Array:
    """Errors come back through the weights that spikes went through: plain differentiation."""
    del index
    return layer.connection(params, presynaptic[-1], key=key)


@dataclass(frozen=True)
class Network:
    """An ordered set of layers.

    The unit of time is a *block* of k ticks during which the weights do not change. Inside a block the layers are
    worked through in order, each for all k ticks: one product for its synapses, then k element-wise ticks of its
    neurons. With a delay of 0 a spike reaches the next layer within its tick (a feed-forward sweep).

    Raises:
        ValueError: layers that do not fit together.
    """

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("Network: needs at least one layer")
        for i, (a, b) in enumerate(zip(self.layers[:-1], self.layers[1:], strict=True)):
            if a.connection.outputs != b.connection.inputs:
                raise ValueError(
                    f"Network: layer {i} has {a.connection.outputs} outputs, "
                    f"layer {i + 1} takes {b.connection.inputs} inputs"
                )
        if any(layer.delay < 0 for layer in self.layers):
            raise ValueError("Network: delays must be >= 0 ticks")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units per layer, the input first: `(784, 100, 10)`."""
        return (self.layers[0].connection.inputs, *(layer.connection.outputs for layer in self.layers))

    @property
    def name(self) -> str:
        """The layers in short: `784-100-10`, `784-8c5s2-100-10`."""
        return "-".join((str(self.sizes[0]), *(layer.connection.label for layer in self.layers)))

    def init(self, key: jax.Array) -> Params:
        """Fresh parameters, one dictionary a layer."""
        return tuple(layer.connection.init(jax.random.fold_in(key, i)) for i, layer in enumerate(self.layers))

    def init_state(self, batch: int) -> NetworkState:
        """The resting state for `batch` samples."""
        return NetworkState(
            tuple(layer.neuron.init_state((batch, layer.connection.outputs)) for layer in self.layers),
            tuple(jnp.zeros((layer.delay, batch, layer.connection.inputs), jnp.float32) for layer in self.layers),
        )

    def with_surrogate(self, surrogate: Surrogate) -> "Network":
        """The same network with differentiable thresholds; its spikes are the same."""
        return Network(tuple(replace(x, neuron=x.neuron.with_surrogate(surrogate)) for x in self.layers))

    def rate_form(self, smoothing: float) -> "Network":
        """The non-spiking network of the same connections: static transfer functions, reliable synapses, no delay.

        Raises:
            ValueError: a neuron without a static transfer function.
        """
        layers = []
        for layer in self.layers:
            if not isinstance(layer.neuron, Transfer):
                raise ValueError(f"{type(layer.neuron).__name__} has no static transfer function, hence no rate form")
            layers.append(Layer(layer.connection.reliable(), Static(layer.neuron, smoothing)))
        return Network(tuple(layers))

    def advance(
        self,
        params: Params,
        state: NetworkState,
        spikes: jax.Array,
        *,
        key: jax.Array,
        synapses: Synapses = own_weights,
    ) -> tuple[NetworkState, Trace]:
        """A block of k ticks: `spikes[k, B, I], key[k, B] -> (state, trace)`.

        `synapses` says how errors come back under differentiation; it must not change the currents.
        """
        neurons, in_flight, trace = [], [], []
        for i, layer in enumerate(self.layers):
            arriving = jnp.concatenate([state.in_flight[i], spikes]) if layer.delay else spikes
            pre, waiting = arriving[: spikes.shape[0]], arriving[spikes.shape[0] :]
            synapse_key = fold_each(key, jnp.uint32(2 * i + 1))
            current = synapses(i, layer, params[i], [*(seen.pre for seen in trace), pre], synapse_key)

            def tick(neuron_state, inputs, neuron=layer.neuron):
                current, key = inputs
                neuron_state, spikes = neuron.step(neuron_state, current, key=key)
                return neuron_state, (neuron_state.synaptic, neuron_state.membrane, spikes)

            noise_key = fold_each(key, jnp.uint32(2 * i + 2))
            neuron_state, (synaptic, membrane, spikes) = jax.lax.scan(
                tick, state.neurons[i], (current, noise_key), unroll=unrolling(current.shape[0])
            )
            neurons.append(neuron_state)
            in_flight.append(waiting if layer.delay else state.in_flight[i])
            trace.append(LayerTrace(pre, synaptic, membrane, spikes, synapse_key))
        return NetworkState(tuple(neurons), tuple(in_flight)), tuple(trace)

    def step(
        self, params: Params, state: NetworkState, spikes: jax.Array, *, key: jax.Array
    ) -> tuple[NetworkState, Trace]:
        """One tick: `spikes[B, I], key[B] -> (state, trace)`, the trace without the axis k."""
        state, trace = self.advance(params, state, spikes[None], key=key[None])
        return state, jax.tree.map(lambda x: x[0], trace)


def unrolling(ticks: int) -> int:
    """How far to unroll a scan over the ticks of a block: wholly if it is short, else not at all.

    A loop unrolled in part fails to compile on the CPU for some lengths (jax 0.10.2, 10 ticks by 8).
    """
    return ticks if ticks <= 8 else 1
