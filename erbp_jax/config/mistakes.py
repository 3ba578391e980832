"""What is wrong with a config, in words: the path of the key, what was given, what is allowed."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from erbp_jax.archive import shown

_MUST_BE = {
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a group of keys",
    "mapping_type": "a group of keys",
    "model_type": "a group of keys",
    "model_attributes_type": "a group of keys",
    "string_type": "a text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_from_float": "a valid integer",
}
"""What a value must be, by pydantic's name of the mistake, where its own words are those of Python."""


def telling(errors: Sequence[Any]) -> list[Any]:
    """Pydantic's errors, without the words that a number could have been instead, where no word was given."""
    numbers = {e["loc"][:-1] for e in errors if e["type"] != "literal_error"}

    def idle(e: Any) -> bool:
        *place, tag = e["loc"] or ("",)
        return str(tag).startswith("literal[") and tuple(place) in numbers and not isinstance(e["input"], str)

    return [e for e in errors if not idle(e)]


def explained(error: Any, data: Any) -> str:
    """One pydantic error as `path: what is allowed, what was given`."""
    given, context, kind = error["input"], error.get("ctx", {}), error["type"]
    too_short = kind == "missing" and isinstance(error["loc"][-1], int)
    where = _path(error["loc"][:-1] if too_short else error["loc"], data)
    if kind == "unknown_kind":
        return unknown_kind(f"{where}.kind", context["given"], context["known"])
    if kind == "bad_kind":
        return f"{where}.kind: {context['message']}"
    if kind == "union_tag_invalid":
        return unknown_kind(f"{where}.kind", context["tag"], context["expected_tags"].replace("'", "").split(", "))
    if kind in ("union_tag_not_found", "no_kind"):
        return f"{where}.kind: missing; say which"
    if kind == "literal_error":
        return unknown_kind(
            where, given, [x.strip("' ") for x in context["expected"].replace(" or ", ", ").split(", ")]
        )
    if kind == "missing" and not too_short:
        return f"{where}: missing; what it is: erbp-jax explain {where}"
    if kind == "value_error":
        return f"{where}: {context['error']}" if where else str(context["error"])
    message = f"{_allowed(error, too_short)}, got {shown(repr(_as_written(given)))}"
    if kind == "number" and "," in str(given):
        message += "; several values are for erbp-jax sweep"
    return f"{where}: {message}" if where else message


def _path(loc: Sequence[str | int], data: Any) -> str:
    """The dotted key of a place, without the tags that pydantic adds for the chosen member of a union."""
    path, here = [], data
    for place, part in enumerate(loc, 1):
        if isinstance(here, Mapping):
            if part not in here and place < len(loc):
                continue
            here = here.get(part)
        elif isinstance(here, Sequence) and not isinstance(here, str) and isinstance(part, int):
            here = here[part] if part < len(here) else None
        elif isinstance(here, (int, float, str, Sequence)) or here is None:
            continue
        path.append(shown(str(part)))
    return ".".join(path)


def _allowed(error: Any, too_short: bool) -> str:
    if too_short:
        return "too few values"
    given, kind = error["input"], error["type"]
    if kind == "model_attributes_type" and isinstance(given, str) and given.isidentifier():
        key = "name" if error["loc"][-1:] == ("data",) else "kind"
        return f"must be a group of keys, e.g. {{{key}: {shown(given)}}}"
    if kind in _MUST_BE:
        return f"must be {_MUST_BE[kind]}"
    message = re.sub("^(Input|Tuple|String|List) should", "must", error["msg"])
    return message.replace(" after validation", "")


def _as_written(given: Any) -> Any:
    """Lists as a config has them."""
    return list(map(_as_written, given)) if isinstance(given, (list, tuple)) else given


def unknown_kind(where: str, given: Any, known: Sequence[str]) -> str:
    near = nearest(str(given), known)
    hint = f" (did you mean {near!r}?)" if near else ""
    return f"{where}: unknown: {shown(repr(given))}{hint}; known: {shown(', '.join(known), 400)}"


def nearest(given: str, known: Sequence[str]) -> str | None:
    """What a mistyped word was probably meant to be."""
    near = difflib.get_close_matches(given, known, n=1) if len(given) < 100 else []
    return near[0] if near else None
