"""STDP without a backward table: synapses are visited from their source alone (Pedroni et al. 2016)."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.kernels import Kernel
from erbp_jax.learning.base import LocalRule, Rule, Step
from erbp_jax.learning.three_factor.modulators import Modulator, Unmodulated
from erbp_jax.network import Network, Params, Trace

NEVER = -(2**20)


class Times(NamedTuple):
    """What a layer remembers: numbers a neuron, none a synapse."""

    pre: jax.Array  # [B, I] int32, tick of the last presynaptic spike
    post: jax.Array  # [B, O] int32, tick of the last postsynaptic spike
    modulator: jax.Array  # [B, O] the modulator as it was at that spike


class ForwardTableState(NamedTuple):
    modulator: Any
    layers: tuple[Times, ...]
    tick: jax.Array  # [] int32


@dataclass(frozen=True)
class ForwardTableSTDP(LocalRule):
    r"""Nearest-pair STDP in which only presynaptic events and timers touch a synapse.

    .. math::
        \Delta w_{ij}[t] &= g_j\, K(t_j - t_i) \quad \text{if } t_j > t_i \text{ and i fires, or } t - t_i = T_{max} \\
        \Delta w_{ij}[t] &\mathrel{+}= M_j[t]\, K(t_j - t) \quad \text{if i fires}

    where t_i, t_j are the last spikes *before* tick t and g_j is the modulator at t_j. The causal update of a
    presynaptic spike waits for the next one, or for the timer; of several postsynaptic spikes in between only the last
    counts, and one in the very tick of the next presynaptic spike is lost. Where refractory periods on both sides are
    at least the window, it is exact STDP.

    Order within a tick: causal, acausal, last-spike times. `expiry` T_max in ticks, at least the kernel's window.
    Works on connections whose only parameter is a weight matrix `[I, O]`; the update walks rows i of that matrix.
    Source: Pedroni et al. 2016 (arXiv 1607.03070); the fixed-point form is `erbp_jax/nsat/plasticity.py`.

    Raises:
        ValueError: an expiry below the window, or a network with a layer that has no weight matrix `[I, O]`.
    """

    kernel: Kernel
    expiry: int | None = None
    modulator: Modulator = Unmodulated()
    burn_in: int = 0

    def __post_init__(self) -> None:
        if self.expiry is not None and self.expiry < self.kernel.window:
            raise ValueError(f"ForwardTableSTDP: expiry {self.expiry} lies below the window {self.kernel.window}")

    def init(self, network: Network, key: jax.Array) -> Any:
        params = jax.eval_shape(network.init, key)
        for index, (layer, weights) in enumerate(zip(network.layers, params, strict=True)):
            wanted = {"weight": (layer.connection.inputs, layer.connection.outputs)}
            if {name: weight.shape for name, weight in weights.items()} != wanted:
                raise ValueError(
                    f"ForwardTableSTDP: walks the rows of a weight matrix, and layer {index} (from 0), "
                    f"{type(layer.connection).__name__}, has none"
                )
        return self.modulator.init(network, key)

    def init_state(self, network: Network, batch: int) -> ForwardTableState:
        layers = tuple(
            Times(
                jnp.full((batch, layer.connection.inputs), NEVER, jnp.int32),
                jnp.full((batch, layer.connection.outputs), NEVER, jnp.int32),
                jnp.zeros((batch, layer.connection.outputs), jnp.float32),
            )
            for layer in network.layers
        )
        return ForwardTableState(self.modulator.init_state(network, batch), layers, jnp.zeros((), jnp.int32))

    def step(
        self, network: Network, fixed: Any, state: ForwardTableState, trace: Trace, target: jax.Array, ticks: jax.Array
    ) -> Step:
        """Rule state and update after the k ticks of a trace; the update is a sum over ticks and samples."""
        modulator, modulation = self.modulator.over(network, fixed, state.modulator, trace[-1].spikes, target, ticks)
        now = state.tick + jnp.arange(len(ticks), dtype=jnp.int32)
        layers, updates = [], []
        for times, seen, m in zip(state.layers, trace, modulation.layers, strict=True):
            m = jnp.broadcast_to(m, seen.spikes.shape)

            def tick(carry, inputs):
                times, total = carry
                times, change = forward_table(self.kernel, self.expiry or self.kernel.window, times, *inputs)
                return (times, total - change.sum(0)), None

            zero = jnp.zeros((seen.pre.shape[-1], seen.spikes.shape[-1]), jnp.float32)
            (times, update), _ = jax.lax.scan(tick, (times, zero), (seen.pre, seen.spikes, m, now))
            layers.append(times)
            updates.append({"weight": update})
        state = ForwardTableState(modulator, tuple(layers), state.tick + len(ticks))
        return Step(state, tuple(updates), modulation.errors)

    def to_hidden(self, network: Network, params: Params, fixed: Any) -> tuple[jax.Array, ...]:
        del network, params
        return self.modulator.to_hidden(fixed)

    def operations(self, network: Network, steps: int, synops: float, error_spikes: float) -> float:
        """A presynaptic spike transmits and writes twice, once for each side of the kernel."""
        del network
        return synops * (1.0 + 2.0 * (steps - self.burn_in) / steps) + error_spikes

    def gradient(self) -> Rule:
        raise ValueError("this rule stands for no gradient, so its alignment cannot be measured")


def forward_table(
    kernel: Kernel,
    expiry: int,
    times: Times,
    pre: jax.Array,
    post: jax.Array,
    modulator: jax.Array,
    tick: jax.Array,
) -> tuple[Times, jax.Array]:
    """One tick: spikes `pre[B, I]`, `post[B, O]`, `modulator[B, O]` -> `(times, change[B, I, O])`."""
    fires = pre > 0
    since = tick - times.pre
    due = (fires & (since < expiry)) | (since == expiry)
    interval = times.post[:, None, :] - times.pre[:, :, None]
    causal = jnp.where(interval > 0, kernel(interval), 0.0) * times.modulator[:, None, :]
    acausal = (kernel(times.post - tick) * modulator)[:, None, :]
    change = jnp.where(due[:, :, None], causal, 0.0) + jnp.where(fires[:, :, None], acausal, 0.0)
    spiking = post > 0
    times = Times(
        jnp.where(fires, tick, times.pre),
        jnp.where(spiking, tick, times.post),
        jnp.where(spiking, modulator, times.modulator),
    )
    return times, change
