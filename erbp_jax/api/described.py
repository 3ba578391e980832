"""Frozen dataclasses as JSON and arrays, and back: what a saved model says of its network, rule, encoder and task."""

import importlib
import math
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any, cast

import numpy as np

from erbp_jax.archive import shown
from erbp_jax.errors import UserError
from erbp_jax.outside import imported

OURS = "erbp_jax."
MOST_DEPTH = 32


def described(thing: Any, arrays: dict[str, np.ndarray], where: str = "") -> Any:
    """A value as JSON; arrays within it go into `arrays`, under the path that stands in their place.

    Raises:
        UserError: a value that has no place in a file, a function for instance.
    """
    if thing is None or isinstance(thing, bool | str | int):
        return thing
    if isinstance(thing, float):
        return thing if math.isfinite(thing) else {"float": repr(thing)}
    if isinstance(thing, np.generic):
        return described(thing.item(), arrays, where)
    if isinstance(thing, np.ndarray) and thing.dtype.kind in "biuf":
        arrays[f"in{where}"] = thing
        return {"array": f"in{where}"}
    if isinstance(thing, tuple):
        return {"items": [described(part, arrays, f"{where}/{i}") for i, part in enumerate(thing)]}
    if is_dataclass(thing) and not isinstance(thing, type) and type(thing).__qualname__.isidentifier():
        parts = {
            f.name: described(getattr(thing, f.name), arrays, f"{where}/{f.name}") for f in fields(thing) if f.init
        }
        return {"class": f"{type(thing).__module__}:{type(thing).__qualname__}", "fields": parts}
    if isinstance(thing, FunctionType) and _importable(thing):
        return {"function": f"{thing.__module__}:{thing.__qualname__}"}
    if isinstance(thing, FunctionType):
        raise UserError(
            f"{where}: the function {thing.__qualname__} of {thing.__module__} cannot be found again when the file is "
            "loaded; define it in a module. To save only the weights: "
            "numpy.savez(path, *jax.tree.leaves(model.params))"
        )
    raise UserError(f"{where or 'it'}: {shown(repr(thing), 100)} cannot be saved: only dataclasses of numbers can")


def made(data: Any, arrays: Mapping[str, np.ndarray], depth: int = 0) -> Any:
    """The value that `described` has described.

    Raises:
        UserError: damaged, a class that is not there or refuses its values, or code that is not trusted.
    """
    if depth > MOST_DEPTH:
        raise UserError("damaged: it is nested too deeply")
    if data is None or isinstance(data, bool | str | int | float):
        return data
    match data:
        case {"float": str(text)}:
            return float(text)
        case {"array": str(name)}:
            if name not in arrays:
                raise UserError(f"damaged: the array {shown(name)} is missing")
            return arrays[name]
        case {"items": list(items)}:
            return tuple(made(item, arrays, depth + 1) for item in items)
        case {"function": str(name)}:
            return _named(name, FunctionType, "function")
        case {"class": str(name), "fields": dict(parts)}:
            kind = _class(name)
            values = {str(key): made(value, arrays, depth + 1) for key, value in parts.items()}
            try:
                return kind(**values)
            except (TypeError, ValueError) as error:
                raise UserError(f"damaged, or of another version: {name}: {shown(str(error), 300)}") from None
    raise UserError(f"damaged: {shown(repr(data), 60)}")


def _importable(function: FunctionType) -> bool:
    """Whether the name of its module and its own lead back to it, in another process too."""
    module = sys.modules.get(function.__module__)
    found = getattr(module, function.__qualname__, None)
    named = found is function or getattr(found, "function", None) is function  # what a decorator made of it
    return named and function.__module__ != "__main__"


def _class(name: str) -> type:
    """A dataclass by the name of its module and its own."""
    found: type = _named(name, type, "dataclass")
    if not is_dataclass(found):
        raise UserError(f"{shown(name, 120)} is no dataclass")
    return cast(type, found)


def _named(name: str, kind: type, what: str) -> Any:
    """A class or function by name; `outside.found`, around this, says whether modules of others may run."""
    module, _, attribute = name.partition(":")
    if module.startswith(OURS):
        try:
            found = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise UserError(f"damaged, or of another version: {shown(name, 120)}: {error}") from None
    else:
        found = imported(name)
    found = getattr(found, "function", found) if kind is FunctionType else found
    if not isinstance(found, kind):
        raise UserError(f"{shown(name, 120)} is no {what}")
    return found
