"""What every connection is: parameters, a current, a fan-out and a local update."""

from typing import Protocol

import jax

Weights = dict[str, jax.Array]


class Connection(Protocol):
    """Synapses between two layers. Frozen, hashable; the weights are in `params`.

    Leading axes `...` of spikes are ticks and samples; a `key` has their shape.
    """

    @property
    def inputs(self) -> int: ...

    @property
    def outputs(self) -> int: ...

    def init(self, key: jax.Array) -> Weights:
        """Fresh parameters."""
        ...

    def __call__(self, params: Weights, spikes: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        """`spikes[..., I] -> current[..., O]`."""
        ...

    def plasticity(self, pre: jax.Array, post: jax.Array, *, key: jax.Array | None = None) -> Weights:
        """The local update, shaped like the parameters: the product of presynaptic spikes `[..., I]` and a
        postsynaptic factor `[..., O]`, summed over ticks and samples. With the transmission's `key`, only synapses
        that transmitted take part."""
        ...

    def fan_out(self) -> jax.Array:
        """Synapses addressed by one spike of each presynaptic unit, `[I]`: what a spike costs in SynOps."""
        ...
