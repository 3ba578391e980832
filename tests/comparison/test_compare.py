"""`erbp-jax compare` as a user runs it, and its report in a real browser."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import jax
import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax import archive
from erbp_jax.__main__ import main
from erbp_jax.comparison.cells import check_data, plan
from erbp_jax.config import load_config
from erbp_jax.training import run_data, run_folder

SMALL = [
    "data.train_size=600", "data.test_size=60", "encoding.steps=20", "training.epochs=3", "network.layers=[64,50,10]",
]  # fmt: skip
NAMES = "erbp,rbp,bp"


def compare(root, out, *arguments):
    sys.argv = [
        "erbp-jax",
        "compare",
        str(root / "configs" / "digits_rules.yaml"),
        *SMALL,
        *arguments,
        "--out",
        str(out),
    ]
    try:
        with jax.numpy_dtype_promotion("standard"):  # optax's Adam promotes
            main()
    except SystemExit as stop:
        return stop.code or 0
    return 0


@pytest.fixture(scope="module")
def finished(tmp_path_factory, root):
    out = tmp_path_factory.mktemp("compare") / "digits"
    argv = sys.argv
    try:
        assert compare(root, out, "--rules", NAMES, "--seeds", "2") == 0
    finally:
        sys.argv = argv
    return out


@pytest.fixture(autouse=True)
def _arguments(monkeypatch):
    monkeypatch.setattr(sys, "argv", list(sys.argv))


def test_the_table_has_a_row_a_rule_and_says_how_it_was_measured(finished):
    table = json.loads((finished / "table.json").read_text())
    assert (table["network"], table["dataset"]) == ("64-50-10", "digits")
    assert [row["name"] for row in table["rows"]] == NAMES.split(",")
    for row in table["rows"]:
        errors = row["test_error_per_seed"]
        assert len(errors) == row["seeds"] == 2
        assert row["test_error"] == pytest.approx(np.mean(errors))
        assert row["test_error_std"] == pytest.approx(np.std(errors, ddof=1))
        assert row["synops_per_sample"] > 0
    assert [row["form"] for row in table["rows"]] == ["spiking", "rate", "rate"]
    markdown = (finished / "table.md").read_text()
    assert markdown.count("\n| ") == 4
    assert f"{table['rows'][0]['test_error']:.2f} +- {table['rows'][0]['test_error_std']:.2f}" in markdown


def test_every_rule_logs_its_alignment(finished):
    lines = {
        name: [json.loads(line) for line in (finished / "cells" / name / "metrics.jsonl").read_text().splitlines()]
        for name in NAMES.split(",")
    }
    for name, entries in lines.items():
        for entry in entries:
            assert len(entry["alignment"]["feedback"]) == 1
            assert len(entry["alignment"]["update"]) == 2
            assert entry["training_operations_per_sample"] > entry["synops_per_sample"]
            if name == "bp":
                assert max(entry["alignment"]["feedback"] + entry["alignment"]["update"]) < 0.1
    first, last = (lines["rbp"][i]["alignment"]["feedback"][0] for i in (0, -1))
    assert 10 < last < 90
    assert last < first  # feedback alignment


def test_what_is_finished_is_not_run_again_and_what_was_cut_off_goes_on(finished, root, tmp_path, capsys):
    out = tmp_path / "copy"
    shutil.copytree(finished, out)
    before = (out / "cells" / "erbp" / "summary.json").read_text()
    (out / "cells" / "bp" / "summary.json").unlink()
    weights = archive.load(out / "cells" / "bp" / "weights.npz")["layer0_weight"]
    table = (out / "table.json").read_text()
    (out / "table.json").unlink()
    assert compare(root, out, "--rules", NAMES, "--seeds", "2") == 0
    printed = capsys.readouterr().out
    assert printed.count("finished before") == 2
    assert (out / "cells" / "erbp" / "summary.json").read_text() == before
    np.testing.assert_array_equal(archive.load(out / "cells" / "bp" / "weights.npz")["layer0_weight"], weights)
    for old, new in zip(json.loads(table)["rows"], json.loads((out / "table.json").read_text())["rows"], strict=True):
        assert old["test_error_per_seed"] == new["test_error_per_seed"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--rules", "erbp,bp", "--seeds", "2", "seed=7"],
            ["cells/erbp", "seed: 0 -> 7", "another --out"],
        ),
        (
            ["--rules", "rbp_spiking", "--seeds", "2", "network.layers=[64,5,10]"],
            ["cells/bp", "network.layers: [64, 50, 10] -> [64, 5, 10]", "another --out"],
        ),
        (["--rules", "rbp_spiking", "--seeds", "1"], ["cells/bp", "training.seeds: 2 -> 1"]),
        (["--rules", "rbp_spiking", "--seeds", "2", "data.test_size=61"], ["cells/bp", "data.test_size"]),
        (["--rules", "bp", "--seeds", "2", "training.seeds=1"], ["--seeds: 2 and training.seeds=1 say the same"]),
        (["--rules", "erbp,bp", "--seeds", "2", "rule.kind=bp"], ["rule.kind=bp", "'erbp' was asked for by name"]),
        (["--rules", "", "--seeds", "2"], ["--rules: names with commas between them"]),
        (["--rules", "erbp,", "--seeds", "2"], ["--rules: names with commas between them"]),
        (["--rules", "erbp,bpp", "--seeds", "2"], ["rules: unknown: 'bpp' (did you mean 'bp'?)"]),
        (["--rules", "bp,bp", "--seeds", "2"], ["bp given more than once"]),
        (["--rules", "bp", "--seeds", "0"], ["--seeds: must be at least 1, got 0"]),
    ],
)
def test_wrong_comparisons_are_refused_before_anything_runs(finished, root, capsys, arguments, words):
    before = {p: p.stat().st_mtime_ns for p in finished.rglob("*")}
    assert compare(root, finished, *arguments) == 2
    message = capsys.readouterr().err
    for word in words:
        assert word in message
    assert {p: p.stat().st_mtime_ns for p in finished.rglob("*")} == before


def test_a_cell_of_another_file_is_not_mixed_into_a_table(finished, root, tmp_path, capsys, monkeypatch):
    out = tmp_path / "copy"
    shutil.copytree(finished, out)
    other = tmp_path / "other.yaml"
    text = (root / "configs" / "digits_rules.yaml").read_text()
    other.write_text(text.replace("\n  rbp:", "\n  another:"))
    assert other.read_text() != text
    arguments = ["compare", other, *SMALL, "--rules", "bp", "--seeds", "2", "--out", out]
    monkeypatch.setattr(sys, "argv", ["erbp-jax", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "cells/rbp: a rule that" in capsys.readouterr().err


def test_without_seeds_the_configs_number_counts(root, tmp_path):
    config = root / "configs" / "digits_rules.yaml"
    for overrides, seeds, wanted in (([], None, 3), (["training.seeds=1"], None, 1), ([], 2, 2)):
        planned = plan(config, overrides, ["bp"], seeds, tmp_path)
        assert [cell.config.training.seeds for cell in planned] == [wanted]


def test_the_report_needs_no_other_file(finished):
    html = (finished / "report.html").read_text()
    assert not re.search(r"""(src|href)=["']?+(?!data:)""", html)
    assert "http" not in html.replace("http-equiv", "")
    assert html.count("<img") >= 5


