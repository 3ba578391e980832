"""Tables in pages: `<!-- table: NAME -->`, the table, `<!-- end -->`."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

MARKED = re.compile(r"(<!-- table: (?P<name>[\w-]+) -->\n)(?P<body>.*?)(<!-- end -->)", re.DOTALL)


def pages(root: Path) -> list[Path]:
    """README.md and all pages of the docs, so that a page may move without a word here."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def names(text: str) -> list[str]:
    """The tables that a page asks for."""
    return [found["name"] for found in MARKED.finditer(text)]


def written(text: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """The page with all its tables made anew.

    Raises:
        KeyError: a table that is not declared.
    """

    def anew(found: re.Match[str]) -> str:
        if found["name"] not in tables:
            raise KeyError(f"no table {found['name']!r}; declared are {', '.join(sorted(tables))}")
        return f"{found[1]}{tables[found['name']]()}\n{found[4]}"

    return MARKED.sub(anew, text)
