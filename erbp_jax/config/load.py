"""From a YAML file and `key=value` overrides to a checked config: all mistakes at once, each with its path."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from erbp_jax.archive import read_text, shown
from erbp_jax.cache import expanded
from erbp_jax.config import yaml_text
from erbp_jax.config.mistakes import explained, nearest, telling, unknown_kind
from erbp_jax.config.names import check_rule_name
from erbp_jax.config.recipe import RECIPE
from erbp_jax.config.retired import without_retired
from erbp_jax.config.schema import Config
from erbp_jax.config.suggested import for_another_family, with_suggestions
from erbp_jax.config.walk import kinds_with, parts_of, section_of
from erbp_jax.errors import UserError

Model = TypeVar("Model", bound=BaseModel)

NO_FILE = "default"
"""The name in place of a file's: `RECIPE` is the config."""
MAX_RULES = 100
"""In one file."""
MAX_MISTAKES = 20
"""That one message tells."""

PERBP_TRANSMISSION = {"kind": "blank_out"}
"""peRBP is eRBP with stochastic synapses: a preset of the transmission, not a second rule."""


def load_config(path: Path | str, overrides: Sequence[str] = (), rule: str | None = None) -> Config:
    """Read a config file, apply `dotted.key=value` overrides, check.

    A file may describe one network under several rules: its key `rules` has a name for each, and under it the groups
    that differ. `rule` chooses one; without it the one that an override of `rule.kind` names, else the first.
    `data.dir` and `data.path` become absolute, so that what is trained with the config can be tested from elsewhere.

    Raises:
        UserError: with one line a mistake: the path of the key, what was given, what is allowed.
    """
    config = _chosen(path, overrides, rule)
    places = {key: value for key in ("dir", "path") if (value := getattr(config.data, key))}
    if not places:
        return config
    absolute = {key: str(expanded(value, f"data.{key}")) for key, value in places.items()}
    return config.model_copy(update={"data": config.data.model_copy(update=absolute)})


def _chosen(path: Path | str, overrides: Sequence[str], rule: str | None) -> Config:
    base, recipes = _read(Path(path))
    where = "overrides (base: configs/digits.yaml)" if str(path) == NO_FILE else str(path)
    patch = parse_overrides(overrides)
    kind = _kind(patch)
    if rule is not None and kind is not None and kind != rule:
        raise UserError(
            f"rule.kind={shown(str(kind))}: the rule {shown(repr(rule))} was asked for by name; say one or the other"
        )
    check(base, where)  # report a mistake in the file even if it is overridden
    together = f"{where}, with overrides" if overrides and str(path) != NO_FILE else where
    if not recipes:
        kind = {"rule": {"kind": rule}} if rule is not None else {}
        base = for_another_family(base, _deep(kind, patch))
        return check(overlay(overlay(base, kind), patch), together)
    for name, recipe in recipes.items():  # a mistake in any of them is a mistake in the file
        check(overlay(base, recipe), f"{where}, rules.{name}")
    if rule is not None and rule not in recipes:
        raise UserError(unknown_kind(f"{shown(str(path), 400)}: rules", rule, list(recipes)))
    wanted = kind if rule is None else rule
    chosen = wanted if isinstance(wanted, str) and wanted in recipes else next(iter(recipes))
    base = for_another_family(overlay(base, recipes[chosen]), patch)
    return check(overlay(base, patch), f"{where}, rules.{chosen}{', with overrides' if overrides else ''}")


def _kind(patch: Mapping[str, Any]) -> Any:
    """The `rule.kind` of overrides; None if they say none."""
    named = patch.get("rule")
    return named.get("kind") if isinstance(named, Mapping) else None


def first_of(path: Path | str, overrides: Sequence[str], rule: str | None) -> str | None:
    """What to say of a config with several rules of which nobody chose one: which is taken."""
    recipes = _read(Path(path))[1]
    if rule is not None or _kind(parse_overrides(overrides)) is not None or len(recipes) < 2:
        return None
    return f"rule: {next(iter(recipes))}, the first of {', '.join(recipes)}; --rule chooses another"


