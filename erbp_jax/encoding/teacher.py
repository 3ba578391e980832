"""What tells the error neurons what is right."""

from typing import Any, Protocol

import jax


class Teacher(Protocol):
    """The label's side of a rule that compares spikes. Frozen, hashable."""

    @property
    def classes(self) -> int:
        """Output neurons that it speaks of."""
        ...

    def check(self, name: str, target: Any, batch: int) -> None:
        """Refuse targets that it cannot read; `name` is the rule that asks.

        Raises:
            ValueError: says what was given.
        """
        ...

    def spikes(self, tick: jax.Array, target: Any) -> jax.Array:
        """What is wanted of every output neuron at the tick `[]` (int32) of a presentation, float32 `[B, K]`."""
        ...
