"""What can be named in a config: classes and functions, registered where they are written.

A component is registered by its group and the kind that a config writes::

    @register("neuron", "lif")
    @dataclass(frozen=True)
    class LIF: ...

The fields of a dataclass, or the parameters of a function that makes the component, are the keys of its section; their
annotations carry units and ranges (`erbp_jax.units`). There is no list to keep: the folders of the package are
imported when a kind of their group is looked for.

What is not of this package is named by its module, `kind: my_package.module:MyNeuron`, and need not be registered
(`erbp_jax.outside`).
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any, Literal, NamedTuple, TypeVar, cast, get_args

from erbp_jax.declared import checked
from erbp_jax.errors import UserError
from erbp_jax.outside import PACKAGE, imported
from erbp_jax.units import Clock

Made = TypeVar("Made", bound=Callable[..., Any])

Place = Literal["normalise", "rate", "write", "bound", "count"]
"""Where a trick stands, in the order of the chain: `normalise` before momentum, `rate` between momentum and the
learning rate, and after it `write`, `bound`, then rounding, then `count`."""


@dataclass(frozen=True)
class Group:
    """Interchangeable components."""

    folders: tuple[str, ...]
    """Of the package, where the library's own are."""
    wanted: tuple[str, ...] = ()
    """Members that each of them has."""
    given: tuple[str, ...] = ("dt",)
    """Names of parameters that are not keys, because the builder supplies their values."""
    places: tuple[str, ...] = ()
    """What `register(..., place=)` may say, where the group has places."""


GROUPS = {
    "neuron": Group(("neurons",), ("init_state", "step")),
    "adaptation": Group(("neurons",), ("init_state", "step", "adapt"), ("neuron",)),
    "noise": Group(("neurons",), ("sample",)),
    "surrogate": Group(("neurons",), ("derivative",)),
    "connection": Group(
        ("connections",), ("init", "init_state", "plasticity"),
        ("dt", "inputs", "input_shape", "init_gain", "transmission"),
    ),
    "encoder": Group(("encoding",), ("init_state", "__call__"), ("dt", "steps")),
    "rule": Group(("learning",), ("init", "init_state", "block"), ("dt", "steps", "network", "classes")),
    "loss": Group(("learning",), ("__call__",)),
    "kernel": Group(("kernels",), ("window", "__call__")),
    "modulator": Group(("learning",), ("over", "init_state")),
    "task": Group(("tasks",), ("init_state", "observe", "score", "answer"), ("dt", "steps", "classes", "variance")),
    "trick": Group(("learning.tricks",), ("init", "update"), places=get_args(Place)),
    "data": Group(()),
    "bins": Group(("data.events",), ("shape", "bytes_a_tick", "__call__"), ("dt", "steps")),
    "augment": Group(("data.events",), ("copies", "__call__")),
}  # fmt: skip
"""What each group's components have, and what they are given: for a connection its presynaptic side, for a rule the
network that it is to train."""


@dataclass(frozen=True)
class Entry:
    """A component that a config can name."""

    group: str
    names: tuple[str, ...]
    make: Callable[..., Any]
    """The class, or the function that makes the component."""
    finish: Callable[[Any], Any] | None = None
    """From what `make` makes to the component, where these are not the same."""
    check: Callable[[Any], None] | None = None
    """Refuses a section whose keys contradict each other, by a ValueError."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What only one group needs to know."""
    defaults: Mapping[str, Any] | None = None
    """Of keys, where they are those of an instance."""
    outside: bool = False
    """Whether it is of a module that a config names."""

    @property
    def kind(self) -> str:
        return self.names[0]

    def __hash__(self) -> int:
        return hash((self.group, self.names, id(self.make)))


class Context(NamedTuple):
    """Where a component stands in a config, for a function that asks for it by a parameter annotated so."""

    key: str  # dotted, of its section
    clock: Clock
    given: Mapping[str, Any]  # what the builder knows: `network`, `classes`, `inputs`, ...
    section: Any  # its section, in the units of the config
    parent: Any = None  # the section that it is a part of

    @property
    def dt(self) -> float:
        """The length of a tick, ms."""
        return self.clock.dt


_ENTRIES: dict[tuple[str, str], Entry] = {}
_OUTSIDE: dict[tuple[str, str], tuple[Any, Entry]] = {}


