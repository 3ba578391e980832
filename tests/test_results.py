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
