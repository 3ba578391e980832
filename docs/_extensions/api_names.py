"""Names of the package in its docstrings: text in backticks that is a public name becomes a link to the reference."""

import importlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

PAGES = Path(__file__).resolve().parents[1] / "reference" / "api"
DIRECTIVES = (".. autoclass:: ", ".. autofunction:: ", ".. autoexception:: ", ".. autodata:: ", ".. py:data:: ")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_role("named", _code_or_link)
    app.connect("missing-reference", _where_it_is_told)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True}


@cache
def told() -> tuple[str, ...]:
    """The full names that the pages of the reference have."""
    lines = [line for page in sorted(PAGES.glob("*.md")) for line in page.read_text("utf-8").splitlines()]
    return tuple(line.removeprefix(d) for line in lines for d in DIRECTIVES if line.startswith(d))


def found(path: str) -> Any:
    """The object of a full name.

    Raises:
        AttributeError: there is none.
    """
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        raise AttributeError(path) from error


@cache
def _homes() -> dict[str, str]:
    """The name in the reference by the place where an object is defined."""
    by_home = {}
    for path in told():
        thing = found(path)
        by_home[f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', path)}"] = path
    return by_home


@cache
def _short() -> dict[str, str]:
    """The full name by the last part, where only one thing has it; `erbp_jax.Name` goes first."""
    short: dict[str, str] = {}
    for path in sorted(told(), key=lambda path: path.count(".")):
        short.setdefault(path.rpartition(".")[2], path)
    return short


def _code_or_link(
    role: str,
    rawtext: str,
    text: str,
    lineno: int,
    inliner: Inliner,
    options: dict[str, Any] | None = None,
    content: Sequence[str] = (),
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    del role, rawtext, lineno, inliner, options, content
    text = text.replace("\x00", "\\")
    code = nodes.literal(text, text)
    path = _short().get(text.removeprefix("ej."))
    if path is None or not text.removeprefix("ej.")[:1].isalpha():
        return [code], []
    link = addnodes.pending_xref("", refdomain="py", reftype="obj", reftarget=path, refexplicit=True, refwarn=True)
    link += code
    return [link], []


def _where_it_is_told(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, contnode: nodes.Element
) -> nodes.Node | None:
    """A type in a signature has the name of the module that defines it, and the reference that of the public one.

    What exists and is not public (`erbp_jax.trace.Wide`) stays plain; what does not exist is a warning.
    """
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py":
        return None
    if path := _homes().get(target):
        domain = env.domains.python_domain
        return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", path, node, contnode)
    if target.startswith("erbp_jax."):
        try:
            found(target)
        except AttributeError:
            return None
        return contnode
    return None


def _skip(app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:
    del app, what, obj, options
    return True if name.startswith("_") else skip or None
