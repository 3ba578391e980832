"""The pages are spelled right, and their lines are short enough to be read in an editor and in a diff."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNBROKEN = ("docs/reference/config.md", "docs/reference/cli.md", "CHANGELOG.md")
"""Generated, or one line a change."""
PAGES = sorted(
    str(page.relative_to(ROOT))
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs" / "notebooks").glob("*.py")]
    if not page.is_relative_to(ROOT / "docs" / "results") and not page.is_relative_to(ROOT / "docs" / "_build")
)
LONGEST = 120


def prose(text):
    """The lines of a page by number, without code, tables, formulas and the targets of links."""
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        opened = re.match(r"\s*(`{3,}|:{3,}|\$\$)", line)
        if fence:
            fence = "" if line.strip().startswith(fence) else fence
        elif opened and not (opened[1] == "$$" and line.count("$$") > 1):
            fence = opened[1]
        elif not line.lstrip("# ").startswith("|"):
            yield number, re.sub(r"\]\([^)]*\)|https?://\S+|\{py:\w+\}`[^`]*`|<img [^>]*>", "", line)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in UNBROKEN])
def test_lines_are_short(page):
    text = (ROOT / page).read_text("utf-8")
    long = [f"{page}:{number}: {len(line)}" for number, line in prose(text) if len(line) > LONGEST]
    assert not long, "\n".join(long)


@pytest.mark.parametrize("page", PAGES)
def test_a_heading_has_its_line(page):
    """A paragraph that is broken anew must swallow no heading."""
    text = (ROOT / page).read_text("utf-8")
    swallowed = re.compile(r"[.:)] #{2,4} \w|^#{2,4} .*\.$")
    lost = [f"{page}:{number}: {line}" for number, line in prose(text) if swallowed.search(line)]
    assert not lost, "\n".join(lost)


def test_words_are_spelled_right():
    """What is no mistake is listed in pyproject.toml."""
    pytest.importorskip("codespell_lib")
    sources = ["erbp_jax", "experiments", "benchmarks", "configs"]
    done = subprocess.run(
        [sys.executable, "-m", "codespell_lib", "--toml", "pyproject.toml", *PAGES, *sources],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