def test_the_report_in_a_browser(finished, tmp_path):
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium on this machine")
    probe = """<script>addEventListener("load", () => {
      const images = [...document.images].map(i => i.naturalWidth);
      const wide = document.documentElement.scrollWidth > innerWidth;
      document.title = JSON.stringify({images, wide, rows: document.querySelectorAll("tbody tr").length});
    });</script>"""
    page = tmp_path / "report.html"
    page.write_text((finished / "report.html").read_text().replace("</body>", probe + "</body>"))
    for width in (1280, 420):
        shown = subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900",
                f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000", "--dump-dom", page.as_uri(),
            ],
            capture_output=True, text=True, timeout=120, check=True, env={**os.environ, "HOME": str(tmp_path)},
        ).stdout  # fmt: skip
        seen = json.loads(re.search(r"<title>(.*?)</title>", shown)[1].replace("&quot;", '"'))
        assert seen["rows"] == 3
        assert len(seen["images"]) >= 5
        assert min(seen["images"]) > 100
        assert not seen["wide"]


def test_a_config_of_one_rule_is_compared_within_its_family_only(root, tmp_path, capsys, monkeypatch):
    single = str(root / "configs" / "digits.yaml")
    monkeypatch.setattr(
        sys, "argv", ["erbp-jax", "compare", single, "--rules", "erbp,bp", "--out", str(tmp_path / "x")]
    )
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "describes erbp alone" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_rule_that_diverges_does_not_keep_the_others_from_finishing(root, tmp_path, capsys):
    config = tmp_path / "rules.yaml"
    text = (root / "configs" / "digits_rules.yaml").read_text()
    config.write_text(
        text.replace(
            "optimizer: {learning_rate: 4.0e-4, schedule: linear, final: 0.05, average: 1}",
            "optimizer: {learning_rate: 3.0e+38}",
        )
    )
    assert config.read_text() != text
    sys.argv = [
        "erbp-jax",
        "compare",
        str(config),
        *SMALL,
        "--rules",
        "erbp,bp",
        "--seeds",
        "1",
        "--out",
        str(tmp_path / "o"),
    ]
    with jax.numpy_dtype_promotion("standard"), pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert re.search(r"stopped: erbp: the weights of \w+ -> \w+ became", capsys.readouterr().err)
    assert [row["name"] for row in json.loads((tmp_path / "o" / "table.json").read_text())["rows"]] == ["bp"]


