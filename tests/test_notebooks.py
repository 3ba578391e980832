"""Every notebook of the docs runs as it stands, its claims hold, and it leaves nothing behind but figures."""

import re
from pathlib import Path

import jax
import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.py"))
PUBLIC = re.compile(r"^(?:from|import) (erbp_jax[\w.]*)", re.MULTILINE)
OPEN = ("erbp_jax.data", "erbp_jax.learning.three_factor", "erbp_jax.neurons", "erbp_jax.nsat")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    try:
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            exec(compile(path.read_text(), str(path), "exec"), {"__name__": path.stem})
    finally:
        plt.close("all")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_one(path):
    """Metadata that jupytext reads, a title, public imports alone, and a place in the list of all notebooks."""
    text = path.read_text()
    assert "format_name: percent" in text
    assert text.split("# %% [markdown]\n", 2)[1].startswith("# # ")
    assert "# ## Try next" in text.rsplit("# %% [markdown]\n", 1)[1]
    for module in PUBLIC.findall(text):
        assert module == "erbp_jax" or f"{module}.".startswith(tuple(f"{name}." for name in OPEN))
    index = (FOLDER / "index.md").read_text()
    assert f"({path.name})" in index
    assert f"\n{path.stem}\n" in index


def test_there_are_seven():
    assert len(NOTEBOOKS) == 7
