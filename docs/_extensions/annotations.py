"""Annotations as a reader wants them: `Time` and not `Annotated[float, Unit("ms", "time"), AtLeast(0.0)]`."""

import functools
import operator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from api_names import found, told
from sphinx.application import Sphinx

UNITS = ("Time", "Ticks", "Rate", "PerMs", "Ms", "Hertz")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", _shorten)
    return {"parallel_read_safe": True}


def _shorten(app: Sphinx) -> None:
    """In this process, which builds nothing else of these classes."""
    del app
    seen: set[int] = set()
    for path in told():
        thing = found(path)
        for one in thing.__mro__ if isinstance(thing, type) else (thing,):
            if getattr(one, "__module__", "").startswith("erbp_jax") and id(one) not in seen:
                seen.add(id(one))
                _of(one)
                for member in vars(one).values() if isinstance(one, type) else ():
                    _of(getattr(member, "fget", member))


def _of(thing: Any) -> None:
    annotations = getattr(thing, "__dict__", {}).get("__annotations__") or getattr(thing, "__annotations__", None)
    if isinstance(annotations, dict):
        annotations.update({name: _plain(annotation) for name, annotation in annotations.items()})


@functools.cache
def _units() -> list[tuple[Any, type]]:
    import erbp_jax

    named = [(getattr(erbp_jax, name), type(name, (), {"__module__": "erbp_jax"})) for name in UNITS]
    from erbp_jax.units import PositiveTime

    return [*named, (PositiveTime, named[0][1])]


def _plain(annotation: Any) -> Any:
    """The annotation without what stands in an `Annotated`, units by their names."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        metadata = annotation.__metadata__
        for unit, stand_in in _units():
            if args[0] is unit.__origin__ and metadata[:1] == unit.__metadata__[:1]:
                return stand_in
        return _plain(args[0])
    if origin in (Union, UnionType):
        return functools.reduce(operator.or_, [_plain(arg) for arg in args])
    if origin is tuple:
        return tuple[tuple(arg if arg is Ellipsis else _plain(arg) for arg in args)]
    return annotation
