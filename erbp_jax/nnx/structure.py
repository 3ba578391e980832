"""What an nnx module is, found by tracing: its shapes, its work, and whether it is a function of its arrays alone."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.extend.core import jaxprs_in_params

from erbp_jax.params import Params
from erbp_jax.random import new_key


class Structure(NamedTuple):
    """What is known of a module before it has arrays."""

    kind: str  # its class
    graphdef: Any
    params: Params  # shapes
    output_shape: tuple[int, ...]
    multiplications: int  # of a row


@contextmanager
def _usual() -> Iterator[None]:
    """JAX's own defaults: a module is others' code, and no global setting is to change its numbers."""
    with (
        jax.threefry_partitionable(True),
        jax.enable_x64(False),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        yield


@_usual()
def called(module: Any, x: jax.Array) -> Any:
    return module(x)


@_usual()
def made(make: Callable[..., nnx.Module], key: jax.Array) -> tuple[str, Any, Params]:
    """A new module: its class, its structure and its arrays.

    Raises:
        ValueError: what makes no module, or one that keeps random numbers.
    """
    module = make(rngs=nnx.Rngs(key))
    kind = type(module).__name__
    if not isinstance(module, nnx.Module):
        raise ValueError(f"FromModule: {make!r} must make an nnx.Module, got {kind}")
    graphdef, trained, random, fixed = nnx.split(module, nnx.Param, nnx.RngState, ...)
    for path, _ in nnx.to_flat_state(random):
        raise ValueError(_not_pure(module, path, "keeps random numbers"))
    return kind, graphdef, Params(nnx.to_pure_dict(trained), nnx.to_pure_dict(fixed))


@cache
def structure(make: Callable[..., nnx.Module], input_shape: tuple[int, ...]) -> Structure:
    """Found by tracing alone.

    Raises:
        ValueError: as `FromModule`.
    """
    known: list[tuple[str, Any]] = []
    wrong: list[str] = []

    def drawn(key: jax.Array) -> Params:
        kind, graphdef, params = made(make, key)
        known.append((kind, graphdef))
        return params

    def traced(params: Params, x: jax.Array) -> Any:
        module = nnx.merge(graphdef, *params)
        before, out, after = _arrays(module), called(module, x), _arrays(module)
        changed = [path for path in (*before, *after) if before.get(path) is not after.get(path)]
        wrong.extend(_not_pure(module, path, "changes when it is called") for path in changed)
        return out

    params = jax.eval_shape(lambda: drawn(new_key(0)))
    kind, graphdef = known[0]
    rows = jax.ShapeDtypeStruct((2, *input_shape), jnp.float32)
    try:
        program, out = jax.make_jaxpr(traced, return_shape=True)(params, rows)
    except (TypeError, ValueError) as error:
        raise ValueError(f"FromModule: {kind} does not take rows of shape {list(rows.shape)}: {error}") from error
    if wrong:
        raise ValueError(wrong[0])
    shape = getattr(out, "shape", ())
    if len(shape) < 2 or shape[0] != 2 or not jnp.issubdtype(out.dtype, jnp.floating):
        raise ValueError(
            f"FromModule: {kind} must make one array of floats [R, ...] of R rows, and makes {out} of "
            f"{list(rows.shape)}"
        )
    return Structure(kind, graphdef, params, tuple(shape[1:]), _multiplications(program.jaxpr) // 2)


def _arrays(module: nnx.Module) -> dict[tuple[Any, ...], Any]:
    leaves = nnx.to_flat_state(nnx.state(module))
    return {path: leaf.get_raw_value() if isinstance(leaf, nnx.Variable) else leaf for path, leaf in leaves}


def _not_pure(module: nnx.Module, path: tuple[Any, ...], what: str) -> str:
    """What is wrong with the array at a path of a module, and the part that it belongs to."""
    parts = dict(nnx.iter_modules(module))
    owner = next(parts[path[:n]] for n in range(len(path), -1, -1) if path[:n] in parts)
    return (
        f"FromModule: {type(module).__name__}: {'/'.join(map(str, path))} of its {type(owner).__name__} {what}, and a "
        "connection is a function of its parameters and its input; BatchNorm(use_running_average=True) and Dropout "
        "without rngs are"
    )


def _multiplications(jaxpr: Any) -> int:
    """Multiply-accumulates of products and convolutions in a program."""
    total = 0
    for equation in jaxpr.eqns:
        name, given = equation.primitive.name, equation.params
        inner = sum(_multiplications(getattr(part, "jaxpr", part)) for part in jaxprs_in_params(given))
        total += inner * (given["length"] if name == "scan" else 1)
        if name in ("dot_general", "conv_general_dilated"):
            left, right = (x.aval.shape for x in equation.invars)
            if name == "dot_general":
                each = math.prod(left[axis] for axis in given["dimension_numbers"][0][0])
            else:
                each = math.prod(right) // right[given["dimension_numbers"].rhs_spec[0]]
            total += each * math.prod(equation.outvars[0].aval.shape)
    return total