def rule_names(path: Path | str) -> list[str]:
    """The rules that a config file describes by name; empty if it describes one network and one rule."""
    return list(_read(Path(path))[1])


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        UserError: no file, not readable, not YAML, not a mapping.
    """
    where = shown(str(path), 400)
    if not os.path.lexists(path):
        raise UserError(f"{where}: no such config file")
    text = read_text(path, yaml_text.MAX_BYTES)
    try:
        data = yaml_text.parse(text)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise UserError(f"{where}: a config is a mapping of keys to values")
    return data


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The file's groups, and those of its `rules`; without a file those of the recipe."""
    data = dict(RECIPE) if str(path) == NO_FILE else read_yaml(path)
    recipes = data.pop("rules", None)
    recipes = {} if recipes is None else recipes
    where = f"{shown(str(path), 400)}: rules"
    if not isinstance(recipes, dict) or not all(isinstance(r, dict) for r in recipes.values()):
        raise UserError(f"{where}: a mapping of names to groups of keys, for example bp: {{rule: {{kind: bp}}}}")
    if len(recipes) > MAX_RULES:
        raise UserError(f"{where}: at most {MAX_RULES} rules in a file, got {len(recipes)}")
    for name in recipes:
        check_rule_name(name, where)
    return data, recipes


def parse_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    """`dotted.key=value` items as nested groups; the value is YAML, a group is laid over what stands there.

    Raises:
        UserError: an item of another form.
    """
    patch: dict[str, Any] = {}
    for item in overrides:
        key, equals, text = item.partition("=")
        parts = key.split(".")
        if not equals or not all(parts) or len(parts) > yaml_text.MAX_DEPTH:
            raise UserError(f"{shown(repr(item))}: an override is dotted.key=value, for example training.epochs=5")
        try:
            value = yaml_text.parse(text)
        except UserError as error:
            raise UserError(f"override {shown(item)}: {error}") from None
        for part in reversed(parts):
            value = {part: value}
        patch = _deep(patch, value)
    return patch


