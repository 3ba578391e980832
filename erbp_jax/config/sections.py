"""Sections of a config, made from what the registry knows: one field for each key of a component.

`kinds(group)` is the type of a group of keys whose `kind` names a component; the section that it is checked against is
made from the component's own declaration, once.
"""

from collections.abc import Mapping
from dataclasses import MISSING
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, create_model, model_validator
from pydantic_core import PydanticCustomError, PydanticKnownError, core_schema

from erbp_jax.config.annotations import Key, keys_of, summary
from erbp_jax.config.schema.base import MOST, Bound, Finite, Integer, Section, listed
from erbp_jax.errors import UserError
from erbp_jax.registry import Entry, entries, find
from erbp_jax.units import Above, AtLeast, AtMost, Below, Infinite, Listed, Part, Unit

DEFAULTS = {
    "neuron": "lif",
    "noise": "none",
    "surrogate": "boxcar",
    "encoder": "poisson",
    "rule": "erbp",
    "loss": "cross_entropy",
    "kernel": "exponential",
    "modulator": "none",
    "bins": "bins",
    "augment": "events",
}
"""Kinds of groups of keys that do not say theirs; errors list them first."""


IMPLIED = ("bins", "augment")
"""Groups whose default kind holds wherever they are given without one: the library has no other."""


class ComponentSection(Section):
    """The keys of a component."""

    entry: ClassVar[Entry]
    keys: ClassVar[tuple[Key, ...]]

    if TYPE_CHECKING:
        kind: str

        def __getattr__(self, name: str) -> Any: ...


class Unsupported(Exception):  # noqa: N818 (caught at once)
    """An annotation of which a config can give no value."""


def make_section(entry: Entry, base: type[Section]) -> type[ComponentSection]:
    """The section of an entry: the keys of `base`, then `kind`, then its own."""
    return _made(entry, base)


@cache
def _made(entry: Entry, base: type[Section]) -> type[ComponentSection]:
    keys: list[Key] = []
    fields: dict[str, Any] = {}
    for key in keys_of(entry):
        if key.given is not None or key.name in ("kind", *base.model_fields):
            keys.append(key)
            continue
        try:
            fields[key.name] = _field(key)
        except Unsupported:
            if key.default is MISSING:
                raise UserError(
                    f"{entry.kind!r}: a config cannot give {key.name!r}, {key.annotation}: numbers, texts, truth "
                    "values and lists of these are keys; give it a default, or name a function that makes it"
                ) from None
            continue
        keys.append(key)
    if entry.group == "rule" and "burn_in" not in fields and entry.about.get("burn_in", 0.0) is not None:
        fields["burn_in"] = _burn_in(float(entry.about.get("burn_in", 0.0)))
    said = DEFAULTS.get(entry.group) in entry.names
    kind = (Literal[entry.names], entry.names[0] if said else ...)
    extra: dict[str, Any] = {"together": model_validator(mode="after")(_checked)} if entry.check else {}
    made: Any = create_model(  # pyright: ignore[reportCallIssue]
        f"{entry.group}_{entry.kind}",
        __base__=(ComponentSection, base),
        __doc__=summary(entry.make),
        __validators__=extra,
        **{"kind": kind, **fields},
    )
    made.entry, made.keys = entry, tuple(keys)
    return made


def _checked(section: Any) -> Any:
    section.entry.check(section)
    return section


def _burn_in(default: float) -> Any:
    meaning = "Time at the start of a presentation without learning."
    return Annotated[Finite, Field(ge=0), Unit("ms", "ticks")], Field(default, description=meaning)


def _field(key: Key) -> Any:
    """The annotation and the default that pydantic checks a key by."""
    annotation = _annotation(key.annotation, key.metadata)
    default = _default(key, annotation)
    meaning = key.meaning or None
    return annotation, Field(description=meaning) if default is MISSING else Field(default, description=meaning)


