"""Fixed random feedback from the error neurons."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp


@dataclass(frozen=True)
class RandomFeedback:
    r"""Direct feedback weights G from K error neurons to the N units of a hidden layer, `[K, N]`.

    .. math::
        g_{kn} \sim U(-b, b), \quad b = \mathrm{scale}\,\sqrt{7/(K + N)}, \quad
        g_{kn} \leftarrow g_{kn} - \tfrac1K \sum_{k'} g_{k'n}

    With `zero_sum` (the second step) every unit's feedback sums to zero over the classes, so that an error which all
    classes share moves nothing. Drawn once; never trained, never decayed.
    Source: published code of Neftci et al. 2017 (which counts all hidden layers' units in N).
    """

    scale: float = 1.0
    zero_sum: bool = True

    def __post_init__(self) -> None:
        if self.scale < 0:
            raise ValueError(f"RandomFeedback: scale must be >= 0, got {self.scale}")

    def init(self, key: jax.Array, classes: int, units: int) -> jax.Array:
        bound = self.scale * (7.0 / (classes + units)) ** 0.5
        weights = jax.random.uniform(key, (classes, units), jnp.float32, -bound, bound)
        return weights - weights.mean(0, keepdims=True) if self.zero_sum else weights
