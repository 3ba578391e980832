"""What every connection is: parameters, a current, a fan-out and a local update."""

from typing import Protocol

import jax
import numpy as np

Weights = dict[str, jax.Array]


class Connection(Protocol):
    """Synapses between two layers. Frozen, hashable; the weights are in `params`.

    Leading axes `...` of spikes are ticks and samples; a `key` has their shape.
    """

    @property
    def inputs(self) -> int: ...

    @property
    def outputs(self) -> int: ...

    @property
    def output_shape(self) -> tuple[int, ...]:
        """What the flat outputs are: `(O,)`, or `(H, W, C)` of C maps; the last is the number of maps."""
        ...

    @property
    def label(self) -> str:
        """The layer in a network's name: `100`, or `8c5s2` for eight maps by kernels of 5 x 5, two apart."""
        ...

    def init(self, key: jax.Array) -> Weights:
        """Fresh parameters; none for synapses that do not learn."""
        ...

    def __call__(
        self,
        params: Weights,
        spikes: jax.Array,
        *,
        key: jax.Array | None = None,
        backward: Weights | None = None,
    ) -> jax.Array:
        """`spikes[..., I] -> current[..., O]`.

        Under differentiation the error comes back through `backward`, weights shaped like the parameters, in the
        place of the parameters: random back-propagation. They get no gradient of their own.
        """
        ...

    def transpose(self, params: Weights, post: jax.Array) -> jax.Array:
        """`post[..., O] -> pre[..., I]`, back through the synapses, all of them transmitting."""
        ...

    def plasticity(self, pre: jax.Array, post: jax.Array, *, key: jax.Array | None = None) -> Weights:
        """The local update, shaped like the parameters: the product of presynaptic spikes `[..., I]` and a
        postsynaptic factor `[..., O]`, summed over ticks, samples and all synapses that share a weight. With the
        transmission's `key`, only synapses that transmitted take part."""
        ...

    def reliable(self) -> "Connection":
        """The same connection without stochastic transmission."""
        ...

    @property
    def multiplications(self) -> int:
        """Multiply-accumulates of one dense pass."""
        ...

    def fan_out(self) -> np.ndarray:
        """Synapses addressed by one spike of each presynaptic unit, int64 `[I]`: what a spike costs in SynOps."""
        ...
