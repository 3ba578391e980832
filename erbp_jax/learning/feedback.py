"""Random feedback from the error neurons."""

from dataclasses import dataclass

import jax

from erbp_jax.declared import checked
from erbp_jax.random import between


@checked
@dataclass(frozen=True)
class RandomFeedback:
    r"""Direct feedback weights G from K error neurons to the N units of a hidden layer, `[K, N]`.

    .. math::
        g_{kn} \sim U(-b, b), \quad b = \mathrm{scale}\,\sqrt{7/(K + N)}, \quad
        g_{kn} \leftarrow g_{kn} - \tfrac1K \sum_{k'} g_{k'n}

    With `zero_sum` (the second step) every unit's feedback sums to zero over the classes, so that an error which all
    classes share moves nothing. Every position of a map has separate weights: with one weight for a whole map 44 % of
    digits were wrong in place of 13 % (docs/lab/convolution.md). Drawn once; never trained, unless a readout that
    learns begins with it.
    Source: published code of Neftci et al. 2017 (which counts all hidden layers' units in N).

    Example:
        >>> import jax, erbp_jax as ej
        >>> g = ej.RandomFeedback(scale=3.0).init(jax.random.key(0), classes=10, units=100)
        >>> g.shape, bool(abs(g.sum(0)).max() < 1e-4)
        ((10, 100), True)
    """

    scale: float = 1.0
    zero_sum: bool = True

    def __post_init__(self) -> None:
        if self.scale < 0:
            raise ValueError(f"RandomFeedback: scale must be >= 0, got {self.scale}")

    def init(self, key: jax.Array, classes: int, units: int, populations: int = 1) -> jax.Array:
        r"""G for a layer of N units, `[K, N]`.

        From R `populations` of K error neurons each: `[R K, N]`, one below the other, zero-sum each, with the bound

        .. math:: b_R = b / \sqrt R

        so that independent errors of all of them move a dendrite as much as those of one would.
        """
        if self.zero_sum and classes == 1:
            raise ValueError(
                "RandomFeedback: zero-sum feedback from a single error neuron is 0, and nothing would be learned "
                "behind it; give zero_sum=False"
            )
        bound = self.scale * (7.0 / (populations * (classes + units))) ** 0.5
        weights = between(key, (populations, classes, units), -bound, bound)
        weights = weights - weights.mean(1, keepdims=True) if self.zero_sum else weights
        return weights.reshape(populations * classes, -1)
