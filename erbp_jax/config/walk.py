"""Which section of the schema the data of a config is of."""

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from erbp_jax.config.sections import DEFAULTS, IMPLIED, Kinds
from erbp_jax.errors import UserError


def parts_of(annotation: Any, value: Any) -> Iterator[tuple[Any, Any, tuple[str, ...]]]:
    """The value, or of a list each of its parts, with what it is checked against and its place in the list."""
    listed = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    if get_origin(listed) is tuple and isinstance(value, (list, tuple)):
        yield from ((get_args(listed)[0], part, (str(i),)) for i, part in enumerate(value))
    else:
        yield annotation, value, ()


def section_of(annotation: Any, value: Any) -> type[BaseModel] | None:
    """The section that a value is checked against; of a union the one of its `kind`, if that is known."""
    for option in members(annotation):
        if isinstance(option, type) and issubclass(option, Kinds):
            return section_of_kind(option, value)
    sections = [o for o in options(annotation) if isinstance(o, type) and issubclass(o, BaseModel)]
    if len(sections) == 1:
        return sections[0]
    if isinstance(value, Mapping):
        for section in sections:
            kinds = get_args(section.model_fields["kind"].annotation)
            if value.get("kind") in kinds:
                return section
    return None


def section_of_kind(wanted: type[Kinds], value: Any) -> type[BaseModel] | None:
    """The section of a value's kind; None if there is none, which is reported when the value is checked."""
    if not isinstance(value, Mapping):
        return None
    if wanted.bare and "kind" not in value:
        return wanted.base
    try:
        return wanted.section(value.get("kind", DEFAULTS[wanted.group] if wanted.group in IMPLIED else None))
    except UserError:
        return None


def kinds_with(annotation: Any, key: str) -> list[str]:
    """The kinds of a section that have a key; none where it has no kinds."""
    sections = [o for o in options(annotation) if isinstance(o, type) and issubclass(o, BaseModel)]
    having = [o for o in sections if key in o.model_fields and "kind" in o.model_fields]
    return [kind for section in having for kind in get_args(section.model_fields["kind"].annotation)]


def options(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, of unions within it too; of a group of keys with a kind all sections."""
    found = []
    for member in members(annotation):
        if isinstance(member, type) and issubclass(member, Kinds):
            found += [*([member.base] if member.bare else []), *member.sections()]
        else:
            found.append(member)
    return tuple(found)


def members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, of unions within it too."""
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(option for member in get_args(annotation) for option in members(member))
    return (annotation,)
