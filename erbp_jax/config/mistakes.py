"""What is wrong with a config, in words: the path of the key, what was given, what is allowed."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from erbp_jax.archive import shown


def explained(error: Any, data: Any) -> str:
    """One pydantic error as `path: what is allowed, what was given`."""
    path, here = [], data
    for place, part in enumerate(error["loc"], 1):
        if isinstance(here, Mapping) and part not in here and place < len(error["loc"]):
            continue  # the tag that pydantic adds for the chosen member of a union
        if isinstance(here, (int, float, str)) or here is None:
            continue  # likewise, of a union with plain values
        path.append(shown(str(part)))
        if isinstance(here, Mapping):
            here = here.get(part)
        elif isinstance(here, Sequence) and not isinstance(here, str) and isinstance(part, int):
            here = here[part] if part < len(here) else None
    given, context, kind = error["input"], error.get("ctx", {}), error["type"]
    where = ".".join(path)
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
    if kind == "missing":
        return f"{where}: missing"
    message = (
        str(context["error"])
        if kind == "value_error"
        else re.sub("^(Input|Tuple|String|List) should", "must", error["msg"])
    )
    got = "" if kind == "value_error" else f", got {shown(repr(given))}"
    return f"{where}: {message}{got}" if where else f"{message}{got}"


def unknown_kind(where: str, given: Any, known: Sequence[str]) -> str:
    near = nearest(str(given), known)
    hint = f" (did you mean {near!r}?)" if near else ""
    return f"{where}: unknown: {shown(repr(given))}{hint}; known: {shown(', '.join(known), 400)}"


def nearest(given: str, known: Sequence[str]) -> str | None:
    """What a mistyped word was probably meant to be."""
    near = difflib.get_close_matches(given, known, n=1) if len(given) < 100 else []
    return near[0] if near else None
