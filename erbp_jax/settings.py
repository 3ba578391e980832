"""Global settings of JAX that would change numbers, and the values under which this package works."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax

P = ParamSpec("P")
T = TypeVar("T")


def settled(function: Callable[P, T]) -> Callable[P, T]:
    """`function` under `jax_threefry_partitionable` and without `jax_enable_x64`, JAX's defaults, whatever is set.

    The first decides which numbers `jax.random` draws from a key, the second in what precision numbers are worked out
    whose dtype nobody named, such as optax's schedules. What is traced inside keeps both, so it may be part of a larger
    program. To compile under them too (JAX counts the turns of a scan in 64 bits otherwise), settle what compiles.
    """

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        with jax.threefry_partitionable(True), jax.enable_x64(False):
            return function(*args, **kwargs)

    return called


def settle_process() -> None:
    """The same for good: for a process that is ours, such as a command's."""
    jax.config.update("jax_threefry_partitionable", True)
    jax.config.update("jax_enable_x64", False)
