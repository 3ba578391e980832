"""Keys and kinds that configs once had: the old default loads silently, anything else is refused with the reason."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from erbp_jax.archive import shown


class Key(NamedTuple):
    """A key that is gone."""

    path: str
    default: Any
    reason: str


class Kind(NamedTuple):
    """A kind that is gone; other kinds of its group remain."""

    path: str  # of the group
    kind: str
    reason: str


_FLOOR = "error neurons without a floor learned clearly worse (7.5 against 4.3 %, docs/lab/fully_connected.md)"
_PER_MAP = (
    "one weight for all positions of a map was far worse than one for each (44 against 13 %, docs/lab/convolution.md)"
)
_TWO_COMPARTMENTS = "it was `lif` beside a dendrite that nothing drove; write `lif`"
_GAUSSIAN = "no experiment used the normal current; take blank_out, or shared_blank_out, which is cheaper"

KEYS = (
    Key("rule.error_floor", True, _FLOOR),
    Key("rule.feedback", "dense", _PER_MAP),
)
KINDS = (
    Kind("network.transmission", "gaussian_blank_out", _GAUSSIAN),
    Kind("network.neuron", "two_compartment", _TWO_COMPARTMENTS),
    Kind("network.output_neuron", "two_compartment", _TWO_COMPARTMENTS),
    Kind("neuron", "two_compartment", _TWO_COMPARTMENTS),
)


def without_retired(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The data without what is retired, and a line for each value that cannot be left out: its path, what was given,
    the reason."""
    data, mistakes = dict(data), []
    for path, default, reason in KEYS:
        group, _, name = path.rpartition(".")
        section = _at(data, group)
        if section is None or name not in section:
            continue
        if section[name] != default:
            mistakes.append(f"{path}: retired, was {shown(repr(default))}, got {shown(repr(section[name]))}: {reason}")
        data = _with(data, group, {key: value for key, value in section.items() if key != name})
    for path, kind, reason in KINDS:
        section = _at(data, path)
        if section is not None and section.get("kind") == kind:
            mistakes.append(f"{path}.kind: {kind!r} is retired: {reason}")
            data = _with(data, path, None)  # its other keys are no further mistakes
    return data, mistakes


def _at(data: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """The group at a dotted path, if there is one."""
    here: Any = data
    for part in path.split("."):
        here = here.get(part) if isinstance(here, Mapping) else None
    return here if isinstance(here, Mapping) else None


def _with(data: Mapping[str, Any], path: str, section: Mapping[str, Any] | None) -> dict[str, Any]:
    """The data with another group at a dotted path, or without it."""
    first, _, rest = path.partition(".")
    if rest:
        return {**data, first: _with(data[first], rest, section)}
    others = {key: value for key, value in data.items() if key != first}
    return others if section is None else {**others, first: section}