def register(
    group: str,
    *kinds: str,
    finish: Callable[[Any], Any] | None = None,
    check: Callable[[Any], None] | None = None,
    **about: Any,
) -> Callable[[Made], Made]:
    """Let configs name a class, or a function that makes a component, as one of the `kinds` of its group.

    A dataclass is `checked`: made with a value of another type than a field declares, it raises a ValueError.

    >>> from dataclasses import dataclass
    >>> from erbp_jax.registry import find, register
    >>> from erbp_jax.units import Time
    >>> @register("noise", "silence")
    ... @dataclass(frozen=True)
    ... class Silence:
    ...     tau: Time = 3.0
    ...     def sample(self, key, n):
    ...         return 0.0
    >>> find("noise", "silence").make.__name__
    'Silence'

    Raises:
        ValueError: no such group, no kind, a kind that something else has, or a place that the group has not.
    """
    if group not in GROUPS or not kinds:
        raise ValueError(f"register: a group and at least one kind, got {group!r} and {kinds}; {', '.join(GROUPS)}")
    places = GROUPS[group].places
    if places and about.get("place", places[0]) not in places:
        raise ValueError(
            f"register: {group} {kinds[0]!r}: place must be one of {', '.join(places)}, got {about['place']!r}"
        )

    def keep(made: Made) -> Made:
        entry = Entry(group, kinds, made, finish, check, about)
        for kind in kinds:
            there = _ENTRIES.get((group, kind))
            if there is not None and _name(there.make) != _name(made):
                raise ValueError(f"register: {group} {kind!r} is {_name(there.make)}; {_name(made)} needs another kind")
            _ENTRIES[group, kind] = entry
        checked(cast(Any, made))
        return made

    return keep


def _name(made: Any) -> str:
    return f"{getattr(made, '__module__', '?')}.{getattr(made, '__qualname__', type(made).__qualname__)}"


@cache
def _discover(group: str) -> None:
    """Import the folders of a group, in alphabetical order."""
    for folder in GROUPS[group].folders:
        module = importlib.import_module(f"{PACKAGE}.{folder}")
        for found in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{module.__name__}."):
            importlib.import_module(found.name)


def entries(group: str) -> list[Entry]:
    """All that are registered in a group, each once."""
    _discover(group)
    return list(dict.fromkeys(entry for (of, _), entry in _ENTRIES.items() if of == group))


def find(group: str, kind: str) -> Entry | None:
    """What a config means by a kind; None if nothing is registered under it.

    Raises:
        UserError: a `module:Name` that may not be imported here, cannot be, or is not what the group wants.
    """
    if ":" in kind:
        return _outside(group, kind)
    _discover(group)
    return _ENTRIES.get((group, kind))


def lacks(group: str, thing: Any) -> list[str]:
    """Members that a component of a group has, and a thing has not."""
    return [name for name in GROUPS[group].wanted if not hasattr(thing, name)]


def check_made(group: str, made: Any, what: str) -> None:
    """Refuse what is not a component of a group, or has no hash: programs are compiled for it.

    Raises:
        UserError: says what it is, and what it lacks.
    """
    if isinstance(made, type) or lacks(group, made):
        given = f"the class {made.__name__}" if isinstance(made, type) else type(made).__name__
        raise UserError(f"{what} is no {group}, which has {', '.join(GROUPS[group].wanted)}; got {given}")
    if not GROUPS[group].wanted:  # a data set holds arrays, and nothing is compiled for it
        return
    try:
        hash(made)
    except TypeError as error:
        raise UserError(
            f"{what} cannot be compiled for: {error}; write it as @dataclass(frozen=True) with plain numbers, arrays "
            "belong to its parameters"
        ) from None


# What is not of this package


def _outside(group: str, kind: str) -> Entry:
    thing = imported(kind)
    known = _OUTSIDE.get((group, kind))
    if known is None or known[0] is not thing:  # one entry for one thing, so that equal configs have equal sections
        known = _OUTSIDE[group, kind] = thing, _entry(group, kind, thing)
    return known[1]


def _entry(group: str, kind: str, thing: Any) -> Entry:
    wanted = GROUPS[group].wanted
    registered = next((e for e in _ENTRIES.values() if e.group == group and e.make is thing), None)
    if registered is not None:
        return replace(registered, names=(kind,), outside=True)
    if isinstance(thing, type):
        if missing := lacks(group, thing):
            raise UserError(f"{kind!r}: a {group} has {', '.join(wanted)}; the class lacks {', '.join(missing)}")
        return Entry(group, (kind,), thing, outside=True)
    if wanted and not lacks(group, thing):
        return _of_instance(group, kind, thing)
    if not callable(thing) or isinstance(thing, ModuleType):
        raise UserError(f"{kind!r}: a {group} is a class, or a function that makes one; got {type(thing).__name__}")
    return Entry(group, (kind,), thing, outside=True)


def _of_instance(group: str, kind: str, thing: Any) -> Entry:
    """A component that stands ready in its module; the fields of a dataclass are its keys."""

    def remake(**changes: Any) -> Any:
        return replace(thing, **changes) if changes else thing

    if not is_dataclass(thing):
        return Entry(group, (kind,), lambda: thing, outside=True)
    values = {name: getattr(thing, name) for name in thing.__dataclass_fields__}
    return Entry(group, (kind,), type(thing), about={"remake": remake}, defaults=values, outside=True)
