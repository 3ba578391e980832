"""What every key of a config means, read from where it is declared: `erbp-jax explain`, `docs/reference/config.md`."""

import math
import textwrap
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from erbp_jax.archive import shown
from erbp_jax.config.annotations import attribute_texts
from erbp_jax.config.mistakes import nearest
from erbp_jax.config.schema import Config
from erbp_jax.config.schema.base import MOST
from erbp_jax.config.sections import ComponentSection, Kinds
from erbp_jax.errors import UserError
from erbp_jax.units import Unit

OWN = "my_package.module:Name"
"""How a config names what is not of this package."""
WHOLE_GROUPS = {"network.output_neuron": "network.neuron"}
"""Groups that are documented elsewhere, under the second name."""


HEAD = f"""# Configs, key by key

`python -m erbp_jax.config.explain > docs/reference/config.md` writes this page from the declarations themselves;
`erbp-jax explain KEY` prints the same text. Times are in ms and rates in Hz, for any length of a tick. Defaults are
given for ticks of 1 ms.

Where a group has a `kind`, `kind: {OWN}` accepts your own class, or a function that makes the
component. Its fields or parameters are the keys, and their annotations (`ej.Time`, `ej.Ticks`, `ej.Rate`, ...) the
units. The module is found on `sys.path`, then in the working directory. `resume`, `evaluate` and `nsat compile` import
it only with `--trust`."""


class Row(NamedTuple):
    """One key."""

    path: str
    kinds: tuple[str, ...]  # of its group, that have it; empty where there is no choice
    type: str
    unit: str
    range: str
    default: str
    meaning: str

    @property
    def line(self) -> str:
        """Type, unit, range and default in a line."""
        said = [self.type, self.unit and f"in {self.unit}", self.range, self.default and f"default {self.default}"]
        return ", ".join(part for part in said if part)


def rows() -> list[Row]:
    """All keys of a config, in the order of its groups."""
    return list(_Walk().model(Config, ""))


def explain(key: str | None = None) -> str:
    """The tree of all keys, or what one key, or the keys of one group, mean.

    Raises:
        UserError: there is no such key; names the nearest.
    """
    all_rows = rows()
    if key is None:
        return "\n".join(f"{row.path}{_for(row)}: {row.line}" for row in all_rows)
    for group, other in WHOLE_GROUPS.items():
        if key.startswith(f"{group}."):
            key = other + key.removeprefix(group)
    key = ".".join("N" if part.isdecimal() else part for part in key.split("."))  # any member of a list
    chosen = [row for row in all_rows if row.path == key] or [r for r in all_rows if r.path.startswith(f"{key}.")]
    if not chosen:
        paths = list(dict.fromkeys(row.path for row in all_rows))
        last = key.rpartition(".")[2]
        near = nearest(key, paths) or next((p for p in paths if p.rpartition(".")[2] == last), None)
        hint = f"; did you mean {near!r}?" if near else ""
        raise UserError(f"explain: no key {shown(repr(key))}{hint}; `erbp-jax explain` lists them all")
    return "\n".join(
        f"{r.path}{_for(r)}: {r.line}\n{textwrap.indent(textwrap.fill(r.meaning, 110), '  ')}" for r in chosen
    )


def _for(row: Row) -> str:
    return f" ({', '.join(row.kinds)})" if row.kinds else ""


def page() -> str:
    """`docs/reference/config.md`."""
    out = [HEAD]
    group = None
    for row in rows():
        parent, _, name = row.path.rpartition(".")
        if name == "kind" and parent:  # stands with the keys of the group around it
            parent, _, group_name = parent.rpartition(".")
            name = f"{group_name}.kind"
        here = (parent or "config", row.kinds)
        if here != group:
            title = f"`{here[0]}`" + (f" of kind {', '.join(f'`{k}`' for k in row.kinds)}" if row.kinds else "")
            out += [
                "",
                f"## {title}",
                "",
                "| key | is | unit | range | default | meaning |",
                "|---|---|---|---|---|---|",
            ]
            group = here
        cells = (f"`{name}`", row.type, row.unit, row.range, row.default, row.meaning)
        out.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(out) + "\n"


