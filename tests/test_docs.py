"""The Python of the README and of the how-to pages runs as it stands but for the number of epochs, page by page."""

import re

import jax
import pytest

PAGES = ("README.md", "docs/training.md", "docs/networks.md", "docs/tricks.md", "docs/events.md", "docs/nir.md")


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs(page, root, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (root / page).read_text(), re.DOTALL)
    assert blocks
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        code = re.sub(r"epochs=\d+", "epochs=1", "\n".join(blocks))  # more are the same program again
        exec(compile(code, page, "exec"), {"__name__": page})
