"""What weights change by: forward-table, presynaptically triggered plasticity.

A synapse is visited only from its source. *Causal* updates, of pairs whose postsynaptic spike came after the
presynaptic one, are put off to the source's next event or to `expiry` ticks after the last; *acausal* ones, and those
of rules without STDP, are made at the event itself. A weight changes only where its learning group is plastic and, on a
gated core, the target state lies in the gate and the burn-in of the period is over.
Source: Pedroni et al. 2016 (arXiv 1607.03070); facts of the NSAT simulator.
"""

from typing import Literal

import jax
import jax.numpy as jnp

from erbp_jax.kernels import step_at
from erbp_jax.nsat.shifts import gain
from erbp_jax.nsat.tables import Parameters

Compatibility = Literal["documented", "reference"]
"""`"reference"`: the acausal side of the exponential kernel grows with the interval, as in the reference simulator."""


def open_synapses(p: Parameters, y: jax.Array, tick: jax.Array) -> jax.Array:
    """Which target states may learn in this tick, bool `[R, S, N]`; y are the clipped states before the reset."""
    in_gate = (y > p.gate_lower[None, None]) & (y < p.gate_upper[None, None])
    on_time = tick % p.period >= p.burn_in
    return p.learns[None] & (~p.gated[None, None] | (in_gate & on_time[None, None]))


def modulation(y: jax.Array, p: Parameters, states: tuple[int, ...]) -> jax.Array:
    """The state that modulates each neuron's learning, `[R, N]`."""
    value = y[:, states[0]]
    for s in states[1:]:
        value = jnp.where(p.modulator[None] == s, y[:, s], value)
    return value


def acausal_change(
    p: Parameters, modulator: jax.Array, last_spike: jax.Array, tick: jax.Array, stdp: bool, compat: Compatibility
) -> jax.Array:
    """The change that an event of this tick makes in a synapse onto each target, `[R, S, N]`, before rounding.

    Without STDP the modulator shifted by the first acausal exponent; with it, the kernel at `t_post - t`.
    """
    m = modulator[:, None]
    edges, shifts, signs, slopes = (
        x[:, None] for x in (p.acausal_edges, p.acausal_shift, p.acausal_sign, p.acausal_slope)
    )
    change = gain(m, shifts[0])
    if not stdp:
        return change
    dt = (last_spike - tick)[:, None]
    # The reference floors dt / 2**slope of negative dt too, by which the acausal side grows.
    interval = dt if compat == "reference" else jnp.abs(dt)
    exponent, sign = step_at(
        dt, causal=False, edges=edges, window=p.window[None], shifts=shifts, signs=signs, slopes=slopes,
        exponential=p.exponential[None], interval=interval,
    )  # fmt: skip
    return jnp.where(p.stdp[None], sign * gain(m, exponent), change)


def causal_change(p: Parameters, at: jax.Array, snapshot: jax.Array, dt: jax.Array) -> jax.Array:
    """The change of pairs `dt[E, F]` = `t_post - t_pre` apart onto the targets `at[E, F]`; `snapshot[E, F]` is the
    modulator at the postsynaptic spike."""

    def take(x):
        return x.reshape(*x.shape[:-2], -1)[..., at]

    exponent, sign = step_at(
        dt, causal=True, edges=take(p.causal_edges), window=take(p.window), shifts=take(p.causal_shift),
        signs=take(p.causal_sign), slopes=take(p.causal_slope), exponential=take(p.exponential),
    )  # fmt: skip
    return jnp.where(take(p.stdp), sign * gain(snapshot, exponent), 0)
