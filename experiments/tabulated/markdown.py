"""Markdown tables from rows of cells."""

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table. Columns that no row fills are left out, and lines of more than 120 characters have no spaces.

    Raises:
        ValueError: a row has not as many cells as the header.
    """
    body = [list(row) for row in rows]
    if wrong := [row for row in body if len(row) != len(header)]:
        raise ValueError(f"a row of {len(wrong[0])} cells under a header of {len(header)}: {wrong[0]}")
    used = [i for i in range(len(header)) if any(row[i] for row in body)]
    lines = [[header[i] for i in used], ["---"] * len(used), *([row[i] for i in used] for row in body)]
    return "\n".join(_line(cells) for cells in lines)


def _line(cells: Sequence[str]) -> str:
    spaced = "| " + " | ".join(cells) + " |"
    return spaced if len(spaced) <= 120 else "|" + "|".join(cells) + "|"


def number(value: float | None, form: str = ".2f") -> str:
    """A number, or nothing for None."""
    return "" if value is None else format(value, form)
