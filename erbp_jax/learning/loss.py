"""What a gradient rule makes small: functions of the output's spikes over a block of ticks."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import optax

from erbp_jax.encoding.curves import at_ticks
from erbp_jax.encoding.label import check_classes
from erbp_jax.registry import register
from erbp_jax.units import Positive, PositiveTime


class Loss(Protocol):
    """`(output[k, B, K], target, ticks[k], highest) -> loss[B]`.

    `output` are spikes, `ticks` since the start of the presentation, `highest` is the highest rate of an output neuron
    in spikes per tick.

    Example, the number of spikes squared:
        >>> from dataclasses import dataclass
        >>> import jax.numpy as jnp
        >>> @dataclass(frozen=True)
        ... class Quiet:
        ...     def __call__(self, output, target, ticks, highest):
        ...         return jnp.square(output.sum((0, 2)))
        >>> Quiet()(jnp.ones((5, 1, 2)), None, jnp.arange(5), 1.0).tolist()
        [100.0]
    """

    def __call__(self, output: jax.Array, target: Any, ticks: jax.Array, highest: float) -> jax.Array: ...


@register("loss", "cross_entropy")
@dataclass(frozen=True)
class CrossEntropy:
    """Cross entropy of `softmax(gain * rates)`; rates are the block's means as fractions of the highest. With rates in
    [0, 1], `gain` bounds the confidence.

    Example:
        >>> import jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> spikes = jnp.array([[[1.0, 0.0]], [[1.0, 0.0]]])
        >>> loss = ej.CrossEntropy(gain=10.0)
        >>> [round(float(loss(spikes, jnp.array([k]), jnp.arange(2), 1.0)[0]), 3) for k in (0, 1)]
        [0.0, 10.0]
    """

    gain: Positive = 10.0
    """Logits are `gain` times the output's rates, as fractions of the highest rate."""

    def __call__(self, output: jax.Array, target: Any, ticks: jax.Array, highest: float) -> jax.Array:
        del ticks
        rates = output.mean(0) / highest
        check_classes("CrossEntropy", target, *rates.shape)
        return optax.softmax_cross_entropy_with_integer_labels(jnp.float32(self.gain) * rates, target)


@register("loss", "squared_error")
@dataclass(frozen=True)
class SquaredError:
    """Half the squared distance of the block's mean rates, as fractions of the highest, from the label's: 1 for its
    class, 0 elsewhere. What eRBP follows.

    Example:
        >>> import jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> spikes = jnp.array([[[1.0, 0.0]], [[1.0, 0.0]]])
        >>> [float(ej.SquaredError()(spikes, jnp.array([k]), jnp.arange(2), 1.0)[0]) for k in (0, 1)]
        [0.0, 1.0]
    """

    def __call__(self, output: jax.Array, target: Any, ticks: jax.Array, highest: float) -> jax.Array:
        del ticks
        rates = output.mean(0) / highest
        check_classes("SquaredError", target, *rates.shape)
        label = jax.nn.one_hot(target, rates.shape[-1], dtype=rates.dtype)
        return 0.5 * jnp.square(rates - label).sum(-1)


@register("loss", "curve_error")
@dataclass(frozen=True)
class CurveError:
    r"""Half the squared distance between the output's smoothed spikes and curves of spikes per tick.

    .. math:: \mathcal L = \frac{1}{2k} \sum_{t, j} e_j[t]^2, \qquad
        e[t] = d\, e[t-1] + (1-d)\,(s[t] - y[t]),\quad d = e^{-1/\tau}

    over the k ticks of a block; e begins at 0 in each, so that a block wants to be longer than `tau` (ticks). The
    target is `[B, T, K]`, or `[B, K]` for all ticks.
    Source: van Rossum 2001, Neural Computation 13:751 (the distance of filtered spike trains).

    Example:
        >>> import jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> spikes = jnp.ones((4, 1, 2))
        >>> ej.CurveError(tau=2.0)(spikes, jnp.ones((1, 2)), jnp.arange(4), 1.0).tolist()
        [0.0]

    Raises:
        ValueError: a time constant that is not positive; a target of another shape.
    """

    tau: PositiveTime = 20.0
    """Time constant for smoothing output and target before they are compared."""

    def __post_init__(self) -> None:
        if not self.tau > 0:
            raise ValueError(f"CurveError: tau must be > 0 ticks, got {self.tau}")

    def __call__(self, output: jax.Array, target: Any, ticks: jax.Array, highest: float) -> jax.Array:
        del highest
        difference = output - at_ticks("CurveError", target, ticks, output.shape[1:])
        decay = jnp.float32(math.exp(-1.0 / self.tau))

        def tick(error: jax.Array, now: jax.Array) -> tuple[jax.Array, jax.Array]:
            error = decay * error + (1 - decay) * now
            return error, jnp.square(error).sum(-1)

        _, squares = jax.lax.scan(tick, jnp.zeros_like(difference[0]), difference)
        return 0.5 * squares.mean(0)
