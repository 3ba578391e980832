"""Are the values of a component of the types that its fields declare?

Annotations are for type checkers and configs; what is made in Python could hold anything, and a size of 4.5 or a text
in place of a transmission fails much later, in other words. A class that is `checked` refuses them as it is made::

    @checked
    @dataclass(frozen=True)
    class Adaptive:
        units: int          # 4.5, True and "4" are refused
        plastic: bool       # "no" and 0 are refused

Whatever is registered is checked. Ranges are the class's own business, and a ValueError of its own comes first, for it
can say more.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache, wraps
from inspect import signature
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np

from erbp_jax.errors import UserError
from erbp_jax.units import Unit

Class = TypeVar("Class", bound=type)

_PLAIN = (str, bytes, bool, int, float, complex, tuple, list, dict, set, NoneType)
"""Types of values that stand for themselves, and for no component."""
_WORDS = {int: "a whole number", float: "a number", bool: "True or False", str: "a text", NoneType: "None"}
_PLURALS = {int: "whole numbers", float: "numbers", bool: "truth values", str: "texts"}


def takes(function: Callable[..., Any], count: int) -> bool:
    """Whether a function may be called with so many arguments in order; one that does not say, may."""
    try:
        found = signature(function)
    except (TypeError, ValueError):  # some of C's
        return True
    try:
        found.bind(*(None,) * count)
    except TypeError:
        return False
    return True


def checked(cls: Class) -> Class:
    """Let a dataclass refuse values of other types than its fields declare; anything else stays as it is.

    It distinguishes whole numbers, numbers, truth values, texts, None, unions, tuples and components; NaN is no number.
    An annotation that says something else allows anything.

    >>> from dataclasses import dataclass
    >>> from erbp_jax.declared import checked
    >>> @checked
    ... @dataclass(frozen=True)
    ... class Layer:
    ...     units: int
    ...     bound: float | None = None
    >>> Layer(3, 1)
    Layer(units=3, bound=1)
    >>> Layer(4.5)
    Traceback (most recent call last):
    ValueError: Layer: units must be a whole number, got 4.5

    The class then raises:
        ValueError: the first such value; says what is allowed and what was given.
    """
    given: Any = vars(cls).get("__init__") if isinstance(cls, type) else None
    if given is None or not hasattr(cls, "__dataclass_fields__") or hasattr(given, "checks"):
        return cls
    original: Callable[..., None] = given
    names = [f.name for f in fields(cast(Any, cls)) if f.init and not f.kw_only]
    if list(signature(original).parameters)[1 : len(names) + 1] != names:  # written by hand
        return cls

    def refuse(self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        types = _types(cls)
        for name, value in (*zip(names, args, strict=False), *kwargs.items()):
            if name in types and not fits(value, types[name]):
                raise ValueError(f"{type(self).__name__}: {name} must be {words(types[name])}, got {_shown(value)}")

    @wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            original(self, *args, **kwargs)
        except (TypeError, AttributeError, LookupError, ArithmeticError, np.linalg.LinAlgError):  # expects another type
            refuse(self, args, kwargs)
            raise
        refuse(self, args, kwargs)

    init.checks = True  # pyright: ignore[reportAttributeAccessIssue]
    cls.__init__ = init
    return cls


@cache
def _types(cls: type) -> Mapping[str, Any]:
    """The annotations of a dataclass; those that are names of nothing here are left out."""
    try:
        return get_type_hints(cls, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {f.name: f.type for f in fields(cast(Any, cls)) if not isinstance(f.type, str)}


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value has the type of an annotation, as far as that can be determined."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return fits(value, args[0])
    if origin in (Union, UnionType):
        return any(fits(value, each) for each in args)
    if origin is tuple:
        return isinstance(value, tuple) and _parts_fit(value, args)
    if annotation is bool:
        return isinstance(value, (bool, np.bool_))
    if annotation is int:
        return isinstance(value, Integral) and not isinstance(value, bool)
    if annotation is float:
        return _is_number(value)
    if annotation in (str, NoneType):
        return isinstance(value, annotation)
    if origin is Callable:
        return callable(value)
    if isinstance(annotation, type) and annotation not in (Any, object, type):
        plain = type(value) in _PLAIN and not (type(value) is tuple and issubclass(annotation, tuple))  # named or not
        return not isinstance(value, type) and (not plain or _is(value, annotation))
    return True


def _parts_fit(value: tuple[Any, ...], args: tuple[Any, ...]) -> bool:
    if args[-1:] == (Ellipsis,):
        return all(fits(part, args[0]) for part in value)
    return not args or (len(value) == len(args) and all(map(fits, value, args)))


def _is_number(value: Any) -> bool:
    """Numbers, but no truth values and no NaN; also arrays without axes, whose values may not be known yet."""
    if isinstance(value, Real):
        return not isinstance(value, bool) and bool(value == value)
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return getattr(value, "shape", None) == () and kind in tuple("iuf")


def _is(value: Any, annotation: type) -> bool:
    try:
        return isinstance(value, annotation)
    except TypeError:  # a protocol that cannot be asked
        return False


def words(annotation: Any) -> str:
    """What an annotation allows: "a whole number or None", "a tuple of 3 whole numbers", "a Transmission"."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        in_ticks = any(isinstance(m, Unit) and m.change == "ticks" for m in args[1:])
        return words(args[0]) + (" of ticks" if in_ticks and args[0] is int else "")
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(words, args)))
    if origin is tuple:
        return _tuple_words(args)
    if origin is Callable:
        return "a function"
    if annotation in _WORDS:
        return _WORDS[annotation]
    name = getattr(annotation, "__name__", str(annotation))
    return f"{'an' if name[:1] in 'AEIOU' else 'a'} {name}"


def _tuple_words(args: tuple[Any, ...]) -> str:
    each = dict.fromkeys(arg for arg in args if arg is not Ellipsis)
    if len(each) != 1:
        return f"a tuple of {', '.join(map(words, args))}" if args else "a tuple"
    one = next(iter(each))
    count = "" if args[-1] is Ellipsis else f"{len(args)} "
    return f"a tuple of {count}{_PLURALS.get(one) or 'parts, each ' + words(one)}"


def _shown(value: Any) -> str:
    text = f"the class {value.__name__}" if isinstance(value, type) else repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def having(name: str, value: Any, members: tuple[str, ...], wanted: str) -> None:
    """Refuse what has not the members of its kind.

    Raises:
        UserError: says what was given and what is wanted.
    """
    if isinstance(value, type) or any(not hasattr(value, member) for member in members):
        given = f"the class {value.__name__}" if isinstance(value, type) else repr(value)
        raise UserError(f"{name}: must be {wanted}, got {given[:100]}")
