"""The Mihalas-Niebur neuron: adaptive threshold and spike-induced currents, equations 5 of the talk."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from scipy.linalg import expm

from erbp_jax.neurons.firing import Integration, check_shape
from erbp_jax.neurons.surrogate import Surrogate, spike
from erbp_jax.registry import register
from erbp_jax.units import Above, Dt, Unit

_PerMs = Annotated[float, Unit("1/ms")]
_Positive = Annotated[float, Unit("1/ms"), Above(0.0)]
_Potential = Annotated[float, Unit("mV")]
_Current = Annotated[float, Unit("mV/ms")]

_CURRENTS = ("a1", "a2", "bias", "i1_init", "i2_init")


class MihalasNieburState(NamedTuple):
    """State of `MihalasNiebur` after a tick."""

    synaptic: jax.Array  # [..., N] input of the last tick, I_e / C in mV/ms
    membrane: jax.Array  # [..., N] V, mV
    threshold: jax.Array  # [..., N] Theta, mV
    fast: jax.Array  # [..., N] spike-induced current I_1 / C, mV/ms
    slow: jax.Array  # [..., N] spike-induced current I_2 / C, mV/ms
    drive: jax.Array  # [..., N] V before the reset minus the Theta that it was tested against, mV


@register("neuron", "mihalas_niebur")
@dataclass(frozen=True)
class MihalasNiebur:
    r"""Generalised linear integrate-and-fire neuron with a threshold that follows the membrane.

    .. math::
        \dot V &= I_e + I_1 + I_2 - G (V - E_L) \\
        \dot\Theta &= a (V - E_L) - b (\Theta - \Theta_\infty) \\
        \dot I_j &= -k_j I_j \\
        V \ge \Theta:&\quad I_j \leftarrow R_j I_j + A_j,\quad V \leftarrow V_r,\quad
        \Theta \leftarrow \max(\Theta_r, \Theta)

    Order within a tick: all four derivatives from the old state (`"euler"`) or the matrix exponential of the linear
    system (`"exact"`), then the threshold test on the new state, then the reset.

    ms, mV and mV/ms throughout (currents and G are divided by C): `dt` is the length of a tick in ms, rates `a`, `b`,
    `k1`, `k2` and `g` are per ms. The input of a tick is I_e. In float32 a current within 1e-6 of the rheobase makes no
    spike (increments fall below the resolution of -50 mV); everything coarser agrees with float64 tick for tick.

    Source: Mihalas & Niebur 2009. The talk's equations 5 have slips: (5a) is V + I_e - G (V - E_L), with *plus* G E_L;
    (5b) lacks Theta_inf in its last term, b Theta_inf; (5c, d) are (1 - k_j) I_j.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.neurons import MihalasNiebur
        >>> neuron, spikes = MihalasNiebur(dt=0.1), 0
        >>> state = neuron.init_state((1,))
        >>> for t in range(300):
        ...     state, fired = neuron.step(state, jnp.full(1, 1.5))  # mV/ms
        ...     spikes += int(fired[0])
        >>> spikes
        1

    Raises:
        ValueError: a rate or dt that is not positive, a step too coarse for Euler, or a reset above its threshold.
    """

    a: _PerMs = 0.0
    """How fast the threshold follows the membrane."""
    a1: _Current = 0.0
    """Increment of the first spike-induced current at a spike."""
    a2: _Current = 0.0
    """Increment of the second spike-induced current at a spike."""
    r1: float = 0.0
    """Factor on the first spike-induced current at a spike."""
    r2: float = 1.0
    """Factor on the second spike-induced current at a spike."""
    b: _Positive = 0.01
    """Rate at which the threshold falls back."""
    g: _Positive = 0.05
    """Leak conductance over capacitance."""
    k1: _Positive = 0.2
    """Rate of decay of the first spike-induced current."""
    k2: _Positive = 0.02
    """Rate of decay of the second one."""
    e_leak: _Potential = -70.0
    """Resting potential."""
    v_reset: _Potential = -70.0
    """Membrane potential after a spike."""
    theta_reset: _Potential = -60.0
    """Lower bound of the threshold after a spike."""
    theta_inf: _Potential = -50.0
    """The threshold at rest."""
    bias: _Current = 0.0
    """Added to the input."""
    v_init: _Potential = -70.0
    """Initial membrane potential."""
    theta_init: _Potential = -50.0
    """Initial threshold."""
    i1_init: _Current = 0.01
    """Initial first spike-induced current."""
    i2_init: _Current = 0.001
    """Initial second spike-induced current."""
    dt: Dt = 0.1
    integration: Integration = "euler"
    """Integration of the linear dynamics over a tick."""
    surrogate: Surrogate | None = None

    def __post_init__(self) -> None:
        for name in ("b", "g", "k1", "k2", "dt"):
            if not getattr(self, name) > 0:
                raise ValueError(f"MihalasNiebur: {name} must be > 0, got {getattr(self, name)}")
        if self.integration not in ("exact", "euler"):
            raise ValueError(f"MihalasNiebur: integration must be 'exact' or 'euler', got {self.integration!r}")
        if self.v_reset >= self.theta_reset:
            raise ValueError(
                f"MihalasNiebur: v_reset {self.v_reset} mV must lie below theta_reset {self.theta_reset} mV, or the "
                "neuron would fire forever"
            )
        fastest = max(self.b, self.g, self.k1, self.k2)
        if self.integration == "euler" and self.dt * fastest > 1.0:
            raise ValueError(
                f"MihalasNiebur: dt = {self.dt} ms is too coarse for forward Euler with a rate of {fastest} per ms; it "
                f"must be at most {1.0 / fastest:g} ms: use shorter ticks or exact integration"
            )

    @cached_property
    def _matrix(self) -> np.ndarray:
        """`(V, Theta, I_1, I_2, 1, I_e)[t] = M (V, Theta, I_1, I_2, 1, I_e)[t-1]`, the first four rows."""
        rates = np.zeros((6, 6))
        rates[0] = [-self.g, 0.0, 1.0, 1.0, self.g * self.e_leak, 1.0]
        rates[1] = [self.a, -self.b, 0.0, 0.0, self.b * self.theta_inf - self.a * self.e_leak, 0.0]
        rates[2, 2], rates[3, 3] = -self.k1, -self.k2
        return expm(rates * self.dt)[:4]

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> MihalasNieburState:
        initial = (0.0, self.v_init, self.theta_init, self.i1_init, self.i2_init)
        state = MihalasNieburState(*(jnp.full(shape, value, dtype) for value in (*initial, 0.0)))
        return state._replace(drive=state.membrane - state.threshold)

    def step(
        self, state: MihalasNieburState, current: jax.Array, *, key: jax.Array | None = None
    ) -> tuple[MihalasNieburState, jax.Array]:
        del key
        check_shape("MihalasNiebur", state.membrane, current)
        synaptic = current + self.bias
        v, theta, i1, i2 = self._euler(state, synaptic) if self.integration == "euler" else self._exact(state, synaptic)
        fired = (v >= theta).astype(v.dtype)
        drive = v - theta
        spikes = fired + _slope_only(drive, self.surrogate)
        crossed = fired > 0
        return MihalasNieburState(
            synaptic,
            jnp.where(crossed, self.v_reset, v),
            jnp.where(crossed, jnp.maximum(self.theta_reset, theta), theta),
            jnp.where(crossed, self.r1 * i1 + self.a1, i1),
            jnp.where(crossed, self.r2 * i2 + self.a2, i2),
            drive,
        ), spikes.astype(current.dtype)

    def _euler(self, state, synaptic):
        _, v, theta, i1, i2, _ = state
        return (
            v + self.dt * (synaptic + i1 + i2 - self.g * (v - self.e_leak)),
            theta + self.dt * (self.a * (v - self.e_leak) - self.b * (theta - self.theta_inf)),
            i1 - self.dt * self.k1 * i1,
            i2 - self.dt * self.k2 * i2,
        )

    def _exact(self, state, synaptic):
        _, v, theta, i1, i2, _ = state
        old = (v, theta, i1, i2)
        rows = self._matrix.tolist()
        return tuple(sum(m * x for m, x in zip(row[:4], old, strict=True)) + row[4] + row[5] * synaptic for row in rows)

    @classmethod
    def from_physical(cls, *, dt: float, capacitance: float, conductance: float, **others: Any) -> "MihalasNiebur":
        """From pF, nS, and pA for `a1`, `a2`, `bias`, `i1_init` and `i2_init`; the rest is in ms and mV as it is."""
        if not capacitance > 0:
            raise ValueError(f"MihalasNiebur: capacitance must be > 0, got {capacitance}")
        scaled = {k: v / capacitance if k in _CURRENTS else v for k, v in others.items()}
        return cls(dt=dt, g=conductance / capacitance, **scaled)

    def to_physical(self, *, capacitance: float) -> dict[str, Any]:
        """The arguments of `from_physical` that give this neuron back."""
        kept = {f.name: getattr(self, f.name) for f in fields(self)}
        kept = {k: v * capacitance if k in _CURRENTS else v for k, v in kept.items()}
        conductance = kept.pop("g") * capacitance
        return {**kept, "capacitance": capacitance, "conductance": conductance}

    def with_surrogate(self, surrogate: Surrogate) -> "MihalasNiebur":
        """The same neuron, differentiable; a derivative of its own stays."""
        return self if self.surrogate is not None else replace(self, surrogate=surrogate)

    @property
    def max_rate(self) -> float:
        """The highest firing rate, in spikes per tick: there is no refractory period but the tick."""
        return 1.0


def _slope_only(x: jax.Array, surrogate: Surrogate | None) -> jax.Array:
    """Zero, with the surrogate's derivative: the test is V >= Theta, which `spike` (V > Theta) would miss by a tie."""
    return spike(x, surrogate) - spike(jax.lax.stop_gradient(x))
