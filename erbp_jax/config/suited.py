"""What suits a rule where a config does not say: its optimiser, ticks between updates, ticks of a presentation."""

from collections.abc import Mapping
from typing import Any

from erbp_jax.encoding import LabelNeurons
from erbp_jax.learning import ERBP, BackProp, RandomFeedback, Suggested, Suited

FAMILIES = {"erbp": "eRBP", "perbp": "eRBP", "bp": "gradient", "rbp": "gradient"}
"""Rules of one family share an optimiser; `rule.kind` may change within one and all else stays."""


def family(rule: Any) -> str | None:
    """The family of a rule section, if it has a known kind."""
    kind = rule.get("kind", "erbp") if isinstance(rule, Mapping) else "erbp"
    return FAMILIES.get(kind) if isinstance(kind, str) else None


def for_another_family(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The file's groups, with what suits another rule in the place of what suits the file's own, if an override names a
    rule of another family."""
    given, kept = patch.get("rule"), {str(k): v for k, v in base.items()}
    if not isinstance(given, Mapping) or "kind" not in given or family(given) in (None, family(base.get("rule"))):
        return kept
    kept["optimizer"] = _optimizer(given)
    for group, keys in (("training", ("update_every",)), ("encoding", ("steps", "test_steps"))):
        if isinstance(kept.get(group), Mapping):
            kept[group] = {key: value for key, value in kept[group].items() if key not in keys}
    return kept


def with_suited(data: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what suits the rule where nothing is given."""
    wanted, data = suggested(data.get("rule")), {str(k): v for k, v in data.items()}
    if wanted is None:
        return data
    if data.get("optimizer") is None:
        data["optimizer"] = _optimizer(data.get("rule"))
    encoding = data.get("encoding")
    if encoding is None or (isinstance(encoding, Mapping) and "steps" not in encoding):
        data["encoding"] = {**(encoding or {}), "steps": wanted.steps}
    return data


def _optimizer(rule: Any) -> dict[str, Any]:
    wanted = suggested(rule)
    return {} if wanted is None else {
        "kind": wanted.method, "learning_rate": wanted.learning_rate, "decay": wanted.decay
    }  # fmt: skip


def suggested(rule: Any) -> Suggested | None:
    """What the rule of a section suggests."""
    if family(rule) == "gradient":
        made: Any = BackProp()
    elif family(rule) == "eRBP":
        scale = rule.get("feedback_scale", 1.0) if isinstance(rule, Mapping) else 1.0
        scales = scale if isinstance(scale, (list, tuple)) else [scale]
        if not all(isinstance(s, (int, float)) and s >= 0 for s in scales):
            return None  # a mistake, told when the section is checked
        made = ERBP(LabelNeurons(2), feedback=RandomFeedback(float(max(scales, default=1.0))))
    else:
        return None
    assert isinstance(made, Suited)
    return made.suited()
