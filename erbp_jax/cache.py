"""Folders that belong to the user: the cache, and what a `~` stands for."""

import os
from pathlib import Path

from erbp_jax.archive import shown
from erbp_jax.errors import UserError


def user_cache() -> Path | None:
    """`erbp_jax` in the user's cache folder: `XDG_CACHE_HOME`, else `.cache` in the home folder; None without a home.

    A variable that is empty or relative counts as not set (XDG Base Directory Specification 0.8).
    """
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if named.is_absolute():
        return named / "erbp_jax"
    try:
        home = Path.home()
    except RuntimeError:  # a user without an entry in the password file
        return None
    return home / ".cache" / "erbp_jax" if home.is_absolute() else None


def expanded(folder: str, where: str) -> Path:
    """A folder as an absolute path, `~` being the user's home; `where` says who named it.

    Raises:
        UserError: no home to put in place of `~`, or a character that no path has.
    """
    if "\0" in folder:
        raise UserError(f"{where}: a path has no character 0, got {shown(repr(folder))}")
    try:
        return Path(folder).expanduser().absolute()
    except RuntimeError:
        raise UserError(f"{where}: {shown(folder, 400)}: there is no home folder to put in place of ~") from None


def compilation_cache() -> None:
    """Keep compiled programs in the user's cache, so that the next process starts at once; leaves a cache that the user
    has set as it is."""
    import jax

    cache = user_cache()
    chosen = os.environ.get("JAX_COMPILATION_CACHE_DIR") is not None or getattr(
        jax.config, "jax_compilation_cache_dir", None
    )
    if cache is None or chosen:
        return
    jax.config.update("jax_compilation_cache_dir", str(cache / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