def test_folders_of_something_else_are_left_alone(root, tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("mine")
    assert compare(root, tmp_path, "--rules", "bp", "--seeds", "1") == 2
    assert "holds thesis.txt, which is not of a comparison" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_summary_that_was_cut_off_is_written_again(finished, root, tmp_path):
    out = tmp_path / "copy"
    shutil.copytree(finished, out)
    path = out / "cells" / "erbp" / "summary.json"
    path.write_text("")
    assert compare(root, out, "--rules", NAMES, "--seeds", "2") == 0
    was = json.loads((finished / "cells" / "erbp" / "summary.json").read_text())
    assert {**json.loads(path.read_text()), "compile_seconds": 0} == {**was, "compile_seconds": 0}


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("environment.json", "{", "missing or damaged"),
        ("metrics.jsonl", None, "has 0 epochs of 3"),
        ("metrics.jsonl", "oops\n{}\n", "line 1 is damaged: 'oops'"),
    ],
)
def test_damaged_cells_are_named_and_kept(finished, root, tmp_path, capsys, file, content, words):
    out = tmp_path / "copy"
    shutil.copytree(finished, out)
    path = out / "cells" / "erbp" / file
    path.unlink() if content is None else path.write_text(content)
    assert compare(root, out, "--rules", NAMES, "--seeds", "2") == 2
    message = capsys.readouterr().err
    assert words in message
    assert "cells/erbp" in message
    assert not path.exists() if content is None else path.read_text() == content


def test_trains_of_other_lengths_are_other_samples_and_not_a_mistake(root, tmp_path):
    """A rule that was shown longer trains kept the others from being trained by a second command."""
    draw = np.random.default_rng(0)
    long = ej.dataset(draw.random((30, 40, 6)) < 0.5, np.arange(30) % 3, trains=True)
    short = replace(long, train=replace(long.train, x=long.train.x[:, :20]), ticks=20)
    configs = {n: load_config(root / "configs" / "digits.yaml", [f"encoding.steps={n}"]) for n in (20, 40)}
    run_folder.create(tmp_path / "cells" / "erbp", configs[40], [], [])
    run_data.keep(tmp_path / "cells" / "erbp", long)
    check_data(tmp_path, configs[40], long)
    check_data(tmp_path, configs[20], short)
    with pytest.raises(ej.UserError, match="cells/erbp: the run began with other training data"):
        check_data(tmp_path, configs[40], replace(long, train=long.train[::-1]))
