"""YAML as plain data: mappings of texts, lists, texts, numbers, truth values and null. Nothing in it is ever resolved.

Numbers are decimal: `2e-4` and `.5` are, while `010`, `1_0`, `1:30` and `0x10`, which YAML 1.1 reads as 8, 10, 90 and
16, stay the texts that they are, so that whoever wants a number refuses them. `yes`, `no`, `on` and `off` are truth
values, as in YAML 1.1. A `$` is a plain character. Anchors, aliases and merge keys work within bounds.
"""

import re
from typing import Any

import yaml

from erbp_jax.archive import shown
from erbp_jax.errors import UserError

try:
    from yaml import CSafeLoader as BaseLoader
except ImportError:  # PyYAML without its C library
    from yaml import SafeLoader as BaseLoader

MAX_BYTES = 2**20
"""Of a file; the characters of all values, aliases written out, are held to it, too."""
MAX_VALUES = 10_000
"""Keys and values, aliases written out."""
MAX_DEPTH = 20
"""Groups and lists within each other."""

_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,299})$")
_FLOAT = re.compile(
    r"[-+]?(?:(?:[0-9]{1,300}\.[0-9]{0,300}|\.[0-9]{1,300})(?:[eE][-+]?[0-9]{1,5})?|[0-9]{1,300}[eE][-+]?[0-9]{1,5})$"
)
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)$|\.(?:nan|NaN|NAN)$")
_TRUTHS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_BOOLEAN = re.compile("|".join(f"{f(word)}$" for word in _TRUTHS for f in (str.lower, str.capitalize, str.upper)))
_NULL = re.compile(r"(?:~|null|Null|NULL|)$")


class _Loader(BaseLoader):  # pyright: ignore[reportGeneralTypeIssues]
    """Composes nodes; how a plain scalar is read is for the patterns above to say."""

    yaml_implicit_resolvers = {}  # noqa: RUF012


class _Dumper(yaml.SafeDumper):
    """Puts texts in quotes that this module or a reader of YAML 1.1 would take for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True

    def represent_text(self, data: str) -> yaml.Node:
        """In double quotes, which can hold every character, where there are some that others cannot."""
        return self.represent_scalar(_TAG + "str", data, style=None if data.isprintable() else '"')


_Dumper.add_representer(str, _Dumper.represent_text)


for _tag, _pattern, _first in (
    ("int", _INTEGER, "-+0123456789"),
    ("float", _FLOAT, "-+0123456789."),
    ("float", _SPECIAL, "-+."),
    ("bool", _BOOLEAN, "yYnNtTfFoO"),
    ("null", _NULL, ["~", "n", "N", ""]),
    ("merge", re.compile("<<$"), "<"),
):
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(_TAG + _tag, _pattern, list(_first))


def parse(text: str) -> Any:
    """The value that a YAML document describes; None if it is empty.

    Raises:
        UserError: without a place in front; not YAML, or larger, deeper or other than plain data.
    """
    try:
        if len(text.encode()) > MAX_BYTES:
            raise UserError(f"more than {MAX_BYTES:,} bytes")
        _look_through(text)
        node = yaml.compose(text, Loader=_Loader)
    except UnicodeEncodeError as error:
        raise UserError(f"not text in UTF-8 (character {error.start + 1:,})") from None
    except yaml.MarkedYAMLError as error:
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        raise UserError(f"not YAML: {_at(error.problem_mark)}{shown(reason, 200)}") from None
    except yaml.YAMLError as error:
        raise UserError(f"not YAML: {shown(' '.join(str(error).split()), 200)}") from None
    return None if node is None else _Builder().value(node, 0)


def dump(data: Any) -> str:
    """Plain data as YAML; `parse` reads it back."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False)


def _look_through(text: str) -> None:
    """Size, depth and tags of a document, before anything is built of it."""
    depth = values = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        values += isinstance(event, yaml.NodeEvent)
        if depth > MAX_DEPTH:
            raise UserError(f"{_at(event.start_mark)}more than {MAX_DEPTH} groups and lists within each other")
        if values > MAX_VALUES:
            raise UserError(f"{_at(event.start_mark)}more than {MAX_VALUES:,} keys and values")
        tag = getattr(event, "tag", None)
        if tag not in (None, "!", _TAG + "str"):
            raise UserError(f"{_at(event.start_mark)}{shown(tag)}: tags are not allowed, but for !!str")


class _Builder:
    """Values from nodes. Aliases are shared nodes: they are bounded as if they were written out."""

    def __init__(self) -> None:
        self.values = self.characters = 0

    def value(self, node: yaml.Node, depth: int) -> Any:
        self.values += 1
        if self.values > MAX_VALUES:
            raise UserError(f"{_at(node.start_mark)}more than {MAX_VALUES:,} keys and values, aliases written out")
        if depth > MAX_DEPTH:
            raise UserError(f"{_at(node.start_mark)}more than {MAX_DEPTH} groups and lists within each other")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(part, depth + 1) for part in node.value]
        return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> Any:
        text: str = node.value
        self.characters += len(text)
        if self.characters > MAX_BYTES:
            raise UserError(f"{_at(node.start_mark)}more than {MAX_BYTES:,} characters, aliases written out")
        match node.tag.removeprefix(_TAG):
            case "int":
                return int(text)
            case "float":
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
            case "bool":
                return _TRUTHS[text.lower()]
            case "null":
                return None
        return text

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                for group in reversed(self._merged(value_node, depth)):
                    merged |= group
                continue
            key = self.value(key_node, depth + 1)
            where = _at(key_node.start_mark)
            if not isinstance(key, str):
                raise UserError(f"{where}a key is a text, got {shown(repr(key))}; put it in quotes if it is one")
            if key in values:
                raise UserError(f"{where}{shown(key)}: there twice")
            values[key] = self.value(value_node, depth + 1)
        return {key: value for key, value in merged.items() if key not in values} | values

    def _merged(self, node: yaml.Node, depth: int) -> list[dict[str, Any]]:
        value = self.value(node, depth + 1)
        groups = value if isinstance(value, list) else [value]
        if not all(isinstance(group, dict) for group in groups):
            raise UserError(f"{_at(node.start_mark)}<<: takes a group of keys or a list of them")
        return groups


def _at(mark: Any) -> str:
    return "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
