"""What tells the error neurons what is right."""

from typing import Any, Protocol

import jax


class Teacher(Protocol):
    """The label's side of a rule that compares spikes. Frozen, hashable.

    Example:
        >>> import jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> ej.LabelNeurons(3).spikes(jnp.int32(0), jnp.array([2])).tolist()
        [[0.0, 0.0, 1.0]]
    """

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