def _annotation(base: Any, metadata: tuple[Any, ...]) -> Any:
    if get_origin(base) is Annotated:
        base, *inner = get_args(base)
        return _annotation(base, (*inner, *metadata))
    if part := next((m for m in metadata if isinstance(m, Part)), None):
        return kinds(part.group)
    if base is Any:
        return Annotated[Any, BeforeValidator(_plain)]
    origin, args = get_origin(base), get_args(base)
    if origin in (Union, UnionType):
        rest = [a for a in args if a is not NoneType]
        if len(rest) != 1:
            raise Unsupported
        return _annotation(rest[0], metadata) | None
    if origin is Literal or base is bool:
        return base
    if base is str:
        return Annotated[str, Field(max_length=4096)]
    if origin in (tuple, list):
        return _list(args, metadata)
    if base is float or base is int:
        return _number(base, metadata)
    raise Unsupported


def _plain(value: Any) -> Any:
    """A value that says nothing of its type: lists as tuples, which have a hash, and no groups of keys."""
    if isinstance(value, Mapping):
        raise PydanticCustomError("group", "must be a number, a text, a truth value or a list, no group of keys")
    return tuple(map(_plain, value)) if isinstance(value, (list, tuple)) else value


def _number(base: type, metadata: tuple[Any, ...]) -> Any:
    unit = next((m for m in metadata if isinstance(m, Unit)), None)
    real = base is float or (unit is not None and unit.change == "ticks")  # ticks are given in ms
    bounds: dict[str, float] = {} if real else {"ge": -MOST, "le": MOST}
    for bound in metadata:
        for kind, name in ((AtLeast, "ge"), (Above, "gt"), (AtMost, "le"), (Below, "lt")):
            if isinstance(bound, kind):
                bounds[name] = bound.value if real else int(bound.value)
    if "gt" in bounds and "ge" in bounds:
        del bounds["ge" if bounds["gt"] >= bounds["ge"] else "gt"]
    infinite = any(isinstance(m, Infinite) for m in metadata)
    kind = (Bound if infinite else Finite) if real else Integer
    kept = tuple(m for m in metadata if isinstance(m, Unit))
    return Annotated[(kind, Field(**bounds), *kept)] if bounds or kept else kind  # pyright: ignore


def _list(args: tuple[Any, ...], metadata: tuple[Any, ...]) -> Any:
    shape = next((m for m in metadata if isinstance(m, Listed)), None)
    inner = tuple(m for m in metadata if not isinstance(m, (Listed, str)))
    first, *others = args or (None,)
    if first is None:
        raise Unsupported
    if others and others[-1] is not Ellipsis:
        return tuple[tuple(_annotation(arg, inner) for arg in args)]  # pyright: ignore
    many = tuple[_annotation(first, inner), ...]
    if shape is None:
        return many
    before = BeforeValidator(_list_of_lists if shape.of_lists else listed)
    return Annotated[many, before, Field(min_length=1)]


def _list_of_lists(value: Any) -> Any:
    """`[low, high]` for all, or a list of such pairs."""
    if isinstance(value, (list, tuple)) and value and not isinstance(value[0], (list, tuple)):
        return (tuple(value),)
    return value


def _default(key: Key, annotation: Any) -> Any:
    """As a config has it: what it is at ticks of 1 ms; a component as its section."""
    if isinstance(annotation, type) and issubclass(annotation, Kinds):
        return _section_of(annotation.group, key.default)
    if key.default is MISSING or key.default is None:
        return key.default
    return at_a_millisecond(key.default, key)


