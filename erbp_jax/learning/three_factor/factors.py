"""The two local factors of a rule: what a synapse sees of its presynaptic and of its postsynaptic neuron."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.kernels import Kernel
from erbp_jax.learning.gate import Boxcar
from erbp_jax.neurons.firing import decay


class Signals(NamedTuple):
    """What one side of the synapses does; the presynaptic side shows its spikes alone.

    Everything is as the tick leaves it: where a neuron fired its `membrane` has been reset. V before that is, less the
    threshold, in the field `drive` of the `state` of neurons that keep it, as `LIF` does.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.learning.three_factor import Signals
        >>> Signals(jnp.zeros(3)).membrane is None
        True
    """

    spikes: jax.Array  # [..., N]
    current: jax.Array | None = None  # [..., N] synaptic current
    membrane: jax.Array | None = None  # [..., N] membrane potential, after the reset
    state: Any = None  # of the neurons, whole: leaves [..., N]

    def needed(self, who: str, name: Literal["current", "membrane"]) -> jax.Array:
        """The current or the membrane potential, for a factor that reads it.

        Raises:
            ValueError: there is none: on the presynaptic side, or of neurons without it; names the factor.
        """
        if (value := getattr(self, name)) is not None:
            return value
        what = {"current": "synaptic current", "membrane": "membrane potential"}[name]
        if self.state is None:
            raise ValueError(f"{who} reads the {what}: use it on the postsynaptic side")
        field = {"current": "synaptic"}.get(name, name)
        raise ValueError(
            f"{who} reads the {what}, and the state of these neurons, {type(self.state).__name__}, has no {field!r}"
        )


class Factor(ABC):
    """A causal function of the signals of one neuron. Frozen, hashable; `[..., N]` in, `[..., N]` out, neuron by
    neuron, so that its state is per neuron and never per synapse.

    Example:
        >>> from dataclasses import dataclass
        >>> import jax.numpy as jnp
        >>> from erbp_jax.learning.three_factor import Factor, Signals
        >>> @dataclass(frozen=True)
        ... class Depolarised(Factor):
        ...     threshold: float = 0.5
        ...     def step(self, state, seen):
        ...         return state, (seen.membrane > self.threshold).astype(seen.spikes.dtype)
        >>> seen = Signals(jnp.zeros(2), membrane=jnp.array([0.2, 0.9]))
        >>> Depolarised().step((), seen)[1].tolist()
        [0.0, 1.0]
    """

    def init_state(self, shape: tuple[int, ...]) -> Any:
        """The state before the first tick, for neurons of shape `(..., N)`; none unless a factor has one."""
        del shape
        return ()

    @abstractmethod
    def step(self, state: Any, seen: Signals) -> tuple[Any, jax.Array]:
        """One tick: `(state, signals) -> (state, value[..., N])`."""

    def over(self, state: Any, seen: Signals) -> tuple[Any, jax.Array]:
        """The k ticks of a block, a leading axis k on signals and values."""
        return jax.lax.scan(self.step, state, seen)


@dataclass(frozen=True)
class Spike(Factor):
    """The spikes themselves: the synapse is written when this side fires (pre- or postsynaptically triggered).

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.learning.three_factor import Spike, Term, Trace
        >>> ej.ThreeFactor(((Term(Trace(20.0), Spike()),),)).terms[0][0].scale
        1.0
    """

    def step(self, state: Any, seen: Signals) -> tuple[Any, jax.Array]:
        return state, seen.spikes

    over = step


@dataclass(frozen=True)
class Gate(Factor):
    """1 where the synaptic current lies inside the boxcar, else 0: eRBP's derivative.

    Example:
        >>> import jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> from erbp_jax.learning.three_factor import Gate, Signals
        >>> seen = Signals(jnp.zeros(2), current=jnp.array([0.5, 3.0]))
        >>> Gate(ej.Boxcar(-2.0, 2.0)).step((), seen)[1].tolist()
        [1.0, 0.0]
    """

    boxcar: Boxcar

    def step(self, state: Any, seen: Signals) -> tuple[Any, jax.Array]:
        return state, self.boxcar(seen.needed("Gate", "current")).astype(seen.spikes.dtype)

    over = step


@dataclass(frozen=True)
class Trace(Factor):
    r"""An exponential trace of the spikes.

    .. math::
        x[t] = e^{-1/\tau} x[t-1] + a\, s[t], \qquad
        \text{value } e^{-1/\tau} x[t-1] + [\text{instant}]\, a\, s[t]

    `nearest` sets x to a at a spike, in place of adding. With `instant` a spike counts in its own tick; without,
    the value at its tick is that of the spikes before, so that a pair in one tick has no effect. `tau` in ticks; a is
    `jump`.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.learning.three_factor import Signals, Trace
        >>> trace, values = Trace(tau=20.0), []
        >>> state = trace.init_state((1,))
        >>> for spike in (1.0, 0.0, 0.0):
        ...     state, value = trace.step(state, Signals(jnp.array([spike])))
        ...     values.append(round(float(value[0]), 3))
        >>> values
        [0.0, 0.951, 0.905]

    Raises:
        ValueError: a time constant that is not positive.
    """

    tau: float = 20.0
    jump: float = 1.0
    nearest: bool = False
    instant: bool = False

    def __post_init__(self) -> None:
        if not self.tau > 0:
            raise ValueError(f"Trace: tau must be > 0 ticks, got {self.tau}")

    def init_state(self, shape: tuple[int, ...]) -> jax.Array:
        return jnp.zeros(shape, jnp.float32)

    def step(self, state: jax.Array, seen: Signals) -> tuple[jax.Array, jax.Array]:
        before = decay(self.tau) * state
        after = before + self.jump * seen.spikes
        if self.nearest:
            after = jnp.where(seen.spikes > 0, self.jump, before)
        return after, after if self.instant else before


class Recent(NamedTuple):
    spikes: jax.Array  # [W - 1, ..., N] of the last ticks, the latest first


@dataclass(frozen=True)
class KernelTrace(Factor):
    r"""One side of an STDP kernel, summed over all spikes of the window before this tick.

    .. math:: x[t] = \sum_{d=1}^{W-1} K(\pm d)\, s[t-d]

    As presynaptic factor beside a postsynaptic `Spike`: `causal=True`, K(d). As postsynaptic factor beside a
    presynaptic `Spike`: `causal=False`, K(-d). State: the spikes of the last W - 1 ticks.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.kernels import Exponential
        >>> from erbp_jax.learning.three_factor import KernelTrace, Signals
        >>> trace, values = KernelTrace(Exponential(tau_causal=20.0, window=64), causal=True), []
        >>> state = trace.init_state((1,))
        >>> for spike in (1.0, 1.0, 0.0):
        ...     state, value = trace.step(state, Signals(jnp.array([spike])))
        ...     values.append(round(float(value[0]), 3))
        >>> values
        [0.0, 0.951, 1.856]
    """

    kernel: Kernel
    causal: bool

    def init_state(self, shape: tuple[int, ...]) -> Recent:
        return Recent(jnp.zeros((self.kernel.window - 1, *shape), jnp.float32))

    def step(self, state: Recent, seen: Signals) -> tuple[Recent, jax.Array]:
        ages = jnp.arange(1, self.kernel.window, dtype=jnp.int32)
        values = self.kernel(ages if self.causal else -ages)
        summed = jnp.tensordot(values, state.spikes, 1)
        recent = jnp.concatenate([seen.spikes[None], state.spikes])
        return Recent(recent[: self.kernel.window - 1]), summed


class Age(NamedTuple):
    ticks: jax.Array  # [..., N] int32, ticks since the last spike; W and above: long ago


@dataclass(frozen=True)
class NearestKernel(Factor):
    """One side of an STDP kernel at the distance of the last spike alone, K(+-d) with d the ticks since then.

    Sides as in `KernelTrace`. State: one counter a neuron.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.kernels import Exponential
        >>> from erbp_jax.learning.three_factor import NearestKernel, Signals
        >>> factor, values = NearestKernel(Exponential(tau_causal=20.0, window=64), causal=True), []
        >>> state = factor.init_state((1,))
        >>> for spike in (1.0, 1.0, 0.0):
        ...     state, value = factor.step(state, Signals(jnp.array([spike])))
        ...     values.append(round(float(value[0]), 3))
        >>> values
        [0.0, 0.951, 0.951]
    """

    kernel: Kernel
    causal: bool

    def init_state(self, shape: tuple[int, ...]) -> Age:
        return Age(jnp.full(shape, self.kernel.window, jnp.int32))

    def step(self, state: Age, seen: Signals) -> tuple[Age, jax.Array]:
        value = self.kernel(state.ticks if self.causal else -state.ticks)
        ticks = jnp.where(seen.spikes > 0, 1, jnp.minimum(state.ticks + 1, self.kernel.window))
        return Age(ticks), value
