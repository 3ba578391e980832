"""The pages print what the kept runs hold: tables are up to date, figures exist, and every run is whole."""

import re
from pathlib import Path

import pytest

from erbp_jax.config import load_config
from tabulated import pages, runs
from tabulated.declared import NETWORKS, TABLES, declared

ROOT = runs.ROOT
PAGES = pages.pages(ROOT)
TARGET = re.compile(r"\]\(([^)#\s]+?)(?:#[^)\s]*)?\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


REPORTS = [ROOT / "docs" / name for name in ("results.md", "cost.md", "performance.md")]
LAB = sorted((ROOT / "docs" / "lab").glob("*.md"))


def _headings(text: str, start: str = "#") -> set[str]:
    """The anchors of a page's headings, as a forge makes them."""
    titles = [line.lstrip("# ") for line in text.splitlines() if line.startswith(start)]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [p for p in PAGES if pages.names(p.read_text())], ids=_id)
def test_the_tables_of_a_page_are_those_of_the_runs(page):
    text = page.read_text()
    assert pages.written(text, TABLES) == text, "`make tables` writes them anew"


def test_every_declared_table_stands_on_a_page():
    assert set(TABLES) == {name for page in PAGES for name in pages.names(page.read_text())}


def test_a_changed_figure_is_noticed():
    page = next(p for p in PAGES if "784-100-10" in pages.names(p.read_text()))
    text = page.read_text()
    assert pages.written(text.replace("2.59", "2.95"), TABLES) == text


def test_a_table_that_is_not_declared_is_named():
    with pytest.raises(KeyError, match="no table 'nonsense'"):
        pages.written("<!-- table: nonsense -->\n<!-- end -->", TABLES)


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_what_a_page_links_to_exists(page):
    targets = [t for t in TARGET.findall(CODE.sub("", page.read_text())) if "://" not in t and "mailto:" not in t]
    assert not [t for t in targets if not (page.parent / t).exists()]


@pytest.mark.parametrize(
    "page", [ROOT / "docs" / p for p in ("results.md", "cost.md", "performance.md")] + LAB, ids=_id
)
def test_headings_that_a_page_links_to_exist(page):
    for target, heading in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text()):
        if "://" not in target:
            text = (page.parent / target).read_text() if target else page.read_text()
            assert heading in _headings(text), f"{page.name}: {target}#{heading}"


def test_the_index_of_the_notebook_lists_every_entry():
    index = (ROOT / "docs" / "lab" / "index.md").read_text()
    entries = {
        f"{p.name}#{h}" for p in LAB if p.stem not in ("index", "audit") for h in _headings(p.read_text(), "## ")
    }
    assert not [entry for entry in sorted(entries) if f"({entry})" not in index]


def test_every_entry_of_the_notebook_has_a_date_and_an_answer():
    for page in LAB:
        if page.stem in ("index", "audit"):
            continue
        for entry in page.read_text().split("\n## ")[1:]:
            title = f"{page.name}: {entry.splitlines()[0]}"
            assert re.search(r"^2026-\d\d-\d\d", entry, re.MULTILINE), title
            assert "Question" not in entry or "**Answer" in entry, title


def test_every_picture_of_a_run_stands_on_a_page():
    shown = {(page.parent / t).resolve() for page in PAGES for t in TARGET.findall(page.read_text())}
    assert not [_id(picture) for picture in runs.RESULTS.rglob("*.png") if picture.resolve() not in shown]


@pytest.mark.parametrize("folder", runs.kept())
def test_a_kept_run_is_whole(folder):
    run = runs.read(folder)
    load_config(runs.RESULTS / folder / "config.yaml")
    assert len(run.metrics) == run.summary["epochs"]
    assert run.errors(5) == pytest.approx(run.summary["test_error_mean_last5_per_seed"])
    assert runs.spread(run.errors(5)) == pytest.approx(run.summary["test_error_mean_last5_std"])


def test_metrics_never_stand_without_a_summary():
    assert not [
        _id(path) for path in runs.RESULTS.rglob("metrics.jsonl") if not (path.parent / "summary.json").exists()
    ]


def test_every_kept_run_is_in_a_table():
    networks = set(NETWORKS)
    left = [runs.read(folder) for folder in runs.kept() if folder not in declared()]
    assert not [run.folder for run in left if (run.summary["network"], run.summary["dataset"]) not in networks]