def at_a_millisecond(value: Any, key: Key) -> Any:
    """A number of the library in the unit of a config, at ticks of 1 ms."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    change = next((m.change for m in key.metadata if isinstance(m, Unit)), "none")
    if change == "rate":
        return 1e3 * value
    return float(value) if change == "ticks" or key.annotation is float else value


def _section_of(group: str, made: Any) -> Any:
    """The section that makes a component, where a class is registered whose fields are the keys."""
    if made is MISSING:
        return MISSING
    if made is None:
        return default_section(group, "none")
    for entry in entries(group):
        if entry.make is type(made):
            section = make_section(entry, BASES.get(group, Section))
            keys = [key for key in section.keys if key.name in section.model_fields]
            values = {key.name: at_a_millisecond(getattr(made, key.name), key) for key in keys}
            return section.model_validate({"kind": entry.kind, **values})
    raise Unsupported


class Kinds:
    """The type of a group of keys with a `kind`; one subclass per group."""

    group: ClassVar[str]
    base: ClassVar[type[Section]] = Section
    bare: ClassVar[bool] = False
    """Whether keys without a `kind` are those of the base alone."""
    plain: ClassVar[Any] = None
    """Values accepted in place of a group of keys, such as a number of units."""

    @classmethod
    def sections(cls) -> tuple[type[ComponentSection], ...]:
        """Those of the registered kinds, the default first."""
        found = sorted(entries(cls.group), key=lambda e: (DEFAULTS.get(cls.group) not in e.names, e.kind))
        return tuple(make_section(entry, cls.base) for entry in found if not entry.outside)

    @classmethod
    def known(cls) -> list[str]:
        """The registered kinds, the default first."""
        return [name for section in cls.sections() for name in section.entry.names]

    @classmethod
    def section(cls, kind: Any) -> type[ComponentSection] | None:
        """The section of a kind; None if there is none.

        Raises:
            UserError: as `registry.find`.
        """
        entry = find(cls.group, kind) if isinstance(kind, str) else None
        return entry and make_section(entry, cls.base)

    @classmethod
    def validate(cls, value: Any) -> Any:
        """A section from plain data."""
        if isinstance(value, cls.base):
            return value
        if not isinstance(value, Mapping):
            if cls.plain is not None and not isinstance(value, (list, tuple)):
                return _adapter(cls.plain).validate_python(value)
            raise PydanticKnownError("model_attributes_type")
        if "kind" not in value and cls.bare:
            return cls.base.model_validate(value)
        if "kind" not in value and cls.group in IMPLIED:
            value = {"kind": DEFAULTS[cls.group], **value}
        if "kind" not in value:
            raise PydanticCustomError("no_kind", "missing; say which")
        try:
            section = cls.section(value["kind"])
        except UserError as error:
            raise PydanticCustomError("bad_kind", "{message}", {"message": str(error)}) from None
        if section is None:
            raise PydanticCustomError(
                "unknown_kind", "unknown", {"given": value["kind"], "known": cls.known() or ["my_package.module:Name"]}
            )
        return section.model_validate(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        del source, handler
        dump = core_schema.plain_serializer_function_ser_schema(_dumped, info_arg=True)
        return core_schema.no_info_plain_validator_function(cls.validate, serialization=dump)


@cache
def _adapter(plain: Any) -> TypeAdapter:
    return TypeAdapter(plain)


def _dumped(value: Any, info: Any) -> Any:
    return value.model_dump(mode=info.mode) if isinstance(value, BaseModel) else value


BASES: dict[str, type[Section]] = {}
"""What the sections of a group have besides the keys of the component."""


@cache
def kinds(group: str, base: type[Section] = Section, plain: Any = None, bare: bool = False) -> Any:
    """The type of a group of keys whose `kind` names a component of a group of the registry."""
    if base is not Section:
        BASES[group] = base
    return type(f"{group}_kinds", (Kinds,), {"group": group, "base": base, "plain": plain, "bare": bare})


def default_section(group: str, kind: str | None = None) -> Any:
    """The section of a kind with all its defaults; of the group's default kind unless another is asked for."""
    kind = kind or DEFAULTS[group]
    entry = find(group, kind)
    assert entry is not None, kind
    return make_section(entry, BASES.get(group, Section)).model_validate({"kind": kind})
