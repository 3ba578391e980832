"""What suits a rule where a config does not say: its optimiser, ticks between updates, ticks of a presentation."""

from collections.abc import Mapping
from typing import Any

from erbp_jax.config.sections import DEFAULTS
from erbp_jax.errors import UserError
from erbp_jax.learning import Suggested, Suggests
from erbp_jax.registry import Entry, find


def entry_of(rule: Any) -> Entry | None:
    """What the rule section's kind names, if it is known; plain data or a checked section."""
    kind = rule.get("kind", DEFAULTS["rule"]) if isinstance(rule, Mapping) else getattr(rule, "kind", DEFAULTS["rule"])
    try:
        return find("rule", kind) if isinstance(kind, str) else None
    except UserError:  # reported when the section is checked
        return None


def family(rule: Any) -> str | None:
    """The family of a rule section, if it has a known kind.

    Rules of one family share an optimiser; `rule.kind` may change within one and all else stays.
    """
    entry = entry_of(rule)
    return entry and entry.about.get("family", entry.kind)


def is_gradient(rule: Any) -> bool:
    """Whether a section is that of a rule that follows a gradient through a whole presentation."""
    return family(rule) == "gradient"


def for_another_family(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The file's groups without what suits its own rule, if an override names a rule of another family that says what
    suits it: `with_suggestions` fills it in."""
    given, kept = patch.get("rule"), {str(k): v for k, v in base.items()}
    if not isinstance(given, Mapping) or "kind" not in given or family(given) in (None, family(base.get("rule"))):
        return kept
    if suggested(given) is None:
        return kept
    kept.pop("optimizer", None)
    for group, keys in (("training", ("update_every",)), ("encoding", ("steps", "test_steps"))):
        if isinstance(kept.get(group), Mapping):
            kept[group] = {key: value for key, value in kept[group].items() if key not in keys}
    return kept


def with_suggestions(data: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what suits the rule where nothing is given: of the optimiser key by key, unless its kind is given or
    follows from other keys."""
    wanted, data = suggested(data.get("rule")), {str(k): v for k, v in data.items()}
    if wanted is None:
        return data
    given = data.get("optimizer")
    if given is None or (isinstance(given, Mapping) and "kind" not in given and not _says_sgd(given, wanted)):
        suits = {"kind": wanted.method, "learning_rate": wanted.learning_rate}
        if (given or {}).get("schedule", "exponential") == "exponential":  # others do not decay
            suits["decay"] = wanted.decay
        data["optimizer"] = {**suits, **(given or {})}
    encoding = data.get("encoding")
    if encoding is None or (isinstance(encoding, Mapping) and "steps" not in encoding):
        data["encoding"] = {**(encoding or {}), "steps": wanted.steps}
    return data


def _says_sgd(given: Mapping[str, Any], wanted: Suggested) -> bool:
    """Whether keys of an optimiser without a `kind` are SGD's: momentum; beside a rule's Adam also what sets the size
    of updates as Adam does."""
    tricks = given.get("tricks") or ()
    named = (
        [t.get("kind") if isinstance(t, Mapping) else t for t in tricks] if isinstance(tricks, (list, tuple)) else []
    )
    return "momentum" in given or (wanted.method == "adam" and any(map(_normalises, named)))


def _normalises(kind: Any) -> bool:
    try:
        entry = find("trick", kind) if isinstance(kind, str) else None
    except UserError:  # reported when the section is checked
        return False
    return entry is not None and entry.about.get("place") == "normalise"


def suggested(rule: Any) -> Suggested | None:
    """What the rule of a section suggests, if anything."""
    entry = entry_of(rule)
    if entry is None:
        return None
    if (suggest := entry.about.get("suggested")) is not None:
        return suggest(rule if isinstance(rule, Mapping) else {})
    if (remake := entry.about.get("remake")) is not None:
        made = remake()
        return made.suggested() if isinstance(made, Suggests) else None
    return None
