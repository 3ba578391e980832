"""Names that become folders, columns and titles."""

import re

from erbp_jax.archive import shown
from erbp_jax.errors import UserError

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")
_OTHER = re.compile(r"[^A-Za-z0-9_.-]+")


def check_rule_name(name: str, where: str) -> None:
    """Refuse a rule's name that could not be the name of a folder everywhere.

    Raises:
        UserError: with the form that is allowed.
    """
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{where}: {shown(repr(name))}: a rule's name is 1 to 64 letters (a-z, A-Z), digits, `_`, `-` and `.`, "
            "and does not begin with `.`"
        )


def folder_name(given: str) -> str:
    """The part of a folder's name that comes from a file's name: `../a b/$x.yaml` is `a-b-x`; its last 64 characters.

    Everything but ASCII letters, digits, `_`, `-` and `.` becomes a `-`.
    """
    text = _OTHER.sub("-", given.removesuffix(".yaml").removesuffix(".yml"))
    return text.strip("-.")[-64:].lstrip("-.") or "config"
