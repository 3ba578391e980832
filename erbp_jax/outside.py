"""Code of the user's own that a config names as `module:Name`: imported, trusted, recorded.

The module is imported from `sys.path`, then from the working directory. A folder that was found, such as a run's, has
only imported what `found(..., trust=True)` allows.
"""

import difflib
import hashlib
import importlib
import inspect
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from erbp_jax.errors import UserError

PACKAGE = "erbp_jax"


class _Found(NamedTuple):
    where: str
    trusted: bool | Collection[str]


_FOUND: ContextVar[_Found | None] = ContextVar("found", default=None)


@contextmanager
def found(where: object, trust: bool | Collection[str] | None = None) -> Iterator[None]:
    """While configs from a folder that was found are read: their `module:Name` are refused, unless they are trusted.

    `trust` is True, or the kinds that are trusted. None is what was said of the same folder around this, else False.
    """
    around = _FOUND.get()
    if trust is None:
        trust = around is not None and around.where == str(where) and around.trusted
    token = _FOUND.set(_Found(str(where), trust))
    try:
        yield
    finally:
        _FOUND.reset(token)


def imported(kind: str) -> Any:
    """What `module:Name` means.

    Raises:
        UserError: it may not be imported here, cannot be, or has no such name.
    """
    module, _, name = kind.partition(":")
    folder = _FOUND.get()
    if folder is not None and folder.trusted is not True and not (folder.trusted and kind in folder.trusted):
        raise UserError(
            f"{kind!r}: {folder.where} names code of the module {module}, which runs when it is imported; look at it, "
            "and allow it by --trust (trust=True in Python)"
        )
    thing: Any = import_module(module)
    for part in name.split("."):
        if not hasattr(thing, part):
            near = difflib.get_close_matches(part, [n for n in dir(thing) if not n.startswith("_")], n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise UserError(f"{kind!r}: the module {module} ({_file(module) or 'no file'}) has no {name!r}{hint}")
        thing = getattr(thing, part)
    return thing


def import_module(name: str) -> ModuleType:
    """A module by its dotted name, from `sys.path`, then from the working directory.

    Raises:
        UserError: it cannot be imported; says why.
    """
    if not all(part.isidentifier() for part in name.split(".")):
        raise UserError(f"{name!r} is no name of a module; write package.module:Name")
    here = os.getcwd()  # noqa: PTH109 (a text, as in sys.path)
    if not {here, ""} & set(sys.path):
        sys.path.append(here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise UserError(f"the module {name} cannot be imported: {error}") from None
        raise UserError(f"there is no module {name} on sys.path, nor in the working directory {here}") from None
    except Exception as error:  # whatever its code does
        raise UserError(f"the module {name} cannot be imported: {type(error).__name__}: {error}") from None


def _file(name: str) -> str | None:
    return getattr(sys.modules.get(name), "__file__", None)


def named(plain: Any) -> list[str]:
    """The `module:Name` kinds in a config as plain data, each once, in order."""
    found: dict[str, None] = {}
    if isinstance(plain, Mapping):
        kind = plain.get("kind")
        if isinstance(kind, str) and ":" in kind:
            found[kind] = None
        for value in plain.values():
            found |= dict.fromkeys(named(value))
    elif isinstance(plain, (list, tuple)):
        for value in plain:
            found |= dict.fromkeys(named(value))
    return list(found)


def fingerprints(kinds: Collection[str]) -> dict[str, dict[str, str | None]]:
    """Version and SHA-256 of the source of the modules that kinds name, and of those that define what they name."""
    modules: dict[str, None] = {}
    for kind in kinds:
        module, _, name = kind.partition(":")
        if not _ours(module):
            modules[module] = None
        thing = inspect.getattr_static(import_module(module), name.partition(".")[0], None)
        home = getattr(thing, "__module__", None) or type(thing).__module__
        if home in sys.modules and not _ours(home):
            modules[home] = None
    return {name: _fingerprint(import_module(name)) for name in modules}


def _ours(module: str) -> bool:
    """Whether versions of it are noted anyway."""
    return module.partition(".")[0] in (PACKAGE, "builtins")


def _fingerprint(module: ModuleType) -> dict[str, str | None]:
    version, path = getattr(module, "__version__", None), getattr(module, "__file__", None)
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest() if path and Path(path).is_file() else None
    return {"version": None if version is None else str(version), "sha256": digest}
