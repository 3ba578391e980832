"""Label neurons: one a class, firing regularly while the class is presented."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp


@dataclass(frozen=True)
class LabelNeurons:
    """The neuron of the true class fires every `period` ticks, the others are silent.

    `s[t] = onehot(target) * [(t + phase) mod period == 0]`. A regular train, as in the paper, whose label neurons are
    driven so hard that they fire at the pace of their dead time. `period` in ticks; `target` an integer `[B]`.

    Raises:
        ValueError: a period below one tick.
    """

    classes: int
    period: int = 4
    phase: int = 0

    def __post_init__(self) -> None:
        if self.period < 1 or self.classes < 2:
            raise ValueError(f"LabelNeurons: needs period >= 1 and classes >= 2, got {self}")

    def spikes(self, tick: jax.Array, target: jax.Array) -> jax.Array:
        """Label spikes float32 `[B, K]` at the tick `[]` (int32) of a presentation."""
        on = (tick + self.phase) % self.period == 0
        return jax.nn.one_hot(target, self.classes, dtype=jnp.float32) * on.astype(jnp.float32)

    @property
    def rate(self) -> float:
        """Spikes per tick of the true class."""
        return 1.0 / self.period
