"""What every learning rule is: something that looks at a block of ticks and says how the weights should move."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from erbp_jax.connections.arrivals import addressed, writes
from erbp_jax.counting import Wide, wide_stack, wide_zeros
from erbp_jax.network import Network, NetworkState, Params, Trace


class Events(NamedTuple):
    """What a block of learning cost, counted exactly."""

    synops: Wide  # [k, B, L] synapses that presynaptic spikes addressed
    plasticity: Wide  # [k, B, L] presynaptic spikes at synapses with an open gate: a weight is written
    label: Wide  # [k, B] what spikes reach on their way to the error neurons
    error: Wide  # [k, B] dendrites that spikes of the error neurons reach


class ErrorSpikes(NamedTuple):
    """What the error neurons of all populations got and did in a block, `[k, B]` each."""

    spikes: jax.Array  # int32
    incoming: Wide  # what spikes of label, output and readout neurons reached on the way to them
    reached: Wide  # dendrites, each spike counted as often as it has synapses

    @classmethod
    def none(cls, ticks: int, batch: int) -> "ErrorSpikes":
        """Of a rule that has no error neurons."""
        return cls(jnp.zeros((ticks, batch), jnp.int32), wide_zeros(ticks, batch), wide_zeros(ticks, batch))


class BlockResult(NamedTuple):
    """What a rule makes of one block of ticks."""

    network: NetworkState  # after the block
    state: Any  # of the rule, after the block
    update: Params  # a pseudo-gradient shaped like the parameters: optimisers step against it
    output: jax.Array  # [k, B, K] spikes of the last layer
    error_spikes: jax.Array  # [] int32, spikes of the error neurons, all samples (0 for rules without them)
    events: Events | None = None  # of the block; None for a rule that does dense work
    own: Any = None  # a pseudo-gradient shaped like the rule's `own` weights; None if it has none


class Rule(Protocol):
    """A learning rule. The trainer knows nothing but this contract.

    `init` makes what the rule has besides the network (feedback weights): it is never among the network's parameters,
    and all that a block is given as `fixed`. It stays as it is, but for the part that the rule names as its `own`:
    the trainer steps that once a presentation. `init_state` makes what lives for one presentation.
    """

    @property
    def burn_in(self) -> int:
        """Ticks at the start of a presentation in which nothing is learned."""
        ...

    @property
    def counts_events(self) -> bool:
        """Whether a block's result has its `events`: then what learning cost is counted, else worked out."""
        ...

    def init(self, network: Network, key: jax.Array) -> Any: ...

    def own(self, fixed: Any) -> Any:
        """What of `fixed` is trained: one entry a layer, None where nothing is; None if nothing is at all."""
        ...

    def init_state(self, network: Network, batch: int) -> Any: ...

    def block(
        self,
        network: Network,
        params: Params,
        fixed: Any,
        network_state: NetworkState,
        state: Any,
        spikes: jax.Array,
        target: jax.Array,
        *,
        ticks: jax.Array,
        key: jax.Array,
    ) -> BlockResult:
        """A block of k ticks: input `spikes[k, B, ...]`, classes `target[B]`, `ticks[k]`, `key[k, B]`."""
        ...

    def to_hidden(self, network: Network, params: Params, fixed: Any) -> tuple[jax.Array, ...]:
        """What carries the output's error to each hidden layer, `[K, N]` each: for measuring alignment."""
        ...

    def operations(self, network: Network, steps: int, synops: float, error_spikes: float) -> float:
        """What learning from one presentation costs, in synaptic operations and multiply-accumulates.

        `synops` of the forward pass over `steps` ticks and `error_spikes` are measured means per presentation.
        """
        ...

    def gradient(self) -> "Rule":
        """The gradient rule that this rule stands for: for measuring alignment."""
        ...


class Step(NamedTuple):
    """What a local rule makes of the trace of a block."""

    state: Any  # of the rule, after the block
    update: Params
    errors: ErrorSpikes  # what the error neurons did
    own: Any = None  # a pseudo-gradient, as in `BlockResult`


class LocalRule(ABC):
    """A rule that needs nothing but the trace of a forward block: subclasses give `step`."""

    counts_events = True

    def own(self, fixed: Any) -> Any:
        """Nothing, unless a rule trains weights of its own."""
        del fixed

    @abstractmethod
    def step(
        self,
        network: Network,
        fixed: Any,
        state: Any,
        trace: Trace,
        target: jax.Array,
        ticks: jax.Array,
    ) -> Step:
        """What the rule makes of the `trace` of k `ticks` and the classes `target[B]`."""

    def plasticity_events(self, network: Network, trace: Trace) -> Wide:
        """Presynaptic spikes at synapses that they write, `[k, B, L]`: all of them, unless a rule has gates."""
        layers = zip(network.layers, trace, strict=True)
        return wide_stack([writes(layer.connection, seen.pre, None) for layer, seen in layers], -1)

    def block(
        self,
        network: Network,
        params: Params,
        fixed: Any,
        network_state: NetworkState,
        state: Any,
        spikes: jax.Array,
        target: jax.Array,
        *,
        ticks: jax.Array,
        key: jax.Array,
    ) -> BlockResult:
        network_state, trace = network.advance(params, network_state, spikes, key=key)
        state, update, errors, own = self.step(network, fixed, state, trace, target, ticks)
        synops = [addressed(layer.connection, seen.pre) for layer, seen in zip(network.layers, trace, strict=True)]
        events = Events(
            wide_stack(synops, -1),
            self.plasticity_events(network, trace),
            errors.incoming,
            errors.reached,
        )
        fired = errors.spikes.sum(dtype=jnp.int32)
        return BlockResult(network_state, state, update, trace[-1].spikes, fired, events, own)
