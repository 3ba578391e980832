"""What every neuron model is: a frozen description with a resting state and one tick."""

from typing import Any, Protocol, Self, TypeGuard, runtime_checkable

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from erbp_jax.neurons.surrogate import Surrogate
from erbp_jax.params import Params


@runtime_checkable
class Neuron(Protocol):
    """A neuron model. Hyper-parameters are the fields of a frozen, hashable dataclass (static under `jit`).

    The state is any pytree of arrays. Everything is element-wise in the trailing neuron axis N; leading axes are the
    caller's (batch, cores). A `key` has the shape of the leading axes: `key[B]` for `current[B, N]`, `key[]` for
    `current[N]`.

    A network needs only these two members. Code that needs more requires a separate protocol: `Differentiable`,
    `Rated`, `Transfer`, `Parametric`. Rules that look at the membrane or at its distance from the threshold take the
    state's `membrane` and `drive`, which every neuron of this package has.

    A custom neuron that counts its input and fires once the count reaches `enough`:

    >>> from dataclasses import dataclass
    >>> import jax.numpy as jnp
    >>> @dataclass(frozen=True)
    ... class Counter:
    ...     enough: float = 3.0
    ...     def init_state(self, shape, dtype=jnp.float32):
    ...         return {"count": jnp.zeros(shape, dtype)}
    ...     def step(self, state, current, *, key=None):
    ...         count = state["count"] + current
    ...         spikes = (count >= self.enough).astype(count.dtype)
    ...         return {"count": count - self.enough * spikes}, spikes
    >>> neuron = Counter()
    >>> isinstance(neuron, Neuron), isinstance(neuron, Differentiable)
    (True, False)
    >>> state, spikes = neuron.step(neuron.init_state((2,)), jnp.array([1.0, 4.0]))
    >>> state["count"].tolist(), spikes.tolist()
    ([1.0, 1.0], [0.0, 1.0])
    """

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> Any:
        """The resting state of neurons of the given shape `(..., N)`."""
        ...

    def step(self, state: Any, current: jax.Array, *, key: jax.Array | None = None) -> tuple[Any, jax.Array]:
        """One tick: `(state, current[..., N]) -> (state, spikes[..., N])`, spikes float 0 or 1."""
        ...


@runtime_checkable
class Parametric(Neuron, Protocol):
    """A neuron with trainable parameters, for instance one time constant per neuron.

    They live in the parameter tree beside the weights, never in the dataclass. Only a neuron that has `init` is ever
    given `params`. Their leaves have the trailing neuron axis N and no leading ones: all samples share them.

    A threshold per neuron, that a gradient rule can train:

    >>> from dataclasses import dataclass
    >>> import jax, jax.numpy as jnp
    >>> from erbp_jax.neurons import Surrogate, spike
    >>> from erbp_jax.params import Params
    >>> @dataclass(frozen=True)
    ... class Threshold:
    ...     def init(self, shape, key):
    ...         return Params({"threshold": jnp.ones(shape)})
    ...     def init_state(self, shape, dtype=jnp.float32):
    ...         return ()
    ...     def step(self, state, current, *, params, key=None):
    ...         return state, spike(current - params.trained["threshold"], Surrogate("triangular"))
    >>> neuron = Threshold()
    >>> isinstance(neuron, Parametric)
    True
    >>> params = neuron.init((2,), jax.random.key(0))
    >>> neuron.step((), jnp.array([0.5, 1.5]), params=params)[1].tolist()
    [0.0, 1.0]
    >>> def fired(trained):
    ...     return neuron.step((), jnp.array([0.5, 1.5]), params=Params(trained))[1].sum()
    >>> jax.grad(fired)(params.trained)["threshold"].tolist()
    [-0.5, -0.5]
    """

    def init(self, shape: tuple[int, ...], key: jax.Array) -> Params:
        """Fresh parameters of neurons of the given shape `(N,)`; `key` is one typed key `[]`."""
        ...

    def step(
        self, state: Any, current: jax.Array, *, key: jax.Array | None = None, params: Params | None = None
    ) -> tuple[Any, jax.Array]:
        """As of `Neuron`, with the parameters that `init` made or a rule has trained since; callers always pass them.

        A model of one's own may leave out the default.
        """
        ...


@runtime_checkable
class Differentiable(Protocol):
    """A neuron that a rule can differentiate through.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.neurons import Differentiable
        >>> isinstance(ej.LIF(), Differentiable)
        True
    """

    def with_surrogate(self, surrogate: Surrogate) -> Self:
        """The same neuron with a differentiable threshold; its spikes are the same. A derivative of its own stays."""
        ...


@runtime_checkable
class Rated(Protocol):
    """A neuron with a known maximal firing rate.

    Example:
        >>> import erbp_jax as ej
        >>> ej.LIF(refractory=3).max_rate
        0.25
    """

    @property
    def max_rate(self) -> float:
        """The highest firing rate, in spikes per tick."""
        ...


def is_differentiable(neuron: Any) -> TypeGuard[Differentiable]:
    """Whether a rule can differentiate through a neuron; of one that wraps another (`wrapped`), whether it can through
    that."""
    inside = getattr(neuron, "wrapped", None)
    return isinstance(neuron, Differentiable) and (inside is None or is_differentiable(inside))


def highest_rate(neuron: Any) -> float | None:
    """The highest firing rate of a neuron, in spikes per tick; None of one that does not say, or wraps one that does
    not."""
    inside = getattr(neuron, "wrapped", None)
    if inside is not None and highest_rate(inside) is None:
        return None
    return neuron.max_rate if isinstance(neuron, Rated) else None


@runtime_checkable
class Transfer(Rated, Protocol):
    """A neuron with a known static transfer function.

    Example:
        >>> import jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> neuron = ej.LIF(tau_mem=0.0, refractory=3)
        >>> neuron.rate(jnp.array([0.0, 5.0]), smoothing=0.1).round(3).tolist()
        [0.0, 0.25]
    """

    def steady_current(self, current: jax.Array) -> jax.Array:
        """The synaptic current that an input of `current` in every tick settles at."""
        ...

    def rate(self, synaptic: jax.Array, smoothing: float) -> jax.Array:
        """Mean spikes per tick under a constant synaptic current, with threshold noise of scale `smoothing`."""
        ...
