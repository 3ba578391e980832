"""An nnx module as a connection."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from erbp_jax.connections import Arrived, Reliable
from erbp_jax.counting import Wide, wide_product, wide_zeros
from erbp_jax.nnx.structure import Structure, called, made, structure
from erbp_jax.params import Params


@dataclass(frozen=True)
class FromModule:
    r"""An nnx module as the connection from an analogue input: a convolutional front end, for instance.

    .. math:: c_b[t] = f_\theta(x_b[t])

    with x the input, `[R, *input_shape]` for R rows (ticks and samples), and c the module's output, flattened.
    `make(rngs=...)` makes the module: its class, or a function. `nnx.Param` is trained, everything else fixed. Where
    two makers are equal, connections are; a `lambda` equals itself alone. `lambda rngs: module` takes one that is
    there, with its weights.

    Back-propagation trains it. It has no local plasticity: under eRBP and every other local rule its update is zero, so
    that it stays as it was drawn; `Projection(..., plastic=False)` also keeps weight decay and back-propagation away.
    A pass is dense work in every tick, whatever comes in: events are counted as its multiply-accumulates.

    Example:
        >>> import erbp_jax as ej
        >>> import jax
        >>> from flax import nnx
        >>> class FrontEnd(nnx.Module):
        ...     def __init__(self, rngs):
        ...         self.conv = nnx.Conv(1, 4, (3, 3), strides=2, rngs=rngs)
        ...     def __call__(self, x):
        ...         return nnx.relu(self.conv(x))
        >>> front = ej.nnx.FromModule(FrontEnd, (8, 8, 1))
        >>> front.output_shape
        (4, 4, 4)
        >>> network = ej.sequential(front, ej.LIF(), ej.Dense(64, 10), ej.LIF())
        >>> network.init(jax.random.key(0)).trained.projections[0]["conv"]["kernel"].shape
        (3, 3, 1, 4)

    Raises:
        ValueError: a module in place of what makes one, one that keeps a state or random numbers (BatchNorm that
            learns its averages, Dropout), or one that does not make an array `[R, ...]` of the input; says which.
    """

    make: Callable[..., nnx.Module]
    input_shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if isinstance(self.make, nnx.Module) or not callable(self.make):
            raise ValueError(
                f"FromModule: needs what makes a module of rngs, got {type(self.make).__name__}; "
                "lambda rngs: module takes one that is there"
            )
        sizes = self.input_shape if isinstance(self.input_shape, tuple) else ()
        if not sizes or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes):
            raise ValueError(
                f"FromModule: input_shape must be a tuple of whole numbers from 1 on, got {self.input_shape!r}"
            )
        _ = self._structure

    @property
    def _structure(self) -> Structure:
        return structure(self.make, self.input_shape)

    @property
    def inputs(self) -> int:
        return math.prod(self.input_shape)

    @property
    def outputs(self) -> int:
        return math.prod(self.output_shape)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The module's output without the axis of rows."""
        return self._structure.output_shape

    @property
    def label(self) -> str:
        """The module's class and the outputs: `FrontEnd64`."""
        return f"{self._structure.kind}{self.outputs}"

    @property
    def transmission(self) -> Reliable:
        return Reliable()

    def init(self, key: jax.Array) -> Params:
        """Parameters of the module that is made of `nnx.Rngs(key)`, nested dictionaries of arrays."""
        _, _, params = made(self.make, key)
        return jax.tree.map(jnp.copy, params)  # a module that is there keeps its own

    def init_state(self, batch: int) -> tuple[()]:
        """Nothing is remembered."""
        del batch
        return ()

    def __call__(
        self, params: Params, state: Any, spikes: jax.Array, *, key: jax.Array | None = None, backward: Any = None
    ) -> tuple[Any, jax.Array, Arrived]:
        del key
        rows = spikes.reshape(-1, self.inputs)
        if backward is None:
            current = self.current(params, rows)
        else:
            current = _back_through(self, params.trained, backward, params.fixed, rows)
        return state, current.reshape(*spikes.shape[:-1], self.outputs), Arrived(spikes)

    def current(self, params: Params, rows: jax.Array) -> jax.Array:
        """The module's output `[R, O]` for rows `[R, I]`."""
        out = called(nnx.merge(self._structure.graphdef, *params), rows.reshape(-1, *self.input_shape))
        return out.reshape(-1, self.outputs).astype(rows.dtype)

    @property
    def signals(self) -> int:
        """The inputs."""
        return self.inputs

    def signal(self, arrived: Arrived) -> jax.Array:
        """The inputs' values."""
        return arrived.spikes

    def plasticity(
        self,
        params: Params,
        arrived: Arrived,
        post: jax.Array,
        *,
        factor: jax.Array | None = None,
        gated: bool = False,
    ) -> Any:
        """Zero: no weight of a module lies between one presynaptic and one postsynaptic signal."""
        del arrived, post, factor, gated
        return jax.tree.map(jnp.zeros_like, params.trained)

    def transpose(self, params: Params, post: jax.Array) -> jax.Array:
        """Not defined.

        Raises:
            ValueError: always.
        """
        del params, post
        raise ValueError(
            f"FromModule: {self._structure.kind} need not be linear, so that it has no transpose, which the alignment "
            "with back-propagation asks for; its source must be an input, not a population"
        )

    def reliable(self) -> "FromModule":
        """Itself."""
        return self

    @property
    def multiplications(self) -> int:
        """Multiply-accumulates of one row: of products of matrices and of convolutions, borders included."""
        return self._structure.multiplications

    @property
    def learns(self) -> bool:
        """Whether there are trained parameters."""
        return bool(jax.tree.leaves(self._structure.params.trained))

    @property
    def synapses(self) -> int:
        """As many as multiply-accumulates."""
        return self.multiplications

    def addressed(self, params: Params, arrived: Arrived) -> Wide:
        """The multiply-accumulates of a dense pass, in every tick."""
        del params
        passes = jnp.ones(arrived.spikes.shape[:-1], jnp.uint32)
        return wide_product(passes, self.multiplications, self.multiplications)

    def delivered(self, params: Params, arrived: Arrived) -> Wide:
        """All of them."""
        return self.addressed(params, arrived)

    def writes(self, params: Params, arrived: Arrived, gate: jax.Array | None, *, gated: bool = False) -> Wide:
        """None: there is no local plasticity."""
        del params, gate, gated
        return wide_zeros(*arrived.spikes.shape[:-1])


def _back_through(connection: FromModule, trained: Any, backward: Any, fixed: Any, rows: jax.Array) -> jax.Array:
    """`connection.current`, whose error comes back to the rows through the weights `backward`."""

    @jax.custom_vjp
    def through(trained, backward, fixed, rows):
        del backward
        return connection.current(Params(trained, fixed), rows)

    def back(kept, error):
        trained, backward, fixed, rows = kept
        _, to_weights = jax.vjp(lambda w: connection.current(Params(w, fixed), rows), trained)
        _, to_rows = jax.vjp(lambda x: connection.current(Params(backward, fixed), x), rows)
        return *to_weights(error), jax.tree.map(jnp.zeros_like, backward), None, *to_rows(error)

    through.defvjp(lambda *given: (through(*given), given), back)
    return through(trained, backward, fixed, rows)
