"""Label neurons: one per class, firing regularly while the class is presented."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from erbp_jax.declared import checked


@checked
@dataclass(frozen=True)
class LabelNeurons:
    """The neuron of the true class fires every `period` ticks, the others are silent.

    `s[t] = onehot(target) * [(t + phase) mod period == 0]`. A regular train, as in the paper, whose label neurons are
    driven so hard that they fire at the pace of their dead time. `period` in ticks; `target` an integer `[B]`.

    Example:
        >>> import jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> label = ej.LabelNeurons(3, period=2)
        >>> [label.spikes(jnp.int32(t), jnp.array([1])).tolist() for t in range(2)]
        [[[0.0, 1.0, 0.0]], [[0.0, 0.0, 0.0]]]

    Raises:
        ValueError: a period below one tick or above 2^30, a phase that is no whole number of ticks.
    """

    classes: int
    period: int = 4
    phase: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.period <= 2**30 or int(self.period) != self.period or self.classes < 2:
            raise ValueError(
                "LabelNeurons: needs a whole period from 1 to 2^30 and classes >= 2, got "
                f"{self.period:.10g} and {self.classes}"
            )
        if self.phase // 1 != self.phase:  # also infinite
            raise ValueError(f"LabelNeurons: phase must be a whole number of ticks, got {self.phase}")

    def spikes(self, tick: jax.Array, target: jax.Array) -> jax.Array:
        """Label spikes float32 `[B, K]` at the tick `[]` (int32) of a presentation."""
        on = (tick % self.period + int(self.phase % self.period)) % self.period == 0  # no sum beyond 2^31
        return jax.nn.one_hot(target, self.classes, dtype=jnp.float32) * on.astype(jnp.float32)

    def check(self, name: str, target: Any, batch: int) -> None:
        """Refuse a target that is not one class per sample; `name` is who asks.

        Raises:
            ValueError: says what was given.
        """
        check_classes(name, target, batch, self.classes)

    @property
    def rate(self) -> float:
        """Spikes per tick of the true class."""
        return 1.0 / self.period


def check_classes(name: str, target: Any, batch: int, classes: int) -> None:
    """Refuse a target that is not one class per sample; one that is no class as well, where values are known.

    Raises:
        ValueError: says what was given.
    """
    shape, dtype = tuple(getattr(target, "shape", ())), getattr(target, "dtype", None)
    if shape != (batch,) or dtype is None or not jnp.issubdtype(dtype, jnp.integer):
        given = type(target).__name__ if dtype is None else f"{dtype} {list(shape)}"
        raise ValueError(f"{name}: the target must be one class per sample, whole numbers [{batch}], got {given}")
    if isinstance(target, Tracer):
        return
    if others := [k for k in np.unique(target).tolist() if not 0 <= k < classes]:
        raise ValueError(f"{name}: classes are from 0 to {classes - 1}, got {others[:5]}")
