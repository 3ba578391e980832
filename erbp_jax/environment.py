"""The environment variables that JAX reads: refused where a command cannot work with them, and set where they would
change numbers."""

import os

from erbp_jax.archive import shown
from erbp_jax.errors import UserError

_GUARDS = ("", "_HOST_TO_DEVICE", "_DEVICE_TO_DEVICE", "_DEVICE_TO_HOST")


def check_environment() -> None:
    """Load JAX and its devices, for a process that is a command's own: the settings of `erbp_jax.settings` hold in it.

    Raises:
        UserError: a variable whose value JAX does not know, a device that is not there, programs that may not be
            compiled, or arrays that may not be moved; names the variable, its value and what is allowed.
    """
    try:
        import jax
    except ValueError as error:  # names the variable and its value
        raise UserError(f"JAX cannot be loaded: {error}") from None

    from erbp_jax.settings import settle_process

    if jax.config.jax_disable_jit:  # pyright: ignore[reportAttributeAccessIssue]
        raise UserError(
            f"JAX_DISABLE_JIT={_value('JAX_DISABLE_JIT')}: training and testing are compiled programs; unset "
            "it, or set it to 0"
        )
    for end in _GUARDS:
        name = f"JAX_TRANSFER_GUARD{end}"
        if "disallow" in os.environ.get(name, ""):
            raise UserError(f"{name}={_value(name)}: data and results are moved all the time; allowed: allow, log")
    settle_process()
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:
        reason = next(iter(str(error).splitlines()), "") or "JAX finds no such device here"
        raise UserError(
            f"JAX_PLATFORMS={_value('JAX_PLATFORMS')}: {reason}; allowed: cpu, or a kind of device that is here"
        ) from None


def _value(name: str) -> str:
    return shown(os.environ.get(name, ""))
