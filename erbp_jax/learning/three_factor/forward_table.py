"""STDP without a backward table: synapses are visited from their source alone (Pedroni et al. 2016)."""

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.kernels import Exponential, Kernel
from erbp_jax.learning.base import Given
from erbp_jax.learning.local import LocalRule, Step
from erbp_jax.learning.three_factor.modulators import Modulator, Unmodulated
from erbp_jax.learning.three_factor.rule import signals
from erbp_jax.network import Network
from erbp_jax.params import Params
from erbp_jax.random import check_keys
from erbp_jax.registry import register
from erbp_jax.trace import Trace
from erbp_jax.units import Part, Ticks

NEVER = -(2**20)


class Times(NamedTuple):
    """What a layer remembers: numbers per neuron, none per synapse."""

    pre: jax.Array  # [B, I] int32, tick of the last presynaptic spike
    post: jax.Array  # [B, O] int32, tick of the last postsynaptic spike
    modulator: jax.Array  # [B, O] the modulator as it was at that spike


class ForwardTableState(NamedTuple):
    modulator: Any
    projections: tuple[Times, ...]
    tick: jax.Array  # [] int32


@register("rule", "forward_table_stdp")
@dataclass(frozen=True)
class ForwardTableSTDP(LocalRule):
    r"""Nearest-pair STDP in which only presynaptic events and timers touch a synapse.

    .. math::
        \Delta w_{ij}[t] &= g_j\, K(t_j - t_i) \quad \text{if } t_j > t_i \text{ and i fires, or } t - t_i = T_{max} \\
        \Delta w_{ij}[t] &\mathrel{+}= M_j[t]\, K(t_j - t) \quad \text{if i fires}

    where t_i, t_j are the last spikes *before* tick t and g_j is the modulator at t_j. The causal update of a
    presynaptic spike waits for the next one, or for the timer; of several postsynaptic spikes in between only the last
    counts, and one in the very tick of the next presynaptic spike is lost. So is what still waits when a presentation
    ends: give it T_max ticks of silence, or potentiation is missing. Where refractory periods on both sides are at
    least the window, and nothing waits at the end, it is exact STDP.

    Order within a tick: causal, acausal, last-spike times. `expiry` T_max in ticks, at least the kernel's window.
    Works on connections whose only parameter is a weight matrix `[I, O]`; the update walks rows i of that matrix.
    Source: Pedroni et al. 2016 (arXiv 1607.03070); the fixed-point form is `erbp_jax/nsat/plasticity.py`.

    Example:
        >>> import jax, erbp_jax as ej
        >>> from erbp_jax.kernels import Exponential
        >>> from erbp_jax.learning.three_factor import ForwardTableSTDP
        >>> rule = ForwardTableSTDP(Exponential(window=64))
        >>> rule.rest(ej.mlp(4, 3), 2).projections[0].pre.shape
        (2, 4)

    Raises:
        ValueError: an expiry below the window, or a network with a projection that has no weight matrix `[I, O]`.
    """

    kernel: Annotated[Kernel, Part("kernel")] = Exponential()
    """Weight change as a function of the interspike interval of a pair."""
    expiry: Ticks | None = None
    """Time after which a presynaptic spike is settled without a next one; the kernel's window if not given."""
    modulator: Annotated[Modulator, Part("modulator")] = Unmodulated()
    """The third factor."""

    def __post_init__(self) -> None:
        if self.expiry is not None and self.expiry < self.kernel.window:
            raise ValueError(f"ForwardTableSTDP: expiry {self.expiry} lies below the window {self.kernel.window}")

    def check_steps(self, steps: int, burn_in: int = 0) -> None:
        """Refuse presentations of a length for which the modulator is not made.

        Raises:
            ValueError: as the modulator says.
        """
        self.modulator.check_steps(steps, burn_in)

    @property
    def supervised(self) -> bool:
        """Whether the modulator depends on the targets."""
        return self.modulator.supervised

    def init(self, network: Network, key: jax.Array) -> Params:
        check_keys("ForwardTableSTDP", key, ())
        params = jax.eval_shape(network.init, key)
        for projection, weights in zip(network.projections, params.trained.projections, strict=True):
            connection = projection.connection
            wanted = {"weight": (connection.inputs, connection.outputs)}
            rows = {name: weight.shape for name, weight in weights.items()} == wanted
            if projection.plastic and not (rows and connection.signals == connection.inputs):
                raise ValueError(
                    f"ForwardTableSTDP: walks the rows of a weight matrix, and the projection {projection.name}, "
                    f"{type(connection).__name__}, has none"
                )
        return self.modulator.init(network, key)

    def rest(self, network: Network, batch: int) -> ForwardTableState:
        layers = tuple(
            Times(
                jnp.full((batch, p.connection.inputs), NEVER, jnp.int32),
                jnp.full((batch, p.connection.outputs), NEVER, jnp.int32),
                jnp.zeros((batch, p.connection.outputs), jnp.float32),
            )
            for p in network.projections
        )
        return ForwardTableState(self.modulator.init_state(network, batch), layers, jnp.zeros((), jnp.int32))

    def step(
        self,
        network: Network,
        params: Params,
        rule_params: Params,
        state: ForwardTableState,
        trace: Trace,
        given: Given,
    ) -> Step:
        """Rule state and update after the block; the update is a sum over ticks and samples."""
        modulator, modulation = self.modulator.over(network, rule_params, state.modulator, trace, given)
        now = state.tick + jnp.arange(len(given.ticks), dtype=jnp.int32)
        layers, updates = [], []
        for j, (times, projection) in enumerate(zip(state.projections, network.projections, strict=True)):
            pre, post = signals(network, trace, j)
            if not projection.learns:
                layers.append(times)
                updates.append(params.trained.projections[j])
                continue
            m = jnp.broadcast_to(modulation.populations[network.index(projection.target)], post.spikes.shape)

            def tick(carry, inputs):
                times, total = carry
                times, change = forward_table(self.kernel, self.expiry or self.kernel.window, times, *inputs)
                return (times, total - change.sum(0)), None

            zero = jnp.zeros((pre.spikes.shape[-1], post.spikes.shape[-1]), jnp.float32)
            (times, update), _ = jax.lax.scan(tick, (times, zero), (pre.spikes, post.spikes, m, now))
            layers.append(times)
            updates.append({"weight": update})
        state = ForwardTableState(modulator, tuple(layers), state.tick + len(given.ticks))
        return Step(state, tuple(updates), modulation.errors)


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
