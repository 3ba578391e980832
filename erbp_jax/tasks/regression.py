"""Curves over time that the output neurons' rates are to follow."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.encoding.curves import at_ticks
from erbp_jax.network import Network
from erbp_jax.registry import register
from erbp_jax.tasks.base import Measure
from erbp_jax.trace import Trace
from erbp_jax.units import PositiveTime


class Followed(NamedTuple):
    """What a regression has seen of a presentation."""

    output: jax.Array  # [B, K] smoothed spikes
    wanted: jax.Array  # [B, K] the target, smoothed alike
    error: jax.Array  # [B] sum of squared differences
    ticks: jax.Array  # [] float32


@register("task", "regression")
@dataclass(frozen=True)
class Regression:
    r"""How far the output's smoothed spikes are from curves of spikes per tick, as a share of the curves' variance.

    .. math::
        \bar s[t] &= d\, \bar s[t-1] + (1-d)\, s[t],\quad
        \bar y[t] = d\, \bar y[t-1] + (1-d)\, y[t],\quad d = e^{-1/\tau} \\
        \mathrm{nmse} &= \frac{1}{\sigma^2 T K} \sum_{t, k} (\bar s_k[t] - \bar y_k[t])^2

    Output and target pass the same filter, so that the lag of the filter is no error. The target is `[B, T, K]`, or
    `[B, K]` for all ticks. `tau` in ticks; `variance` is that of the training set's curves as
    they are: an output that is the mean of all curves has an nmse of 1 where these change slowly compared with `tau` in
    a presentation much longer than it, and less elsewhere.

    Example:
        >>> import erbp_jax as ej
        >>> ej.Regression(tau=20.0, variance=0.01).measures[0].name
        'nmse'

    Raises:
        ValueError: a time constant or a variance that is not positive; a target of another shape.
    """

    tau: PositiveTime = 20.0
    """Time constant for smoothing output and target before they are compared."""
    variance: float = 1.0

    def __post_init__(self) -> None:
        if not (self.tau > 0 and self.variance > 0):
            raise ValueError(f"Regression: tau and variance must be > 0, got {self.tau} and {self.variance}")

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (Measure("nmse", counted=False),)

    def init_state(self, network: Network, batch: int) -> Followed:
        rest = jnp.zeros((batch, network.classes), jnp.float32)
        return Followed(rest, rest, jnp.zeros(batch, jnp.float32), jnp.float32(0))

    def observe(self, network: Network, state: Followed, trace: Trace, target: Any, ticks: jax.Array) -> Followed:
        smooth = smoothing(self.tau)

        def tick(state: Followed, now: tuple[jax.Array, jax.Array]) -> tuple[Followed, None]:
            spikes, wanted = now
            output, wanted = smooth(state.output, spikes), smooth(state.wanted, wanted)
            error = state.error + jnp.square(output - wanted).mean(-1)
            return Followed(output, wanted, error, state.ticks + 1), None

        output = network.output_spikes(trace)
        return jax.lax.scan(tick, state, (output, at_ticks("Regression", target, ticks, output.shape[1:])))[0]

    def score(self, state: Followed, target: Any) -> dict[str, jax.Array]:
        del target
        return {"nmse": state.error / (jnp.float32(self.variance) * jnp.maximum(state.ticks, 1))}

    def answer(self, state: Followed) -> jax.Array:
        """The smoothed output at the end, `[B, K]`; `record` keeps the whole curve."""
        return state.output


def smoothing(tau: float) -> Callable[[Any, Any], Any]:
    r"""A tick of the low-pass that outputs and targets pass: :math:`d\, \bar x[t-1] + (1-d)\, x[t]`, `d = e^{-1/tau}`,
    of arrays of either library, `tau` in ticks."""
    decay = np.float32(math.exp(-1.0 / tau))
    return lambda last, now: decay * last + (1 - decay) * now
