"""A bipartite Boltzmann machine of spiking neurons."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from boltzmann.neurons import Sampler, SamplingNeuron
from erbp_jax.connections.transmission import Reliable, Transmission
from erbp_jax.neurons.firing import decay
from erbp_jax.random import fold_each, normal, uniform

Params = dict[str, jax.Array]
"""`weight[V, H]`, `visible[V]` and `hidden[H]` (biases), on the logit scale."""


class MachineState(NamedTuple):
    visible: jax.Array  # [B, V] synaptic current, units of the weights
    hidden: jax.Array  # [B, H]
    visible_held: jax.Array  # [B, V] int32, ticks of z = 1 left, the last tick included
    hidden_held: jax.Array  # [B, H]
    visible_spikes: jax.Array  # [B, V] of the last tick
    hidden_spikes: jax.Array  # [B, H]


@dataclass(frozen=True)
class SamplingMachine:
    r"""V visible and H hidden neurons with symmetric synapses; spikes arrive a tick after they were fired.

    .. math::
        I_h[t] = d\, I_h[t-1] + (1 - d)\, \tau_r \sum_v \xi_{vh}[t]\, q_{vh}\, s_v[t-1], \qquad
        u_h = I_h + b_h \quad (d = e^{-1/\tau_{syn}})

    and the same for the visible side. A spike's current adds up to what a rectangle of height q and length tau_r would,
    so that with `SamplingNeuron` and reliable synapses the machine samples, to the extent that an exponential stands
    for a rectangle, the Boltzmann distribution of q and b. `synapse="rectangular"` is the rectangle itself,
    `I_h[t] = sum_v q_vh z_v[t-1]`: exact in the limit of short ticks. `drive` on the visible neurons replaces u where
    it is not NaN: clamped.

    Blank-out synapses (`transmission`) make the noise of the synaptic sampling machine; then the biases blank out, too:
    they are synapses of a neuron that fires in every tick. `tau_syn` in ticks.
    Source: Neftci et al. 2014; Neftci et al. 2016 (arXiv 1511.04484).
    """

    visible: int
    hidden: int
    neuron: Sampler = SamplingNeuron()
    tau_syn: float = 4.0
    transmission: Transmission = field(default_factory=Reliable)
    synapse: Literal["exponential", "rectangular"] = "exponential"

    def init(self, key: jax.Array, scale: float = 0.1) -> Params:
        """Weights N(0, scale), biases 0."""
        return {
            "weight": scale * normal(key, (self.visible, self.hidden)),
            "visible": jnp.zeros((self.visible,), jnp.float32),
            "hidden": jnp.zeros((self.hidden,), jnp.float32),
        }

    def init_state(self, batch: int) -> MachineState:
        v, h = (batch, self.visible), (batch, self.hidden)
        zero = jnp.zeros
        return MachineState(zero(v), zero(h), zero(v, jnp.int32), zero(h, jnp.int32), zero(v), zero(h))

    def step(
        self,
        params: Params,
        state: MachineState,
        drive: jax.Array,
        *,
        key: jax.Array,
        clamped: bool = False,
        arriving: jax.Array | None = None,
    ) -> MachineState:
        """One tick: `drive[B, V]`, `key[B]`. With `clamped` every visible neuron is driven, and the way back to them is
        left out. `arriving[B, H]`, weights of spikes that reach the hidden neurons from outside."""
        keys = [fold_each(key, jnp.uint32(i)) for i in range(6)]
        keep, gain = decay(self.tau_syn), self.neuron.refractory * (1.0 - decay(self.tau_syn))
        sources = state.visible_spikes, state.hidden_spikes
        if self.synapse == "rectangular":
            keep, gain = 0.0, 1.0
            sources = tuple((held > 0).astype(jnp.float32) for held in (state.visible_held, state.hidden_held))
        arrived = self.transmission.current(params["weight"], sources[0], keys[0])
        if arriving is not None:
            arrived = arrived + arriving
        hidden = keep * state.hidden + gain * arrived
        if clamped:
            visible, u = keep * state.visible, drive
        else:
            arrived = self.transmission.current(params["weight"].T, sources[1], keys[1])
            visible = keep * state.visible + gain * arrived
            u = visible + self._bias(params["visible"], keys[2])
            u = jnp.where(jnp.isnan(drive), u, drive)
        visible_held, visible_spikes = self.neuron.step(state.visible_held, u, keys[3])
        u = hidden + self._bias(params["hidden"], keys[4])
        hidden_held, hidden_spikes = self.neuron.step(state.hidden_held, u, keys[5])
        return MachineState(visible, hidden, visible_held, hidden_held, visible_spikes, hidden_spikes)

    def _bias(self, bias: jax.Array, key: jax.Array) -> jax.Array:
        p = self.transmission.mean
        if p == 1.0:
            return bias[None]
        draw = uniform(key, bias.shape)
        return jnp.where(draw < p, bias[None], 0.0)
