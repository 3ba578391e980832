"""What rules are called in pictures and reports: by the field's name, and with the form that they learn in."""

NAMES = {"erbp": "eRBP", "perbp": "peRBP", "rbp": "RBP", "bp": "BP"}
FORMED = ("bp", "rbp")
"""Rules that exist for spikes and for rates."""


def rule_name(kind: str, form: str | None = None) -> str:
    """A kind of rule as people know it: `eRBP`; `BP, rate` or `BP, spiking` where there are two forms."""
    name = NAMES.get(kind, kind)
    return f"{name}, {form}" if form and kind in FORMED else name


def entry_name(name: str, kind: str, form: str | None = None) -> str:
    """An entry of a comparison: its rule, with the entry's own name in front if that says anything else."""
    full = rule_name(kind, form)

    def letters(text: str) -> str:
        return "".join(c for c in text.lower() if c.isalnum())

    return full if letters(name) in (letters(kind), letters(full)) else f"{name} ({full})"
