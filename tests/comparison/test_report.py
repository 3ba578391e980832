"""The table and the report of a comparison, from rows alone."""

import re

import matplotlib.image
import numpy as np
import pytest

from erbp_jax.comparison import report, table
from erbp_jax.tasks.base import ERROR

COMMON = {
    "test_error": 4.0, "test_error_std": None, "seeds": 1, "epochs": 3, "synops_per_sample": 1e4, "train_seconds": 1.0,
    "compile_seconds": 2.0,
}  # fmt: skip


def rows(*reached):
    kinds = (("erbp", "erbp", "spiking"), ("bp", "bp", "rate"), ("bp_spiking", "bp", "spiking"))
    cells = [
        {**COMMON, "name": n, "rule": k, "form": f, "samples_to_goal": r, "operations_to_goal": r}
        for (n, k, f), r in zip(kinds, reached, strict=True)
    ]
    head = {"dataset": "digits", "network": "64-10", "measure": ERROR._asdict(), "protocol": "mean", "goal": 5.0}
    return {**head, "rows": cells}


@pytest.fixture
def html(tmp_path):
    matplotlib.image.imsave(tmp_path / "a.png", np.ones((4, 4)))

    def write(given):
        return report.write(given, [], tmp_path / "a.png", tmp_path / "a.png", tmp_path / "r.html").read_text()

    return write


def test_no_column_holds_dashes_alone(html):
    assert "operations_to" in table.columns_of(rows(None, 100, None))
    assert "operations_to" not in table.columns_of(rows(None, None, None))
    assert "until" not in table.markdown(rows(None, None, None))
    text = html(rows(None, None, None))
    assert "until" not in text
    assert "No rule reached 5 %." in text
    assert text.count("<td") == 3 * text.count("<th>")


def test_a_row_says_which_form_its_rule_has(html):
    text = html(rows(10, 100, None))
    assert re.findall(r"<tr><td>(.*?)</td>", text) == ["eRBP", "BP, rate", "BP, spiking"]
    assert "without spikes and without time" in text


def test_what_is_wide_scrolls_in_a_frame_of_its_own(html):
    text = html(rows(10, 100, None))
    frames = re.findall(r'<div class="scroll" tabindex="0" role="region" aria-label="([^"]+)">', text)
    assert frames == ["Results", "Learning curves", "Alignment"]
    assert re.search(r"\.scroll \{ overflow-x: auto", text)
    assert "max-width: 72rem" in text  # 1152 px, in a window of 1280


def test_a_table_says_that_its_samples_were_held_out():
    rows = {"dataset": "digits", "network": "64-10", "measure": ERROR._asdict(), "rows": []}
    assert table.columns_of(rows)["test"] == "test error (%)"
    assert table.columns_of({**rows, "test_name": "held-out"})["test"] == "held-out error (%)"
