"""What the integrate-and-fire family has in common: noise on the membrane, refractory period, threshold, reset."""

import math
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal, NamedTuple, Self

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from erbp_jax.declared import checked
from erbp_jax.neurons.noise import Noise
from erbp_jax.neurons.surrogate import Surrogate, spike
from erbp_jax.units import Part, Positive, Ticks

Reset = Literal["value", "subtract", "none"]
Integration = Literal["exact", "euler"]


class Fired(NamedTuple):
    """A tick of the threshold, after the model has integrated its membrane.

    Example:
        >>> from erbp_jax.neurons import Fired
        >>> Fired._fields
        ('membrane', 'refractory', 'drive', 'spikes')
    """

    membrane: jax.Array  # [..., N] V after clamp and reset
    refractory: jax.Array  # [..., N] float, ticks for which the neuron is still held
    drive: jax.Array  # [..., N] V after the clamp and before the reset, minus the threshold in force
    spikes: jax.Array  # [..., N] 0 or 1


@checked
@dataclass(frozen=True, kw_only=True)
class Firing:
    """Threshold, reset and refractory period; a base of neuron models, not a model.

    A model has fields, a state and a tick of its own; the leak (`leak`), the state of rest (`rest`), the noise
    (`add_noise`) and the threshold (`fire`) it takes from here. Its state keeps the `drive` that `fire` returns, the
    distance from the threshold at which the surrogate derivative is taken.

    Order within a tick, after the model has integrated its membrane: refractory clamp, threshold, reset.

    Reset `"value"` sets V to `v_reset`; `"subtract"` subtracts the threshold and keeps the excess; `"none"` leaves V,
    so that the neuron fires whenever it is above threshold and not refractory. After a spike the membrane is held where
    the reset put it for `refractory` ticks, so that the shortest interval between spikes is `refractory + 1` ticks.

    `integration` of the linear parts: `"exact"` for a current that is constant over the tick, or forward `"euler"`.
    `surrogate` is the derivative that the threshold has for rules that differentiate through it, in place of theirs;
    it changes no spike.
    A reset to a value cuts the gradient there. `refractory` in ticks; `threshold` and `v_reset` in the unit of V.

    A neuron whose threshold rises with each of its spikes and decays:

    >>> from dataclasses import dataclass
    >>> import jax.numpy as jnp
    >>> from erbp_jax.neurons import Firing
    >>> @dataclass(frozen=True)
    ... class Adaptive(Firing):
    ...     tau_mem: float = 10.0
    ...     tau_threshold: float = 50.0
    ...     rise: float = 0.5
    ...     def init_state(self, shape, dtype=jnp.float32):
    ...         rest, zero = self.rest(shape, dtype), jnp.zeros(shape, dtype)
    ...         return {"membrane": rest, "held": zero, "raised": zero, "drive": rest - self.threshold}
    ...     def step(self, state, current, *, key=None):
    ...         v = self.add_noise(self.leak(self.tau_mem) * state["membrane"] + current, key)
    ...         raised = self.leak(self.tau_threshold) * state["raised"]
    ...         fired = self.fire(state["membrane"], v, state["held"], threshold=self.threshold + raised)
    ...         raised = raised + self.rise * fired.spikes
    ...         state = {"membrane": fired.membrane, "held": fired.refractory, "raised": raised, "drive": fired.drive}
    ...         return state, fired.spikes
    >>> neuron = Adaptive(refractory=0)
    >>> state, times = neuron.init_state((1,)), []
    >>> for t in range(40):
    ...     state, spikes = neuron.step(state, jnp.full(1, 0.5))
    ...     times += [t] * int(spikes[0])
    >>> times
    [2, 6, 11, 17, 24, 32]

    Raises:
        ValueError: a value out of range; says which, what was given and the bound.
    """

    threshold: Positive = 1.0
    """The membrane potential above which the neuron fires."""
    refractory: Ticks = 3
    """Refractory period after a spike; the shortest interspike interval is one tick longer."""
    reset: Reset = "value"
    """Effect of a spike on the membrane potential: set it to `v_reset`, subtract the threshold, or no effect."""
    v_reset: float = 0.0
    """Membrane potential after a reset to a value."""
    noise: Annotated[Noise | None, Part("noise")] = None
    """Noise added in every tick: to the membrane potential, or where the model says so to the synaptic current."""
    surrogate: Surrogate | None = None
    integration: Integration = "exact"
    """Integration of the linear dynamics over a tick."""

    noise_leaks = "tau_mem"
    """The time constant of what the noise is added to."""

    def __post_init__(self) -> None:
        if not 0 <= self.refractory <= 2**24 or int(self.refractory) != self.refractory:
            raise ValueError(
                f"{self._name}: refractory must be a whole number of ticks from 0 to 2^24 (a float32 counts them), got "
                f"{self.refractory:.10g}"
            )
        if self.reset not in ("value", "subtract", "none"):
            raise ValueError(f"{self._name}: reset must be 'value', 'subtract' or 'none', got {self.reset!r}")
        if self.reset == "value" and self.threshold <= self.v_reset:
            raise ValueError(f"{self._name}: threshold {self.threshold} must lie above v_reset {self.v_reset}")
        if self.reset == "subtract" and self.threshold <= 0:
            raise ValueError(f"{self._name}: threshold must be > 0 to be subtracted, got {self.threshold}")
        if self.integration not in ("exact", "euler"):
            raise ValueError(f"{self._name}: integration must be 'exact' or 'euler', got {self.integration!r}")

    @property
    def _name(self) -> str:
        return type(self).__name__

    def check_time_constants(self, *names: str) -> None:
        """Refuse time constants, fields in ticks, that `leak` has no factor for.

        Raises:
            ValueError: below 0 or infinite, or below 1 tick for Euler.
        """
        for name in names:
            tau = getattr(self, name)
            if not tau >= 0 or math.isinf(tau):
                raise ValueError(f"{self._name}: {name} must be >= 0 and finite, got {tau}")
            if self.integration == "euler" and tau < 1.0:
                raise ValueError(
                    f"{self._name}: {name} = {tau:g} ticks is too short for forward Euler, which needs at least 1 "
                    "tick: use shorter ticks or exact integration"
                )

    def leak(self, tau: float) -> float:
        """The factor of one tick of leak with a time constant of `tau` ticks, as `integration` has it."""
        return decay(tau) if self.integration == "exact" else 1.0 - 1.0 / tau

    def add_noise(self, x: jax.Array, key: jax.Array | None) -> jax.Array:
        """`x[..., N]` and the neuron's noise of a tick on it; `x` itself for a neuron without noise.

        Raises:
            ValueError: noise without a key.
        """
        if self.noise is None:
            return x
        if key is None:
            raise ValueError(f"{self._name}: a neuron with noise needs a key")
        return x + self.noise.sample(key, x.shape[-1]).astype(x.dtype)

    @classmethod
    def from_physical(
        cls,
        *,
        dt: float,
        capacitance: float,
        conductance: float,
        e_leak: float,
        v_threshold: float,
        v_reset: float | None = None,
        refractory: float = 0.0,
        **others: Any,
    ) -> Self:
        """A neuron from ms, mV, nS and pF, for ticks of `dt` ms.

        V counts in mV above `e_leak`, and a current of 1 unit is 1 mV times the leak conductance: divide pA by nS.
        Where spikes arrive as charge (`LeakyIF`), 1 unit of it raises V by 1 mV at once: divide fC by pF. The
        membrane's time constant is capacitance / conductance. `others` are the model's own fields; those whose names
        begin with `tau` in ms.

        Raises:
            ValueError: a refractory period that is no whole number of ticks, and what the model itself refuses.
        """
        for name, value in (("dt", dt), ("capacitance", capacitance), ("conductance", conductance)):
            if not value > 0:
                raise ValueError(f"{cls.__name__}: {name} must be > 0, got {value}")
        held = refractory / dt
        if abs(held - round(held)) > 1e-6 * max(1.0, held):
            raise ValueError(f"{cls.__name__}: refractory {refractory} ms is not a whole number of ticks of {dt} ms")
        in_ticks = {k: v / dt if k.startswith("tau") else v for k, v in others.items()}
        if v_reset is not None:
            in_ticks["v_reset"] = v_reset - e_leak
        in_ticks["tau_mem"] = capacitance / conductance / dt
        return cls(threshold=v_threshold - e_leak, refractory=round(held), **in_ticks)

    def to_physical(self, *, dt: float, conductance: float, e_leak: float) -> dict[str, Any]:
        """The arguments of `from_physical` that give this neuron back."""
        kept = {f.name: getattr(self, f.name) for f in fields(self)}
        kept = {k: v * dt if k.startswith("tau") else v for k, v in kept.items()}
        capacitance = kept.pop("tau_mem") * conductance
        del kept["threshold"]
        return {
            **kept,
            "dt": dt,
            "capacitance": capacitance,
            "conductance": conductance,
            "e_leak": e_leak,
            "v_threshold": self.threshold + e_leak,
            "v_reset": kept["v_reset"] + e_leak,
            "refractory": self.refractory * dt,
        }

    def rest(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> jax.Array:
        """V at rest: where a reset to a value puts it, else 0."""
        return jnp.full(shape, self.v_reset if self.reset == "value" else 0.0, dtype)

    def fire(
        self,
        before: jax.Array,
        membrane: jax.Array,
        refractory: jax.Array,
        *,
        threshold: jax.Array | float | None = None,
    ) -> Fired:
        """The end of a tick: refractory clamp, threshold, reset.

        `before` is V of the last tick, `membrane` V as integrated, `refractory` the ticks left, all `[..., N]`.
        `threshold` takes the place of the field of that name, for thresholds that move.
        """
        threshold = self.threshold if threshold is None else threshold
        held = refractory > 0 if self.refractory else None  # without a refractory period nobody is ever held
        if held is not None:
            membrane = jnp.where(held, before, membrane)
        drive = membrane - threshold
        spikes = spike(drive, self.surrogate)
        if held is not None:
            spikes = jnp.where(held, 0.0, spikes)
        spiking = spikes > 0
        if self.reset != "none":
            after = drive if self.reset == "subtract" else self.v_reset
            membrane = jnp.where(spiking, after, membrane)
        if held is not None:
            refractory = jnp.where(spiking, float(self.refractory), jnp.maximum(refractory - 1.0, 0.0))
        return Fired(membrane, jax.lax.stop_gradient(refractory), drive, spikes)

    def with_surrogate(self, surrogate: Surrogate) -> Self:
        """The same neuron, differentiable; one that has a derivative of its own keeps it."""
        return self if self.surrogate is not None else replace(self, surrogate=surrogate)

    @property
    def max_rate(self) -> float:
        """The highest firing rate, in spikes per tick."""
        return 1.0 / (self.refractory + 1)


def check_shape(name: str, state: jax.Array, current: jax.Array) -> None:
    """Refuse a state that is not of the input's shape, which broadcasting would silently blow up.

    Raises:
        ValueError: with both shapes.
    """
    if state.shape != current.shape:
        raise ValueError(f"{name}: the state has shape {state.shape}, the input {current.shape}; they must be equal")


def decay(tau: float) -> float:
    """`exp(-1 / tau)`, the factor of one tick; 0 for `tau = 0`."""
    return math.exp(-1.0 / tau) if tau > 0 else 0.0
