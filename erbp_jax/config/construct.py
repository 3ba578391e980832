"""From a section of a config to the component that it describes: units change here, once."""

from collections.abc import Mapping
from typing import Any

from erbp_jax.config.sections import ComponentSection
from erbp_jax.errors import UserError
from erbp_jax.registry import Context, check_made
from erbp_jax.units import Clock, in_library


def construct(
    section: ComponentSection, key: str, clock: Clock, given: Mapping[str, Any] | None = None, parent: Any = None
) -> Any:
    """The component of a section; `key` is where the config has it, `given` what the builder knows.

    Raises:
        UserError: a time off the grid of ticks, something that this place of a config cannot give, or a function that
            makes something else than its group wants; names the key.
        ValueError: what the component itself refuses.
    """
    entry, given = section.entry, {"dt": clock.dt, **(given or {})}
    values: dict[str, Any] = {}
    for declared in section.keys:
        name = declared.name
        if declared.given == "context":
            values[name] = Context(key, clock, given, section, parent)
        elif declared.given is not None:
            if declared.given not in given:
                raise UserError(f"{key}.kind: {section_kind(section)} needs {declared.given}, which is not known here")
            values[name] = given[declared.given]
        else:
            value = getattr(section, name)
            if isinstance(value, ComponentSection):
                values[name] = construct(value, f"{key}.{name}", clock, given, section)
            else:
                values[name] = in_library(value, declared.metadata, f"{key}.{name}", clock)
    make = entry.about.get("remake", entry.make)
    made = make(**values) if not entry.outside else _outside(make, values, key, section)
    if entry.finish is not None:
        made = entry.finish(made)
    if entry.outside and made is not None:
        check_made(entry.group, made, f"{key}.kind: {section_kind(section)}")
    return made


def section_kind(section: Any) -> str:
    """The kind that a section specifies."""
    return repr(section.kind)


def _outside(make: Any, values: dict[str, Any], key: str, section: Any) -> Any:
    """Call user code; an exception is reported with the key that named the code."""
    try:
        return make(**values)
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"{key}: {section_kind(section)}: {error}") from None
    except Exception as error:
        raise UserError(f"{key}: {section_kind(section)} raised {type(error).__name__}: {error}") from None