class _Walk:
    """Walk through the sections of a config; keys shared by several kinds are listed once."""

    def __init__(self) -> None:
        self.documented: set[tuple[str, tuple[str, ...]]] = set()

    def model(self, model: type[BaseModel], prefix: str, kinds: tuple[str, ...] = (), skip: Any = ()) -> Iterator[Row]:
        texts = {} if issubclass(model, ComponentSection) else attribute_texts(model)
        groups, parts = [], []
        for name, field in model.model_fields.items():
            if name in skip or (name == "kind" and kinds):
                continue
            inner, text = _group(field.annotation), texts.get(name, "")
            if inner is None or _is_list(field.annotation):
                yield _row(prefix + name, kinds, field, text)
                if inner is not None:
                    parts.append((f"{prefix}{name}.N", inner))
            else:
                meaning = (field.description or text).replace("\n", " ")
                groups.append((prefix + name, inner, _default(field), meaning))
        for path, inner, default, meaning in groups:
            if path in WHOLE_GROUPS:
                yield Row(path, kinds, f"a group, as `{WHOLE_GROUPS[path]}`", "", "", default, meaning)
            elif choice := _choice(inner):
                yield Row(f"{path}.kind", kinds, choice, "", "", default, meaning)
        for path, inner in (*parts, *((path, inner) for path, inner, _, _ in groups)):
            if path not in WHOLE_GROUPS:
                yield from self.group(inner, path)

    def group(self, inner: Any, path: str) -> Iterator[Row]:
        if isinstance(inner, tuple):  # sections that are no components
            for section in inner:
                yield from self.model(section, f"{path}.", get_args(section.model_fields["kind"].annotation))
        elif issubclass(inner, Kinds):
            yield from self.model(inner.base, f"{path}.")
            for section in inner.sections():
                names = section.entry.names
                if (path, names) not in self.documented:
                    self.documented.add((path, names))
                    yield from self.model(section, f"{path}.", names, inner.base.model_fields)
        else:
            yield from self.model(inner, f"{path}.")


def _choice(inner: Any) -> str:
    """The kinds of a group; empty if it has none."""
    if isinstance(inner, tuple):
        names = [kind for section in inner for kind in get_args(section.model_fields["kind"].annotation)]
        return ", ".join(f"`{kind}`" for kind in names)
    if not issubclass(inner, Kinds):
        return ""
    known = [f"`{kind}`" for kind in inner.known()]
    return ", ".join([*known, f"or `{OWN}`"]) if known else f"`{OWN}`"


def _row(path: str, kinds: tuple[str, ...], field: FieldInfo, text: str) -> Row:
    metadata = [*field.metadata, *_inner(field.annotation)]
    unit = next((m.name for m in metadata if isinstance(m, Unit)), "")
    meaning = (field.description or text).replace("\n", " ")
    return Row(path, kinds, _type(field.annotation, field.metadata), unit, _range(metadata), _default(field), meaning)


def _inner(annotation: Any) -> Iterator[Any]:
    """The metadata of an annotation and of its parts."""
    if get_origin(annotation) is Annotated:
        for m in get_args(annotation)[1:]:
            yield from (m.metadata if isinstance(m, FieldInfo) else (m,))
    for part in get_args(annotation):
        if part is not Ellipsis and get_origin(annotation) is not Literal:
            yield from _inner(part)


def _group(annotation: Any) -> Any:
    """The section or the kinds that a key holds, if any."""
    if get_origin(annotation) is Annotated:
        return _group(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, (BaseModel, Kinds)):
        return annotation
    if get_origin(annotation) in (Union, UnionType):
        found = [g for g in map(_group, get_args(annotation)) if g is not None]
        return tuple(found) if len(found) > 1 else next(iter(found), None)
    return _group(get_args(annotation)[0]) if get_origin(annotation) is tuple else None


def _is_list(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_list(get_args(annotation)[0])
    return get_origin(annotation) is tuple


def _type(annotation: Any, metadata: Any = ()) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(args[0], args[1:])
    if origin in (Union, UnionType):
        return " or ".join("none" if a is NoneType else _type(a) for a in args)
    if origin is Literal:
        return ", ".join(f"`{a}`" for a in args)
    if origin is tuple:
        if args[-1] is not Ellipsis:
            return f"[{', '.join(_type(a) for a in args)}]"
        alone = f"{_type(args[0])}, or a list of these"
        return alone if any(type(m).__name__ == "BeforeValidator" for m in metadata) else f"list of {_type(args[0])}"
    if isinstance(annotation, type) and issubclass(annotation, Kinds):
        return ("number of units, or " if annotation.plain else "") + f"a group of kind {_choice(annotation)}"
    return {float: "number", int: "whole number", bool: "true or false", str: "text"}.get(annotation, "anything")


def _range(metadata: list[Any]) -> str:
    bounds = {}
    for m in metadata:
        for name, sign in (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<=")):
            value = getattr(m, name, None)
            if value is not None and abs(value) < MOST:
                bounds.setdefault(sign, value)
    return ", ".join(f"{sign} {value:g}" for sign, value in bounds.items())


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "has to be given"
    if isinstance(value, BaseModel):
        return f"`{value.kind}`" if hasattr(value, "kind") else ""  # pyright: ignore[reportAttributeAccessIssue]
    return _plain(value)


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return ".inf" if math.isinf(value) else f"{value:g}"
    if isinstance(value, tuple):
        return _plain(value[0]) if len(value) == 1 else f"[{', '.join(map(_plain, value))}]"
    return str(value)


if __name__ == "__main__":
    print(page(), end="")
