"""The docs' pictures of kept runs can be drawn again, each to its place."""

import sys

import figures


def test_every_picture_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["figures.py", "--out", str(tmp_path)])
    figures.main()
    drawn = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.png"))
    assert len(drawn) == 5
    assert all((figures.DOCS / path).is_file() for path in drawn)


def test_errors_by_bits_are_read_from_the_kept_table():
    table = (figures.RESULTS / "precision" / "twenty_ticks" / "table.md").read_text()
    found = figures.precisions(table)
    assert [row["name"] for row in found["while_learning"]] == ["float", "8 bits", "7 bits", "6 bits", "5 bits"]
    assert [row["bits"] for row in found["after_learning"]] == [None, 8, 6, 5, 4, 3, 2]
    assert found["after_learning"][-1]["test_error"] == 59.16
