"""The pages of the reference: every public name is documented once, every command, and nothing that is gone."""

import importlib
import inspect
import re
import sys

import pytest

import erbp_jax
from erbp_jax.cli.reference import page

PACKAGES = (
    "data",
    "data.events",
    "nir",
    "nnx",
    "learning",
    "learning.tricks",
    "learning.three_factor",
    "neurons",
    "encoding",
    "connections",
    "tasks",
)
UNITS = {f"erbp_jax.{name}" for name in ("Time", "Ticks", "Rate", "PerMs", "Ms", "Hertz")}
DIRECTIVE = re.compile(r"^\.\. (?:autoclass|autofunction|autoexception|autodata|py:data):: (\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def documented(root):
    """Full names in the pages, one per entry."""
    pages = sorted((root / "docs" / "reference" / "api").glob("*.md"))
    return [name for page in pages for name in DIRECTIVE.findall(page.read_text("utf-8"))]


def found(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_every_name_is_told_once(documented):
    assert not {name for name in documented if documented.count(name) > 1}


def test_no_name_is_gone(documented):
    for path in documented:
        assert found(path) is not None, path


def test_every_public_name_is_told(documented):
    pytest.importorskip("nir")
    known = {id(found(path)) for path in documented}
    missing = [name for name in erbp_jax.__all__ if f"erbp_jax.{name}" not in documented and name not in sys.modules]
    missing = [name for name in missing if not inspect.ismodule(getattr(erbp_jax, name))]
    for package in PACKAGES:
        module = importlib.import_module(f"erbp_jax.{package}")
        missing += [f"{package}.{name}" for name in module.__all__ if id(getattr(module, name)) not in known]
    assert not missing


def test_every_name_that_is_told_has_a_text(documented):
    assert not [path for path in documented if callable(found(path)) and not inspect.getdoc(found(path))]


def test_the_page_of_commands_is_that_of_the_command_line(root):
    """`python -m erbp_jax.cli.reference > docs/reference/cli.md` writes it."""
    assert (root / "docs" / "reference" / "cli.md").read_text("utf-8") == page()


def test_every_name_that_does_something_has_an_example(documented):
    """But what others hand out: states, results, traces."""
    without = [
        path for path in documented if callable(found(path)) and ">>>" not in (inspect.getdoc(found(path)) or "")
    ]
    handed_out = {path for path in without if isinstance(found(path), type) and issubclass(found(path), tuple)}
    assert not set(without) - handed_out - UNITS
