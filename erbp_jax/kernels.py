"""STDP kernels K(dt), dt = t_post - t_pre in ticks: one definition for the float rules and the fixed-point machine.

A kernel in hardware is a staircase: three segments a side, each with a power of two and a sign. `step_at` says which
step dt lies on; the machine shifts an integer modulator by it (`nsat/plasticity.py`), `Staircase` returns
`sign * 2**exponent`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import jax
import jax.numpy as jnp

from erbp_jax.registry import register
from erbp_jax.units import Count, Positive, PositiveTime, Ticks, Unit

Three = tuple[int, int, int]
_Edges = Annotated[tuple[int, int], Unit("ticks")]


class Kernel(Protocol):
    """A function of dt that is 0 at dt = 0 and for `|dt| >= window`. Frozen, hashable."""

    @property
    def window(self) -> int: ...

    def __call__(self, dt: jax.Array) -> jax.Array:
        """`dt[...]` (int32) -> K(dt), float32."""
        ...


def step_at(
    dt: jax.Array,
    *,
    causal: bool,
    edges: Sequence[Any] | jax.Array,
    window: Any,
    shifts: Sequence[Any] | jax.Array,
    signs: Sequence[Any] | jax.Array,
    slopes: Sequence[Any] | jax.Array,
    exponential: Any,
    interval: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Exponent and sign of the segment that dt lies in, sign 0 outside of all; everything broadcasts against dt.

    Causal segments: `0 < dt < edges[0]`, `< edges[1]`, `< window`; acausal ones: `edges[0] < dt < 0`,
    `> edges[1]`, `> -window`. An exponential staircase falls by one power of two every `2**slope` ticks of `interval`,
    which is |dt| unless given.
    """
    if causal:
        inside = [dt < edges[0], dt < edges[1], dt < window]
        valid = dt > 0
    else:
        inside = [dt > edges[0], dt > edges[1], dt > -window]
        valid = dt < 0

    def choose(values):
        return jnp.where(inside[0], values[0], jnp.where(inside[1], values[1], values[2]))

    interval = jnp.abs(dt) if interval is None else interval
    exponent = choose(shifts) - jnp.where(exponential, interval >> choose(slopes), 0)
    within = valid & (inside[0] | inside[1] | inside[2])
    return exponent, jnp.where(within, choose(signs), 0)


@register("kernel", "staircase")
@dataclass(frozen=True)
class Staircase:
    r"""The piecewise kernel of the fixed-point machine, in floats.

    .. math:: K(\Delta t) = s_n 2^{h_n - [\text{exponential}] \lfloor |\Delta t| / 2^{l_n} \rfloor}

    for the segment n that dt lies in (`step_at`), with signs s, exponents h and slopes l; 0 for `|dt| >= window`.
    Defaults: the machine's.

    Raises:
        ValueError: a window below 1 tick.
    """

    window: Annotated[Count, Unit("ticks")] = 64
    """Only intervals below this have an effect."""
    causal_edges: _Edges = (16, 36)
    """Ends of the first and second causal segments."""
    acausal_edges: _Edges = (-16, -36)
    """Ends of the first and second acausal segments."""
    causal_shift: Three = (1, 0, -1)
    """The exponents h of the causal segments."""
    acausal_shift: Three = (1, 0, -1)
    """The exponents h of the acausal segments."""
    causal_sign: Three = (1, 1, 1)
    """The signs of the causal segments."""
    acausal_sign: Three = (-1, -1, -1)
    """The signs of the acausal segments."""
    causal_slope: Three = (16, 16, 16)
    """The slopes l of the causal segments, for an exponential staircase."""
    acausal_slope: Three = (16, 16, 16)
    """The slopes l of the acausal segments."""
    exponential: bool = False
    """Whether a segment decays by powers of two."""

    def __post_init__(self) -> None:
        _check_window(self)

    def __call__(self, dt: jax.Array) -> jax.Array:
        sides = (
            (True, self.causal_edges, self.causal_shift, self.causal_sign, self.causal_slope),
            (False, self.acausal_edges, self.acausal_shift, self.acausal_sign, self.acausal_slope),
        )
        total = jnp.zeros(dt.shape, jnp.float32)
        for causal, edges, shifts, signs, slopes in sides:
            exponent, sign = step_at(
                dt, causal=causal, edges=edges, window=self.window, shifts=shifts, signs=signs, slopes=slopes,
                exponential=self.exponential,
            )  # fmt: skip
            total = total + jnp.ldexp(sign.astype(jnp.float32), exponent)
        return jnp.where(jnp.abs(dt) < self.window, total, 0.0)  # edges may lie beyond the window


@register("kernel", "exponential")
@dataclass(frozen=True)
class Exponential:
    r"""Two decaying exponentials.

    .. math:: K(\Delta t) = A_+ e^{-\Delta t / \tau_+} \;(0 < \Delta t < W), \qquad
        A_- e^{\Delta t / \tau_-} \;(-W < \Delta t < 0)

    `tau_causal`, `tau_acausal` and the window W in ticks. `resolution` rounds K to its multiples, as a table of
    fixed-point numbers would: sums of such values are exact in any order.

    Raises:
        ValueError: a time constant or a resolution that is not positive, or a window below 1 tick.
    """

    tau_causal: PositiveTime = 20.0
    """Time constant for pre-before-post pairs."""
    tau_acausal: PositiveTime = 20.0
    """Time constant for post-before-pre pairs."""
    causal: float = 1.0
    """Amplitude for pre-before-post pairs."""
    acausal: float = -1.0
    """Amplitude for post-before-pre pairs."""
    window: Ticks = 64
    """Only intervals below this have an effect."""
    resolution: Positive | None = None
    """Rounds to multiples of this, as a table of fixed-point numbers would."""

    def __post_init__(self) -> None:
        _check_window(self)
        for name in ("tau_causal", "tau_acausal", "resolution"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"Exponential: {name} must be > 0 and finite, got {value}")

    def __call__(self, dt: jax.Array) -> jax.Array:
        x = dt.astype(jnp.float32)
        after = self.causal * jnp.exp(-jnp.abs(x) / self.tau_causal)
        before = self.acausal * jnp.exp(-jnp.abs(x) / self.tau_acausal)
        value = jnp.where(dt > 0, after, before)
        if self.resolution is not None:
            value = jnp.round(value / self.resolution) * self.resolution
        return jnp.where((dt == 0) | (jnp.abs(dt) >= self.window), 0.0, value)


def _check_window(kernel: Any) -> None:
    if int(kernel.window) != kernel.window or kernel.window < 1:
        raise ValueError(f"{type(kernel).__name__}: window must be a whole number of ticks >= 1, got {kernel.window}")
