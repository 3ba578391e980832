"""Targets that are curves over time, and the teacher that follows them."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from erbp_jax.declared import checked
from erbp_jax.encoding.label import LabelNeurons


def at_ticks(name: str, target: Any, ticks: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """The target `[B, T, K]`, or `[B, K]` for all ticks, in the ticks `[k]`: float32 `[k, B, K]`.

    After its last tick a curve stays where it is. `shape` is the output's, `(B, K)`.

    Raises:
        ValueError: a target of another shape or type.
    """
    given: list[int] = list(getattr(target, "shape", ()))
    floats = hasattr(target, "dtype") and jnp.issubdtype(target.dtype, jnp.floating)
    if not floats or [*given[:1], *given[-1:]] != [*shape] or len(given) not in (2, 3):
        raise ValueError(
            f"{name}: the target must be curves of spikes per tick, float [{shape[0]}, T, {shape[-1]}] or "
            f"{list(shape)}, got {getattr(target, 'dtype', type(target).__name__)} {given}"
        )
    if len(given) == 2:
        return jnp.broadcast_to(target.astype(jnp.float32), (len(ticks), *shape))
    at = jnp.minimum(ticks, given[1] - 1)
    return jnp.moveaxis(target.astype(jnp.float32)[:, at], 1, 0)


@checked
@dataclass(frozen=True)
class Curves:
    """A teacher that gives the target rate of every output neuron in every tick.

    The error neurons integrate it as they integrate label spikes, in spikes per tick; a target of 0 and 1 is a given
    train. The target is `[B, T, K]`, or `[B, K]` for all ticks.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> rule = ej.ERBP(ej.Curves(3))
        >>> rule.label
        Curves(classes=3)

    Raises:
        ValueError: a target of another shape.
    """

    classes: int

    def __post_init__(self) -> None:
        if self.classes < 1:
            raise ValueError(f"Curves: needs at least one output, got {self.classes}")

    def check(self, name: str, target: Any, batch: int) -> None:
        """Refuse a target that is no curves; `name` is who asks.

        Raises:
            ValueError: says what was given.
        """
        at_ticks(name, target, jnp.zeros(1, jnp.int32), (batch, self.classes))

    def spikes(self, tick: jax.Array, target: Any) -> jax.Array:
        """What is wanted at the tick `[]`, float32 `[B, K]`."""
        return at_ticks("Curves", target, tick[None], (target.shape[0], self.classes))[0]


def teacher_for(outputs: int, period: int = LabelNeurons.period) -> LabelNeurons | Curves:
    """What tells so many outputs what is right where nothing else is said: a label neuron for each, every `period`
    ticks; a single output, which cannot choose among classes, follows a curve.

    Example:
        >>> from erbp_jax.encoding import teacher_for
        >>> teacher_for(3), teacher_for(1)
        (LabelNeurons(classes=3, period=4, phase=0), Curves(classes=1))
    """
    return Curves(1) if outputs == 1 else LabelNeurons(outputs, period)