def _deep(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`patch` over `base`, groups key by key."""
    merged = dict(base)
    for key, value in patch.items():
        old = merged.get(key)
        merged[key] = _deep(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def overlay(
    base: Mapping[str, Any], patch: Mapping[str, Any], model: type[BaseModel] | None = Config
) -> dict[str, Any]:
    """`patch` over `base`, key by key.

    A group whose `kind` changes loses the keys that only its old kind has; what neither has stays, to be reported.
    """
    merged = dict(base)
    for key, value in patch.items():
        old = merged.get(key)
        if not (isinstance(value, Mapping) and isinstance(old, Mapping)):
            merged[key] = value
            continue
        field = model.model_fields.get(str(key)) if model else None
        section = section_of(field.annotation, {**old, **value}) if field else None
        if section and value.get("kind", old.get("kind")) != old.get("kind"):
            before = section_of(field.annotation, _with_kind(field, old)) if field else None
            gone = set(before.model_fields if before else ()) - set(section.model_fields)
            old = {k: v for k, v in old.items() if k not in gone}
        merged[key] = overlay(old, value, section)
    return merged


def check(data: Mapping[str, Any], where: str) -> Config:
    """A config from plain data.

    Raises:
        UserError: as `load_config`.
    """
    return check_model(Config, data, where, _completed)


def check_model(
    model: type[Model],
    data: Mapping[str, Any],
    where: str,
    fill: Callable[[dict[str, Any]], dict[str, Any]] = lambda data: data,
) -> Model:
    """Plain data as a checked section; `fill` adds what other keys imply.

    Raises:
        UserError: with one line a mistake: the path of the key, what was given, what is allowed.
    """
    data, retired = without_retired(data)
    data = _with_kinds(model, fill(data))
    mistakes: Iterable[str] = chain(retired, _unknown_keys(model, data, ()))
    try:
        checked = model.model_validate(data)
    except ValidationError as error:
        found = telling([e for e in error.errors(include_url=False) if e["type"] != "extra_forbidden"])
        mistakes, checked = chain(mistakes, (explained(e, data) for e in found)), None
    distinct = list(dict.fromkeys(islice(mistakes, MAX_MISTAKES + 1)))
    if distinct or checked is None:
        more = ["and more"] if len(distinct) > MAX_MISTAKES else []
        lines = "\n".join(f"  {line}" for line in distinct[:MAX_MISTAKES] + more)
        raise UserError(f"{shown(where, 500)}:\n{lines}")
    return checked


def _completed(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a rule implies, and what suits it where nothing is given."""
    return with_suggestions(with_presets(data))


def with_presets(data: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what a rule's name implies about the network: `perbp` has stochastic synapses."""
    data = {str(k): v for k, v in data.items()}
    rule, network = data.get("rule"), data.get("network", {})
    if isinstance(rule, Mapping) and rule.get("kind") == "perbp" and isinstance(network, Mapping):
        transmission = network.get("transmission") or {}
        if isinstance(transmission, Mapping) and "kind" not in transmission:
            data["network"] = {**network, "transmission": PERBP_TRANSMISSION | dict(transmission)}
        elif isinstance(transmission, Mapping) and transmission.get("kind") == "reliable":
            raise UserError(
                "network.transmission.kind: perbp is eRBP with stochastic synapses, got 'reliable'; "
                "leave it out, or set rule.kind=erbp"
            )
    return data


def differences(a: Config, b: Config) -> list[str]:
    """The dotted keys in which two configs differ, with both values."""
    left, right = dict(_flatten(a.model_dump(mode="json"))), dict(_flatten(b.model_dump(mode="json")))
    return [
        f"{key}: {left.get(key, '(absent)')} -> {right.get(key, '(absent)')}"
        for key in sorted(left.keys() | right.keys())
        if left.get(key) != right.get(key)
    ]


def to_yaml(config: BaseModel) -> str:
    """The resolved config as YAML; `load_config` reads it back to an equal config."""
    return yaml_text.dump(config.model_dump(mode="json"))


def _flatten(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _with_kinds(model: type[BaseModel], data: Mapping[str, Any]) -> dict[str, Any]:
    """Groups without a `kind` have the default kind."""
    filled = dict(data)
    for key, value in data.items():
        field = model.model_fields.get(str(key))
        if field is None or not isinstance(value, Mapping):
            continue
        value = _with_kind(field, value)
        section = section_of(field.annotation, value)
        filled[key] = _with_kinds(section, value) if section else value
    return filled


def _with_kind(field: FieldInfo, value: Mapping[str, Any]) -> Mapping[str, Any]:
    if "kind" in value or not hasattr(field.default, "kind"):
        return value
    return {"kind": field.default.kind, **value}


def _unknown_keys(model: type[BaseModel], data: Any, path: tuple[str, ...], annotation: Any = None) -> Iterator[str]:
    """Keys that the model has no field for: whose they are, or the nearest one that it has.

    `annotation` is that of the section, which says what else it could be.
    """
    if not isinstance(data, Mapping):
        return
    for key, value in data.items():
        field = model.model_fields.get(str(key))
        if field is None:
            yield f"{'.'.join((*path, shown(str(key))))}: unknown key ({_hint(str(key), model, data, annotation)})"
            continue
        for annotation_of_part, part, place in parts_of(field.annotation, value):
            section = section_of(annotation_of_part, part)
            if section is not None:
                yield from _unknown_keys(section, part, (*path, str(key), *place), annotation_of_part)


def _hint(key: str, model: type[BaseModel], data: Mapping[str, Any], annotation: Any) -> str:
    known = list(model.model_fields)
    if owners := kinds_with(annotation, key):
        allowed = [name for name in known if name != "kind"]
        return f"{key} is a key of {', '.join(owners)}; {data.get('kind')} has: {', '.join(allowed) or 'none'}"
    near = nearest(key, known)
    return f"did you mean {near!r}?" if near else f"known: {', '.join(known)}"
