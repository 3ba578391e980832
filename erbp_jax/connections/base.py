"""What every connection is: parameters, a current, what arrived, and a local update of it."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax

from erbp_jax.connections.transmission import Transmission
from erbp_jax.counting import Wide
from erbp_jax.params import Params

Weights = dict[str, jax.Array]


class Arrived(NamedTuple):
    """What reached the synapses of a connection that remembers nothing.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> layer = ej.Dense(4, 2)
        >>> _, _, arrived = layer(layer.init(jax.random.key(0)), layer.init_state(3), jnp.ones((5, 3, 4)))
        >>> arrived.spikes.shape
        (5, 3, 4)
    """

    spikes: jax.Array  # [k, B, I], as they arrive
    key: jax.Array | None = None  # [k, B], what the transmission drew its masks with; None if it draws none


class Connection(Protocol):
    """Synapses from one population onto another. Frozen, hashable; its arrays are in `params` and `state`.

    Shapes: k ticks, B samples, I inputs, O outputs, J presynaptic signals (I, or more where spikes of a unit arrive at
    several times). `arrived` is a pytree of the connection's own with leaves `[k, B, ...]`. `LinearConnection` gives
    all but `init` and the current.

    Example:
        >>> import erbp_jax as ej
        >>> layer = ej.Conv2d((8, 8, 1), 4, kernel=3)
        >>> layer.inputs, layer.outputs, layer.output_shape
        (64, 256, (8, 8, 4))
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
        """The connection in a network's name: `100`, or `8c5s2` for eight maps by kernels of 5 x 5, two apart."""
        ...

    @property
    def transmission(self) -> Transmission:
        """How spikes cross."""
        ...

    def init(self, key: jax.Array) -> Params:
        """Fresh parameters; `trained` is empty for synapses that do not learn."""
        ...

    def init_state(self, batch: int) -> Any:
        """What is remembered between ticks, before the first one; `()` if nothing is."""
        ...

    def __call__(
        self,
        params: Params,
        state: Any,
        spikes: jax.Array,
        *,
        key: jax.Array | None = None,
        backward: Any = None,
    ) -> tuple[Any, jax.Array, Any]:
        """k ticks: `spikes[k, B, I]`, `key[k, B]` -> the state after them, `current[k, B, O]`, and what arrived.

        Under differentiation the error comes back through `backward`, weights shaped like `params.trained`, in their
        place: random back-propagation. They receive no gradient.
        """
        ...

    @property
    def signals(self) -> int:
        """J, the presynaptic signals that a rule sees."""
        ...

    def signal(self, arrived: Any) -> jax.Array:
        """What a rule sees of the presynaptic side, `[k, B, J]`."""
        ...

    def plasticity(
        self,
        params: Params,
        arrived: Any,
        post: jax.Array,
        *,
        factor: jax.Array | None = None,
        gated: bool = False,
    ) -> Any:
        """The local update, shaped like `params.trained`: the product of the presynaptic signal and a postsynaptic
        factor `post[k, B, O]`, summed over ticks, samples and all synapses that share a weight.

        `factor[k, B, J]`, a filtered signal, takes the place of the signal. `gated`: only synapses that transmitted
        take part.
        """
        ...

    def transpose(self, params: Params, post: jax.Array) -> jax.Array:
        """`post[..., O] -> pre[..., I]`, back through the synapses, all of them transmitting, without delays."""
        ...

    def reliable(self) -> "Connection":
        """The same connection without stochastic transmission; it takes the same parameters."""
        ...

    @property
    def multiplications(self) -> int:
        """Multiply-accumulates of one dense pass."""
        ...

    @property
    def learns(self) -> bool:
        """Whether there are trained parameters, so that a rule finds something to move."""
        ...

    @property
    def synapses(self) -> int:
        """How many there are, each position of shared weights counted."""
        ...

    def addressed(self, params: Params, arrived: Any) -> Wide:
        """Synapses that the arriving spikes address, `[k, B]`: the one definition of a synaptic operation."""
        ...

    def delivered(self, params: Params, arrived: Any) -> Wide:
        """Of the addressed synapses those that transmitted, `[k, B]`."""
        ...

    def writes(self, params: Params, arrived: Any, gate: jax.Array | None, *, gated: bool = False) -> Wide:
        """Plasticity events `[k, B]`: arriving spikes at synapses whose `gate[k, B, O]` is open, or at all of them.

        `gated`: only where the spike was transmitted. None where a connection has nothing to train.
        """
        ...


@runtime_checkable
class HasDelays(Protocol):
    """A connection whose synapses have delays of their own."""

    def at_once(self) -> Connection:
        """The same synapses without their delays."""
        ...
