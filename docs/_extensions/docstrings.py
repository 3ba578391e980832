"""What a docstring says, for the reference: sections become fields, and nothing that Python made up is shown."""

import inspect
import re
from typing import Protocol

from api_names import found
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring

GENERATED = ("Alias for field number", "Create and return a new object")
SECTIONS = Config(napoleon_use_param=True, napoleon_use_rtype=False)
HEADERS = ("Args:", "Returns:", "Raises:", "Example:")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", _sections)
    app.connect("autodoc-process-signature", _signature)
    return {"parallel_read_safe": True}


def _sections(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """`Args:`, `Returns:`, `Raises:` and `Example:`.

    The first lines of an attribute go as they are: napoleon takes what stands in front of a colon for its type.
    """
    if lines and lines[0].startswith(GENERATED):
        lines[:] = [text] if (text := _comment(name)) else []
    elif isinstance(obj, type) and issubclass(obj, tuple) and lines and lines[0].startswith(f"{obj.__name__}("):
        lines.clear()  # a named tuple without a text of its own
    else:
        first = 0
        if what in ("attribute", "property", "data"):
            first = next((i for i, line in enumerate(lines) if line in HEADERS), len(lines))
        rest = GoogleDocstring(lines[first:], SECTIONS, app, "function", name, obj, options).lines()
        lines[:] = [*lines[:first], *rest]


def _comment(path: str) -> str:
    """What stands behind a field of a named tuple, in its line."""
    owner, _, field = path.rpartition(".")
    told = re.search(rf"^    {field}: .*?  # (.+)$", inspect.getsource(found(owner)), re.MULTILINE)
    text = told[1] if told else ""
    return re.sub(r"(\[[^\]]*\])", r"``\1``", text).replace("*", "\\*")


def _signature(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """A protocol is not called, and a default that is made anew is `...`."""
    del app, what, name, options
    if isinstance(obj, type) and Protocol in obj.__bases__:
        return None, None
    return signature and signature.replace("<factory>", "..."), returned
