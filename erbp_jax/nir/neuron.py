"""The neurons of NIR as they are written: constants of every neuron's own, strict threshold, reset to a value."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from erbp_jax.neurons import Neuron, Surrogate, spike
from erbp_jax.neurons.firing import check_shape
from erbp_jax.nir import discrete
from erbp_jax.nir.shapes import units
from erbp_jax.nir.values import Values
from erbp_jax.params import Params

NEURONS = {
    "I": ("r",),
    "IF": ("r", "v_threshold", "v_reset"),
    "LI": ("tau", "r", "v_leak"),
    "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"),
    "Threshold": ("threshold",),
}
"""The constants of each kind, as NIR calls them."""
SPIKING = ("IF", "LIF", "CubaLIF", "Threshold")


class NIRState(NamedTuple):
    """State of `NIRNeuron` after a tick."""

    synaptic: jax.Array  # [..., N] synaptic current I; the input, where a kind has none
    membrane: jax.Array  # [..., N] v after the reset
    drive: jax.Array  # [..., N] v before the reset minus the threshold; v, where nothing fires


@dataclass(frozen=True)
class NIRNeuron:
    r"""A neuron of NIR, a tick at a time.

    .. math::
        I[t] &= a_s I[t-1] + (1 - a_s)\, w_{in}\, c[t] \\
        v[t] &= a_m v[t-1] + (1 - a_m)\, (v_{leak} + r\, I[t]) \\
        s[t] &= \Theta(v[t] - v_{threshold}), \qquad v[t] \leftarrow v_{reset} \text{ where } s[t] = 1

    with c the current of a tick and a of `erbp_jax.nir.discrete`. LI and LIF have I = c. I and IF have
    `v[t] = v[t-1] + r c[t]`: their unit of time is the tick. Threshold has v = c, and no reset. The threshold is
    strict. What does not fire (I, LI, CubaLI) hands on v, a graded value. At rest v is v_leak, or 0 without a leak.

    `constants` are those of the node in its own shape and type, in seconds; `init` makes the factors of a tick of them,
    float32 `[N]`, which are fixed parameters. `dt` in ms.

    >>> import jax, jax.numpy as jnp
    >>> from erbp_jax.nir import NIRNeuron, Values
    >>> given = {"r": Values([1.0, 2.0]), "v_threshold": Values([1.0, 1.0]), "v_reset": Values([0.0, 0.0])}
    >>> neuron = NIRNeuron("IF", 1.0, "exact", tuple(given.items()))
    >>> params = neuron.init((2,), jax.random.key(0))
    >>> state, spikes = neuron.step(neuron.init_state((2,)), jnp.array([0.6, 0.6]), params=params)
    >>> spikes.tolist(), [round(float(v), 1) for v in state.membrane]
    ([0.0, 1.0], [0.6, 0.0])

    Raises:
        UserError: an unknown kind, constants that are not its own or not of one shape, or as `discrete.factors`.
    """

    kind: str
    dt: float
    method: str
    constants: tuple[tuple[str, Values], ...]
    surrogate: Surrogate | None = None
    """The derivative that the threshold has for rules that differentiate through it."""

    def __post_init__(self) -> None:
        discrete.check(self.dt, self.method)
        if self.kind not in NEURONS:
            raise ValueError(f"NIRNeuron: kind must be one of {', '.join(NEURONS)}, got {self.kind!r}")
        names, shapes = [name for name, _ in self.constants], {value.array.shape for _, value in self.constants}
        if sorted(names) != sorted(NEURONS[self.kind]) or len(shapes) != 1:
            raise ValueError(
                f"NIRNeuron: {self.kind} has {', '.join(NEURONS[self.kind])} of one shape, got {', '.join(names)} of "
                f"{sorted(shapes)}"
            )
        _ = self._factors

    def constant(self, name: str) -> np.ndarray:
        """One of the constants, in the shape and type of the file."""
        return dict(self.constants)[name].array

    @property
    def size(self) -> int:
        """Neurons, N."""
        return self.constants[0][1].array.size

    @cached_property
    def _factors(self) -> dict[str, np.ndarray]:
        """What a tick multiplies and adds, float64 `[N]`."""
        given = {name: units(value.array).astype(np.float64) for name, value in self.constants}

        def leak(name: str) -> np.ndarray:
            return discrete.factors(given[name], self.dt, self.method, f"{self.kind}: {name}")

        out: dict[str, np.ndarray] = {}
        if "tau_syn" in given:
            out["keep_synaptic"] = leak("tau_syn")
            out["gain_synaptic"] = (1.0 - out["keep_synaptic"]) * given["w_in"]
        if "v_leak" in given:
            out["keep"] = leak("tau_mem" if "tau_mem" in given else "tau")
            out["gain"] = (1.0 - out["keep"]) * given["r"]
            out["offset"] = (1.0 - out["keep"]) * given["v_leak"]
        elif "r" in given:
            out["gain"] = given["r"]
        for name in ("v_threshold", "threshold"):
            if name in given:
                out["threshold"] = given[name]
        if "v_reset" in given:
            out["reset"] = given["v_reset"]
        return out

    def init(self, shape: tuple[int, ...], key: jax.Array) -> Params:
        """The factors of a tick, float32 `[N]`, all of them fixed; nothing is drawn.

        Raises:
            ValueError: another number of neurons.
        """
        del key
        if shape != (self.size,):
            raise ValueError(f"NIRNeuron: the constants are of {self.size} neurons, asked for {list(shape)}")
        return Params({}, {name: jnp.asarray(x, jnp.float32) for name, x in self._factors.items()})

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> NIRState:
        zero = jnp.zeros(shape, dtype)
        if "v_leak" not in NEURONS[self.kind]:
            return NIRState(zero, zero, zero)
        rest = jnp.broadcast_to(jnp.asarray(units(self.constant("v_leak")), dtype), shape)
        return NIRState(zero, rest, rest)

    def step(
        self, state: NIRState, current: jax.Array, *, key: jax.Array | None = None, params: Params | None = None
    ) -> tuple[NIRState, jax.Array]:
        """One tick.

        Raises:
            ValueError: without `params`, or a state of another shape.
        """
        del key
        check_shape("NIRNeuron", state.membrane, current)
        if params is None:
            raise ValueError("NIRNeuron: step needs params, of neuron.init((N,), key)")
        by = {n: jnp.broadcast_to(x.astype(current.dtype), current.shape) for n, x in params.fixed.items()}
        synaptic = current
        if "keep_synaptic" in by:
            synaptic = by["keep_synaptic"] * state.synaptic + by["gain_synaptic"] * current
        if self.kind == "Threshold":
            v = synaptic
        elif "keep" in by:
            v = by["keep"] * state.membrane + by["gain"] * synaptic
            if self._factors["offset"].any():
                v = v + by["offset"]
        else:
            v = state.membrane + by["gain"] * synaptic
        if self.kind not in SPIKING:
            return NIRState(synaptic, v, v), v
        drive = v - by["threshold"]
        spikes = spike(drive, self.surrogate)
        after = jnp.where(spikes > 0, by["reset"], v) if "reset" in by else v
        return NIRState(synaptic, after, drive), spikes

    def with_surrogate(self, surrogate: Surrogate) -> Self:
        """The same neuron, differentiable; a derivative of its own stays."""
        return self if self.surrogate is not None else replace(self, surrogate=surrogate)

    @property
    def max_rate(self) -> float:
        """The highest firing rate, in spikes per tick."""
        return 1.0


class RelayState(NamedTuple):
    """State of `Relay` after a tick."""

    membrane: jax.Array  # [..., N] what was handed on
    drive: jax.Array  # [..., N] the same


@dataclass(frozen=True)
class Relay:
    """No neuron: what arrives is handed on in the same tick, the sum of all that comes in.

    It stands where NIR joins linear nodes without a neuron between them.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.nir import Relay
        >>> relay = Relay()
        >>> relay.step(relay.init_state((2,)), jnp.array([0.5, -1.0]))[1].tolist()
        [0.5, -1.0]
    """

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> RelayState:
        zero = jnp.zeros(shape, dtype)
        return RelayState(zero, zero)

    def step(
        self, state: RelayState, current: jax.Array, *, key: jax.Array | None = None
    ) -> tuple[RelayState, jax.Array]:
        del key
        check_shape("Relay", state.membrane, current)
        return RelayState(current, current), current

    def with_surrogate(self, surrogate: Surrogate) -> Self:
        """Itself: it has no threshold."""
        del surrogate
        return self


def fires(neuron: Neuron) -> bool:
    """Whether it sends spikes; integrators without a threshold and relays hand on graded values."""
    return not isinstance(neuron, Relay) and (not isinstance(neuron, NIRNeuron) or neuron.kind in SPIKING)
