"""The keys of a component, read from its class or function: annotations, defaults, and the texts below fields."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, is_dataclass
from dataclasses import fields as fields_of
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from erbp_jax.errors import UserError
from erbp_jax.registry import GROUPS, Context, Entry
from erbp_jax.units import FromBuilder


@dataclass(frozen=True)
class Key:
    """A field of a class, or a parameter of a function."""

    name: str
    annotation: Any
    metadata: tuple[Any, ...]
    default: Any
    """`MISSING` if it has to be given."""
    given: str | None = None
    """What the builder gives it, in place of a key; "context" for the whole of it."""

    @property
    def meaning(self) -> str:
        return next((m for m in self.metadata if isinstance(m, str)), "")


def keys_of(entry: Entry) -> tuple[Key, ...]:
    """What the component of an entry is made from, in the order of its declaration."""
    texts = attribute_texts(entry.make) if isinstance(entry.make, type) else {}
    known = GROUPS[entry.group].given
    found = []
    for name, annotation, default in _declared(entry.make):
        base, metadata = _split(annotation)
        builder = next((m.name for m in metadata if isinstance(m, FromBuilder)), None)
        if base is Context:
            builder = "context"
        elif name in known:
            builder = builder or name
        if name in texts and not any(isinstance(m, str) for m in metadata):
            metadata = (*metadata, texts[name])
        if entry.defaults is not None and name in entry.defaults:
            default = entry.defaults[name]
        found.append(Key(name, base, metadata, default, builder))
    return tuple(found)


def _declared(make: Any) -> Iterator[tuple[str, Any, Any]]:
    """`(name, annotation, default)` of every field or parameter."""
    if isinstance(make, type) and is_dataclass(make):
        hints = _hints(make)
        for f in fields_of(make):
            if f.init:
                default = f.default if f.default_factory is MISSING else f.default_factory()
                yield f.name, hints.get(f.name, _of_default(default)), default
        return
    function = make.__init__ if isinstance(make, type) else make
    hints = _hints(function)
    try:
        parameters = inspect.signature(make).parameters
    except (TypeError, ValueError):
        raise UserError(f"{_named(make)} does not say its parameters, so that it has no keys") from None
    for p in parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.POSITIONAL_ONLY):
            continue
        default = MISSING if p.default is p.empty else p.default
        yield p.name, hints.get(p.name, _of_default(default)), default


def _hints(thing: Any) -> dict[str, Any]:
    """Annotations with their metadata; those that cannot be resolved here, names of types alone, are left out."""
    try:
        return get_type_hints(thing, include_extras=True)
    except (NameError, TypeError, AttributeError):
        annotations = {k: v for k, v in getattr(thing, "__annotations__", {}).items() if not isinstance(v, str)}
        return annotations if isinstance(annotations, dict) else {}


def _named(make: Any) -> str:
    return f"{getattr(make, '__module__', '?')}:{getattr(make, '__qualname__', make)}"


def _of_default(default: Any) -> Any:
    return type(default) if isinstance(default, (bool, int, float, str)) else Any


def _split(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """The annotation itself, and its metadata with that of what it may be None instead of, or lists."""
    origin = get_origin(annotation)
    if origin is Annotated:
        base, *metadata = get_args(annotation)
        base, inner = _split(base)
        return base, (*inner, *metadata)
    parts = get_args(annotation) if origin in (Union, UnionType, tuple, list) else ()
    metadata = next((found for part in parts if (found := _split(part)[1])), ())
    return annotation, metadata


@cache
def attribute_texts(cls: type) -> dict[str, str]:
    """The texts below the fields of a class and of its bases, by name; none where there is no source."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base.__module__ in ("builtins", "typing") or base.__module__.startswith("pydantic"):
            continue
        try:
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        except (OSError, TypeError, SyntaxError, ValueError):
            continue
        if not isinstance(tree, ast.ClassDef):
            continue
        for before, after in zip(tree.body, tree.body[1:], strict=False):
            named = isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name)
            if named and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                found[before.target.id] = inspect.cleandoc(str(after.value.value))  # pyright: ignore
    return found


def summary(thing: Any) -> str:
    """The first line of a docstring that the class itself defines."""
    text = inspect.getdoc(thing) if getattr(thing, "__doc__", None) else ""
    documented = not isinstance(thing, type) or "__doc__" in vars(thing)
    plain = text or ""
    if isinstance(thing, type) and is_dataclass(thing) and plain.startswith(f"{thing.__name__}("):
        return ""  # what dataclass itself writes
    return plain.split("\n\n")[0].replace("\n", " ") if documented else ""
