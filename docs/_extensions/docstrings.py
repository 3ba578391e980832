"""What a docstring says, for the reference: sections become fields, and nothing that Python made up is shown."""

from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring

GENERATED = ("Alias for field number", "Create and return a new object")
SECTIONS = Config(napoleon_use_param=True, napoleon_use_rtype=False)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", _sections)
    return {"parallel_read_safe": True}


def _sections(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """`Args:`, `Returns:`, `Raises:` and `Example:`.

    An attribute's text has none: napoleon takes what stands in front of a colon for its type.
    """
    if lines and lines[0].startswith(GENERATED):
        lines.clear()
    elif isinstance(obj, type) and issubclass(obj, tuple) and lines and lines[0].startswith(f"{obj.__name__}("):
        lines.clear()  # a named tuple without a text of its own
    elif what not in ("attribute", "property", "data"):
        lines[:] = GoogleDocstring(list(lines), SECTIONS, app, what, name, obj, options).lines()
