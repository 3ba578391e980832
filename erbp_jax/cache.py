"""The folder for what can be made again."""

import os
from pathlib import Path


def user_cache() -> Path | None:
    """`$XDG_CACHE_HOME/erbp_jax`, or `~/.cache/erbp_jax`; None for a user without a home.

    An empty or relative `XDG_CACHE_HOME` counts as unset, as its specification says.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if base.is_absolute():
        return base / "erbp_jax"
    try:
        return Path.home() / ".cache" / "erbp_jax"
    except RuntimeError:
        return None
